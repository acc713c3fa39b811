package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// echoed serves on a listener and returns the requests, one per line.
func echoed(t *testing.T, wrap func(net.Listener) net.Listener) (addr string, asked func() []string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []string
	server := &http.Server{MaxHeaderBytes: maxHeaderBytes, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		all = append(all, fmt.Sprintf("%s %s %q %v", r.Method, r.URL.Path, body, err != nil))
		mu.Unlock()
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(wrap(l)) }()
	t.Cleanup(func() { server.Close(); <-done })
	return l.Addr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// send sends text in pieces and returns the status of each answer.
func send(t *testing.T, addr, text string, piece int) []int {
	t.Helper()
	conn, err := net.Dial("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		for data := []byte(text); len(data) > 0; {
			n := min(piece, len(data))
			if _, err := conn.Write(data[:n]); err != nil {
				return
			}
			data = data[n:]
		}
		conn.(*net.TCPConn).CloseWrite()
	}()
	var got []int
	in := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return got
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		got = append(got, res.StatusCode)
	}
}

const (
	both    = "POST /both HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	sized   = "POST /sized HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nTransfer-En"
	chunked = "POST /chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n13\r\nContent-Length: 5\r\n\r\n0\r\nX: y\r\n\r\n"
	get     = "GET /get HTTP/1.1\r\nHost: x\r\n\r\n"
)

// TestFraming checks that requests with both length headers are refused, at any
// position in a connection and in any pieces, and that nothing else changes.
func TestFraming(t *testing.T) {
	for name, tt := range map[string]struct {
		text   string
		status []int
	}{
		"both":                  {both, []int{400}},
		"both, the other way":   {strings.Replace(both, "Content-Length: 4\r\nTransfer-Encoding: chunked", "transfer-encoding:chunked\r\ncontent-LENGTH:4", 1), []int{400}},
		"both, folded":          {strings.Replace(both, "Transfer-Encoding: chunked", "Transfer-Encoding:\r\n chunked", 1), []int{400}},
		"both, bare line feeds": {strings.ReplaceAll(both, "\r\n", "\n"), []int{400}},
		"after others":          {get + sized + chunked + get + both + get, []int{200, 200, 200, 200, 400}},
		"none":                  {get + chunked + sized + chunked + get, []int{200, 200, 200, 200, 200}},
		"in a body":             {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + fmt.Sprint(len(both)) + "\r\n\r\n" + both + get, []int{200, 200}},
	} {
		for _, piece := range []int{1, 3, 7, 1 << 20} {
			addr, asked := echoed(t, func(l net.Listener) net.Listener { return framedListener{l} })
			if got := send(t, addr, tt.text, piece); !slices.Equal(got, tt.status) {
				t.Errorf("%s, by %d bytes: %v, want %v", name, piece, got, tt.status)
			}
			if slices.ContainsFunc(asked(), func(s string) bool { return strings.HasPrefix(s, "POST /both ") }) {
				t.Errorf("%s, by %d bytes: the handler was called", name, piece)
			}
		}
	}
}

// FuzzFrames checks that data without requests with both headers is read
// unchanged.
func FuzzFrames(f *testing.F) {
	for _, text := range []string{both, sized, chunked, get, get + both, "\n\n", "GET / HTTP/1.1\r\nContent-Length: 9223372036854775807\r\n\r\n"} {
		f.Add([]byte(text), 3)
	}
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		var whole, pieces frames
		want := whole.follow(data)
		got, step := 0, 1+max(piece, 0)%64
		for at := 0; at < len(data); at += step {
			part := data[at:min(at+step, len(data))]
			n := pieces.follow(part)
			got += n
			if n < len(part) {
				break
			}
		}
		// Half of a split line break is passed on.
		if got != want && got != want+1 || (got < len(data)) != (want < len(data)) {
			t.Errorf("%d bytes in pieces, %d at once", got, want)
		}
		lower := bytes.ToLower(data)
		if want < len(data) && !(bytes.Contains(lower, []byte("content-length")) && bytes.Contains(lower, []byte("transfer-encoding"))) {
			t.Errorf("refused without both headers after %d of %d bytes", want, len(data))
		}
	})
}
