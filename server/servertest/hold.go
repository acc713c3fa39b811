package servertest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// holdHeader is a header by which the server recognizes a held request.
const holdHeader = "Test-Hold"

// holdLimit only ends a test that would hang.
const holdLimit = 5 * time.Minute

// A Held is a request whose end hasn't been sent: the last byte of its body
// or, if the body is empty, the final chunk.
type Held struct {
	// Waited means that the server is reading the body and waiting for its
	// end. If it is false, the request was answered without that.
	Waited bool

	s       *Server
	conn    net.Conn
	method  string
	rest    string
	reading chan struct{} // closed when the server first reads the body
	done    chan struct{} // closed when the handler has returned
	once    sync.Once
}

// holds are the held requests of a server.
type holds struct {
	mu  sync.Mutex
	all map[string]*Held
}

func (h *holds) add(held *Held) (name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[string]*Held{}
	}
	name = strconv.Itoa(len(h.all))
	h.all[name] = held
	return name
}

func (h *holds) named(name string) *Held {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[name]
}

// wrap reports when the body of each held request is read and when the request
// has been handled.
func (h *holds) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := h.named(r.Header.Get(holdHeader))
		if held == nil {
			next.ServeHTTP(w, r)
			return
		}
		defer close(held.done)
		r = r.WithContext(r.Context()) // net/http uses the body of its own request
		r.Body = heldBody{r.Body, held}
		next.ServeHTTP(patient{w}, r)
	})
}

// A heldBody reports when it is first read.
type heldBody struct {
	io.ReadCloser
	held *Held
}

func (b heldBody) Read(p []byte) (int, error) {
	b.held.once.Do(func() { close(b.held.reading) })
	return b.ReadCloser.Read(p)
}

// A patient response has no time limit for the body, so the clock doesn't
// matter for how long a test holds it back.
type patient struct{ http.ResponseWriter }

func (p patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// SetReadDeadline does nothing.
func (p patient) SetReadDeadline(time.Time) error { return nil }

// Hold sends all of a request except the end of its body, and returns when the
// server waits for that. Header may be nil. The caller must release it.
func (s *Server) Hold(method, path string, header http.Header, body string) *Held {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(holdLimit)) // fails only on a closed connection, as the next call does
	held := &Held{s: s, conn: conn, method: method, reading: make(chan struct{}), done: make(chan struct{})}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n", method, path, conn.RemoteAddr(), IPhone)
	all := http.Header{holdHeader: {s.holds.add(held)}}
	for name, values := range header {
		all[name] = values
	}
	if body == "" {
		all.Set("Transfer-Encoding", "chunked")
		held.rest = "0\r\n\r\n"
	} else {
		all.Set("Content-Length", strconv.Itoa(len(body)))
		body, held.rest = body[:len(body)-1], body[len(body)-1:]
	}
	if err := all.Write(&b); err != nil {
		s.t.Fatal(err)
	}
	b.WriteString("\r\n" + body)
	if _, err := conn.Write(b.Bytes()); err != nil {
		s.t.Fatal(err)
	}
	limit := time.NewTimer(holdLimit)
	defer limit.Stop()
	select {
	case <-held.reading:
		held.Waited = true
	case <-held.done:
		select {
		case <-held.reading: // both at once
			held.Waited = true
		default:
		}
	case <-limit.C:
		s.t.Fatalf("%s %s: the server neither reads the body nor answers", method, path)
	}
	return held
}

// Release sends the end of the request and returns the answer.
func (h *Held) Release() Answer {
	h.s.t.Helper()
	defer h.conn.Close()
	if _, err := io.WriteString(h.conn, h.rest); err != nil {
		h.s.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(h.conn), &http.Request{Method: h.method})
	if err != nil {
		h.s.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		h.s.t.Fatal(err)
	}
	return Answer{res.StatusCode, res.Header, data}
}
