package server

import (
	"bytes"
	"errors"
	"net"
	"strconv"
	"strings"
)

// A framedListener closes connections with requests that have both
// Content-Length and Transfer-Encoding. Net/http uses Transfer-Encoding and
// ignores Content-Length. A proxy in front that uses the other one would treat
// part of one client's request as the start of another's. It's for plain HTTP,
// which proxies use.
type framedListener struct{ net.Listener }

// Accept waits for a connection.
func (l framedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &framedConn{Conn: conn}, nil
}

// A framedConn tracks the requests that it reads.
type framedConn struct {
	net.Conn
	frames frames
	err    error
}

var errFraming = errors.New("a request has both Content-Length and Transfer-Encoding")

// Read reads, and fails at the end of a header that has both.
func (c *framedConn) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.Conn.Read(p)
	if whole := c.frames.follow(p[:n]); whole < n {
		c.err = errFraming
		if whole == 0 {
			return 0, c.err
		}
		return whole, nil
	}
	return n, err
}

// maxFrameLine limits what is remembered of a line. Net/http refuses longer
// headers.
const maxFrameLine = 2 * maxHeaderBytes

// frames track a position in a connection's requests.
type frames struct {
	part           framePart
	line           []byte
	skip           int64 // bytes of a body or of a chunk
	sized, chunked bool
	length         int64
}

type framePart int

const (
	inHeader  framePart = iota
	inBody              // of a known length
	inSize              // of a chunk
	inChunk             // and the line break after it
	inTrailer           // after the last chunk
	lost                // what net/http refuses
)

// follow returns how many of the bytes may be passed on: all, but none after a
// header that has both.
func (f *frames) follow(data []byte) int {
	for at := 0; at < len(data); {
		switch f.part {
		case lost:
			return len(data)
		case inBody, inChunk:
			n := min(f.skip, int64(len(data)-at))
			at += int(n)
			if f.skip -= n; f.skip == 0 {
				f.part = map[framePart]framePart{inBody: inHeader, inChunk: inSize}[f.part]
			}
			continue
		}
		end := bytes.IndexByte(data[at:], '\n')
		if end < 0 {
			f.line = append(f.line, data[at:]...)
			if len(f.line) > maxFrameLine {
				f.part, f.line = lost, nil
			}
			return len(data)
		}
		line := strings.TrimSuffix(string(append(f.line, data[at:at+end]...)), "\r")
		f.line = f.line[:0]
		if !f.take(line) {
			return at
		}
		at += end + 1
	}
	return len(data)
}

// take processes a line. It returns false at the end of a header that has both.
func (f *frames) take(line string) bool {
	switch f.part {
	case inHeader:
		if line == "" {
			return f.endHeader()
		}
		f.field(line)
	case inSize:
		text, _, _ := strings.Cut(line, ";")
		n, err := strconv.ParseInt(strings.TrimSpace(text), 16, 63)
		switch {
		case err != nil || n < 0:
			f.part = lost
		case n == 0:
			f.part = inTrailer
		default:
			f.part, f.skip = inChunk, n+int64(len("\r\n"))
		}
	case inTrailer:
		if line == "" {
			f.part = inHeader
		}
	}
	return true
}

// field processes a line of a header.
func (f *frames) field(line string) {
	name, value, _ := strings.Cut(line, ":")
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "transfer-encoding":
		f.chunked = true
	case "content-length":
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 63)
		if err != nil || n < 0 {
			n = 0 // net/http refuses it
		}
		f.sized, f.length = true, n
	}
}

// endHeader continues with the body. It returns false if the header has both.
func (f *frames) endHeader() bool {
	sized, chunked, length := f.sized, f.chunked, f.length
	*f = frames{line: f.line}
	switch {
	case sized && chunked:
		return false
	case chunked:
		f.part = inSize
	case length > 0:
		f.part, f.skip = inBody, length
	}
	return true
}
