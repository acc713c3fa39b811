package storetest

import (
	"context"
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A Fault is a network fault.
type Fault struct {
	Name string
	// Delay delays each packet, and Loss is the share of packets, from 0 to 1,
	// that is delayed until they are sent again.
	Delay time.Duration
	Loss  float64
	// Stall blocks all packets, Refuse new connections.
	Stall, Refuse bool
	// Reset closes connections at once, HalfClose one direction of them.
	Reset, HalfClose bool
}

// Networks are faults of a network between a store and PostgreSQL.
func Networks() []Fault {
	return []Fault{
		{Name: "stall", Stall: true},
		{Name: "reset", Reset: true},
		{Name: "half-close", HalfClose: true},
		{Name: "refuse", Reset: true, Refuse: true},
		{Name: "delay", Delay: 200 * time.Millisecond},
		{Name: "long delay", Delay: time.Second},
		{Name: "loss", Loss: 0.1},
	}
}

// resend is after what time a lost packet is sent again.
const resend = 200 * time.Millisecond

// A Proxy stands between a store and PostgreSQL.
type Proxy struct {
	// Database is the URL of the database through the proxy.
	Database string

	network, address string
	listener         net.Listener

	mu     sync.Mutex
	fault  Fault
	healed chan struct{} // closed when the fault is over
	open   map[net.Conn]net.Conn
	gone   chan struct{}
}

// NewProxy returns a proxy to the database, without a fault.
func NewProxy(t testing.TB, database string) *Proxy {
	t.Helper()
	cfg, err := pgconn.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{healed: make(chan struct{}), open: map[net.Conn]net.Conn{}, gone: make(chan struct{})}
	p.network, p.address = pgconn.NetworkAddress(cfg.Host, cfg.Port)
	if p.listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Host: p.listener.Addr().String(), Path: "/" + cfg.Database,
		RawQuery: url.Values{"sslmode": {"disable"}, "pool_max_conns": {strconv.Itoa(4)}}.Encode()}
	p.Database = u.String()
	var all sync.WaitGroup
	all.Go(func() { p.accept(&all) })
	t.Cleanup(func() {
		p.listener.Close()
		close(p.gone)
		p.each(func(here, there net.Conn) { here.Close(); there.Close() })
		all.Wait()
	})
	return p
}

// Set begins a fault and ends the previous one.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	p.fault = f
	close(p.healed)
	p.healed = make(chan struct{})
	p.mu.Unlock()
	p.each(func(here, there net.Conn) {
		if tcp, ok := here.(*net.TCPConn); ok && f.Reset {
			_ = tcp.SetLinger(0)
			here.Close()
			there.Close()
		} else if ok && f.HalfClose {
			_ = tcp.CloseWrite()
		}
	})
}

func (p *Proxy) each(fn func(here, there net.Conn)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for here, there := range p.open {
		fn(here, there)
	}
}

func (p *Proxy) now() (Fault, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.healed
}

func (p *Proxy) accept(all *sync.WaitGroup) {
	for {
		here, err := p.listener.Accept()
		if err != nil {
			return
		}
		if f, _ := p.now(); f.Refuse {
			here.Close()
			continue
		}
		there, err := (&net.Dialer{}).DialContext(context.Background(), p.network, p.address)
		if err != nil {
			here.Close()
			continue
		}
		p.mu.Lock()
		p.open[here] = there
		p.mu.Unlock()
		var both sync.WaitGroup
		both.Go(func() { p.copy(there, here) })
		both.Go(func() { p.copy(here, there) })
		all.Go(func() {
			both.Wait()
			here.Close()
			there.Close()
			p.mu.Lock()
			delete(p.open, here)
			p.mu.Unlock()
		})
	}
}

// copy forwards data until one side is gone, and then closes the other.
func (p *Proxy) copy(to, from net.Conn) {
	defer func() {
		if one, ok := to.(interface{ CloseWrite() error }); ok {
			_ = one.CloseWrite()
		}
	}()
	packet := make([]byte, 16<<10)
	for {
		n, err := from.Read(packet)
		if n > 0 {
			if !p.hold() {
				return
			}
			if _, err := to.Write(packet[:n]); err != nil {
				from.Close()
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// hold waits for as long as a packet is on its way. It reports whether it
// arrives.
func (p *Proxy) hold() bool {
	for {
		f, healed := p.now()
		wait := f.Delay
		if rand.Float64() < f.Loss {
			wait += resend
		}
		if !f.Stall {
			select {
			case <-p.gone:
				return false
			case <-time.After(wait):
				return true
			}
		}
		select {
		case <-p.gone:
			return false
		case <-healed:
		}
	}
}
