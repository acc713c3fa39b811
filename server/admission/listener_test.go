package admission_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/admission"
)

// A place is a server with a Listener.
type place struct {
	t    *testing.T
	l    *admission.Listener
	addr string
	// busy blocks requests for /busy until it is closed.
	busy chan struct{}
}

func newPlace(t *testing.T, limits admission.ConnLimits, free func(netip.Addr) bool) *place {
	t.Helper()
	inner, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, l: admission.NewListener(inner, limits, free), addr: inner.Addr().String(), busy: make(chan struct{})}
	server := &http.Server{ConnState: p.l.State, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/busy" {
			w.(http.Flusher).Flush()
			<-p.busy
		}
		fmt.Fprint(w, "good")
	})}
	done := make(chan error)
	go func() { done <- server.Serve(p.l) }()
	t.Cleanup(func() {
		close(p.busy)
		server.Close()
		<-done
	})
	return p
}

func nobody(netip.Addr) bool { return false }

// A visitor is one connection.
type visitor struct {
	net.Conn
	in *bufio.Reader
}

// dial connects from an address of the loopback network.
func (p *place) dial(from string) *visitor {
	p.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(p.t.Context(), "tcp4", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // ends a test that hangs
	return &visitor{conn, bufio.NewReader(conn)}
}

// ask sends a request and reports whether an answer began.
func (v *visitor) ask(path string) bool {
	if _, err := fmt.Fprintf(v, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		return false
	}
	res, err := http.ReadResponse(v.in, nil)
	if err != nil {
		return false
	}
	if path != "/busy" {
		_, err = io.Copy(io.Discard, res.Body)
	}
	return err == nil
}

// TestOneAddress opens many connections from one address that do nothing, or
// are busy. It keeps as many as it may, and another address gets its page.
func TestOneAddress(t *testing.T) {
	p := newPlace(t, admission.ConnLimits{Total: 20, Near: 5, Wide: 10}, nobody)
	var got int
	for range 60 {
		if p.dial("127.0.0.1").ask("/busy") {
			got++
		}
	}
	if open, refused, _ := p.l.Counts(); got != 5 || open != 5 || refused != 55 {
		t.Errorf("%d of 60 were answered, %d are open, %d refused", got, open, refused)
	}
	if !p.dial("127.0.0.2").ask("/") {
		t.Error("another address gets no page")
	}
}

// TestIdle checks that idle connections are closed for new ones of the same
// network and, under load, of any network.
func TestIdle(t *testing.T) {
	p := newPlace(t, admission.ConnLimits{Total: 8, Near: 3, Wide: 3}, nobody)
	var first *visitor
	for i := range 10 {
		v := p.dial("127.0.0.1")
		if i == 0 {
			first = v
		}
		if !v.ask("/") {
			t.Fatalf("connection %d gets no page", i)
		}
		idle(t, p, min(i+1, 3))
	}
	if first.ask("/") {
		t.Error("the longest idle connection is still there")
	}
	open, refused, evicted := p.l.Counts()
	if open != 3 || refused != 0 || evicted == 0 {
		t.Errorf("%d are open, %d refused, %d closed", open, refused, evicted)
	}
	for i := range 8 {
		if !p.dial(fmt.Sprintf("127.0.1.%d", i+1)).ask("/") {
			t.Errorf("address %d gets no page", i)
		}
	}
	if open, _, _ := p.l.Counts(); open > 7 {
		t.Errorf("%d are open", open)
	}
}

// TestIdleTLS checks that idle connections are closed for new ones through TLS.
func TestIdleTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	l := admission.NewListener(s.Listener, admission.ConnLimits{Total: 8, Near: 3, Wide: 3}, nobody)
	s.Listener, s.Config.ConnState = l, l.State
	s.StartTLS()
	defer s.Close()
	for i := range 10 {
		visitor := s.Client().Transport.(*http.Transport).Clone()
		defer visitor.CloseIdleConnections()
		res, err := (&http.Client{Transport: visitor}).Get(s.URL)
		if err != nil {
			t.Fatalf("connection %d gets no page: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	if open, refused, evicted := l.Counts(); open > 3 || refused != 0 || evicted == 0 {
		t.Errorf("%d are open, %d refused, %d closed", open, refused, evicted)
	}
}

// TestNothingLeft opens and closes many connections at once, some of them
// refused and some closed for others. In the end, none is counted.
func TestNothingLeft(t *testing.T) {
	p := newPlace(t, admission.ConnLimits{Total: 10, Near: 3, Wide: 3}, func(ip netip.Addr) bool { return ip == netip.MustParseAddr("127.0.0.9") })
	var visitors sync.WaitGroup
	for i := range 20 {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(6+i%4))}}
		visitors.Go(func() {
			for n := range 30 {
				conn, err := d.DialContext(t.Context(), "tcp4", p.addr)
				if err != nil {
					t.Error(err)
					return
				}
				_ = conn.SetDeadline(time.Now().Add(time.Minute)) // ends a test that hangs
				v := &visitor{conn, bufio.NewReader(conn)}
				for range n % 3 {
					v.ask("/") // it may be refused
				}
				conn.Close()
			}
		})
	}
	visitors.Wait()
	idle(t, p, 0)
	if n := p.l.Left(); n != 0 {
		t.Errorf("%d networks and idle connections are still counted", n)
	}
}

// idle waits until the connections are open.
func idle(t *testing.T, p *place, n int) {
	t.Helper()
	for range 10_000 {
		if open, _, _ := p.l.Counts(); open <= n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("more than %d connections", n)
}

// TestTotal checks that new connections wait if all are busy, and are admitted
// as soon as one ends.
func TestTotal(t *testing.T) {
	p := newPlace(t, admission.ConnLimits{Total: 3, Near: 3, Wide: 3}, nobody)
	var busy []*visitor
	for i := range 3 {
		v := p.dial(fmt.Sprintf("127.0.2.%d", i+1))
		if !v.ask("/busy") {
			t.Fatal("not let in")
		}
		busy = append(busy, v)
	}
	late := p.dial("127.0.3.1")
	answered := make(chan bool)
	go func() { answered <- late.ask("/") }()
	select {
	case <-answered:
		t.Fatal("let in beyond the total")
	case <-time.After(50 * time.Millisecond): // it would have been
	}
	p.busy <- struct{}{}
	busy[0].Close()
	if !<-answered {
		t.Error("not let in when there was room")
	}
}

// TestProxies checks that a proxy has no limit.
func TestProxies(t *testing.T) {
	p := newPlace(t, admission.ConnLimits{Total: 20, Near: 2, Wide: 2}, func(ip netip.Addr) bool { return ip == netip.MustParseAddr("127.0.0.9") })
	for i := range 10 {
		if !p.dial("127.0.0.9").ask("/busy") {
			t.Errorf("connection %d of the proxy is refused", i)
		}
	}
}
