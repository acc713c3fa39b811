package signerd

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// greeting is what each side sends first. Its last byte is the version of the
// protocol.
const greeting = "MCSIGN\x00\x01"

// A kind is the type of a frame.
type kind byte

// The kinds of frames. Requests come from the web process. Each is answered by
// one frame with the same number.
const (
	askSign      kind = iota + 1 // a claim
	askChecksums                 // a list of checksums
	askStatus                    // nothing
	described                    // not an answer: what signs from here on, as JSON
	signed                       // a signature: of a profile as parts, of checksums by itself
	refused                      // a refusal, as JSON
	status                       // a Status, as JSON
)

// Limits on the content of frames, in bytes.
const (
	maxClaim     = gate.MaxSize + 8<<10
	maxChecksums = 24 << 20 // 50,000 names of 255 characters, which no archive has
	maxAnswer    = gate.MaxSize + 64<<10
)

// limit returns the maximum size of a frame's body, or a negative number for
// an unknown kind.
func (k kind) limit() int {
	switch k {
	case askSign:
		return maxClaim
	case askChecksums:
		return maxChecksums
	case askStatus:
		return 0
	case described, signed, refused, status:
		return maxAnswer
	}
	return -1
}

// isQuestion reports whether the web process may send frames of the kind.
func (k kind) isQuestion() bool { return k >= askSign && k <= askStatus }

// headerSize is the size of a frame's header: its length, its kind and its
// number.
const headerSize = 4 + 1 + 4

// A frame is a request or an answer.
type frame struct {
	kind   kind
	number uint32
	body   []byte
}

var errFrame = errors.New("a frame of an unknown kind or a wrong length")

// readFrame reads a frame of an expected kind. It uses the buffer for the body
// if it is large enough.
func readFrame(r *bufio.Reader, may func(kind) bool, buffer []byte) (frame, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return frame{}, err
	}
	f := frame{kind: kind(header[4]), number: binary.BigEndian.Uint32(header[5:])}
	size := binary.BigEndian.Uint32(header[:])
	if !may(f.kind) || int64(size) > int64(f.kind.limit()) {
		return frame{}, errFrame
	}
	if f.body = buffer[:0]; int(size) > cap(f.body) {
		f.body = make([]byte, 0, size)
	}
	f.body = f.body[:size]
	if _, err := io.ReadFull(r, f.body); err != nil {
		return frame{}, noEOF(err)
	}
	return f, nil
}

// noEOF turns an end inside a frame into an error that nobody mistakes for a
// regular end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendFrame encodes a frame whose body consists of the parts.
func appendFrame(out []byte, k kind, number uint32, parts ...[]byte) []byte {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	out = binary.BigEndian.AppendUint32(out, uint32(size))
	out = append(out, byte(k))
	out = binary.BigEndian.AppendUint32(out, number)
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// Parts are a signed profile without the profile, which both sides have. Their
// encoding is the digest, the number of bytes before the profile, and the rest.
type parts struct {
	digest [sha256.Size]byte // of the profile
	before []byte            // of the envelope, and
	after  []byte
}

var errParts = errors.New("signing: the signer's answer isn't a signed profile")

func (p parts) encode() []byte {
	out := make([]byte, 0, sha256.Size+2+len(p.before)+len(p.after))
	out = append(out, p.digest[:]...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(p.before)))
	return append(append(out, p.before...), p.after...)
}

func readParts(body []byte) (p parts, err error) {
	in := cryptobyte.String(body)
	var before cryptobyte.String
	if !in.CopyBytes(p.digest[:]) || !in.ReadUint16LengthPrefixed(&before) || len(before) == 0 || len(in) == 0 {
		return parts{}, errParts
	}
	p.before, p.after = before, in
	return p, nil
}

// envelope puts the profile back.
func (p parts) envelope(profile gate.Cleared) []byte {
	out := make([]byte, 0, len(p.before)+profile.Size()+len(p.after))
	return append(profile.Append(append(out, p.before...)), p.after...)
}

// Limits of the data that is waiting to be written.
const (
	maxUnsent    = maxChecksums + 8<<20
	writeTimeout = 5 * time.Second
	keptBuffer   = 1 << 20
)

var errSlow = errors.New("the peer doesn't read")

// A writer writes frames. Frames that arrive while it writes are written
// together by one call.
type writer struct {
	conn net.Conn

	mu      sync.Mutex
	unsent  []byte
	spare   []byte // of the last call, for the next
	writing bool
	err     error // after which nothing is written
}

// send writes a frame, or leaves it to the goroutine that is writing.
func (w *writer) send(k kind, number uint32, parts ...[]byte) error {
	return w.write(func(out []byte) []byte { return appendFrame(out, k, number, parts...) })
}

// write is send for appended data. Nobody else appends meanwhile.
func (w *writer) write(add func(out []byte) []byte) error {
	w.add(add)
	return w.flush()
}

// add is write without sending anything yet.
func (w *writer) add(add func(out []byte) []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.unsent = add(w.unsent)
	}
	if len(w.unsent) > maxUnsent {
		w.fail(errSlow)
	}
}

// flush sends what was added, or leaves it to the goroutine that is writing.
func (w *writer) flush() error {
	runtime.Gosched() // so that others that could run now add theirs
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.writing {
		return w.err
	}
	w.writing = true
	defer func() { w.writing = false }()
	for len(w.unsent) > 0 && w.err == nil {
		out := w.unsent
		w.unsent = w.spare[:0]
		w.mu.Unlock()
		err := w.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err == nil {
			_, err = w.conn.Write(out)
		}
		w.mu.Lock()
		if err != nil {
			w.fail(err)
		}
		if w.spare = out; cap(out) > keptBuffer {
			w.spare = nil
		}
	}
	return w.err
}

// fail closes the connection, so that its reader ends too.
func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
		w.conn.Close()
	}
}

// greet sends the greeting and expects it.
func greet(conn net.Conn, r *bufio.Reader) error {
	if _, err := io.WriteString(conn, greeting); err != nil {
		return err
	}
	var got [len(greeting)]byte
	if _, err := io.ReadFull(r, got[:]); err != nil {
		return err
	}
	switch {
	case string(got[:]) == greeting:
		return nil
	case string(got[:len(greeting)-1]) == greeting[:len(greeting)-1]:
		return fmt.Errorf("the peer uses version %d of the protocol, and this process version %d: run the signer and the service with the same version of mobileconfig", got[len(greeting)-1], greeting[len(greeting)-1])
	}
	return errors.New("the peer is neither a signer nor a client of one")
}

// encode encodes an answer that can always be encoded.
func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		return []byte("{}")
	}
	return text
}
