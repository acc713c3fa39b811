package admission

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// ConnLimits limit the number of open connections.
type ConnLimits struct {
	Total int
	Near  int // of one network as Near returns it
	Wide  int // of one network as Wide returns it
}

// A Listener limits connections. If a network has as many as it may, its
// longest idle connection is closed for a new one; if none is idle, the new one
// is closed. From three quarters of the total on, each new connection closes
// the longest idle one; at the total, new ones wait.
type Listener struct {
	net.Listener
	limits ConnLimits
	// free says which addresses have no limit: those of proxies.
	free func(netip.Addr) bool

	mu      sync.Mutex
	room    *sync.Cond
	open    int
	near    map[netip.Prefix]int
	wide    map[netip.Prefix]int
	idle    *list.List // of *conn, the longest idle one first
	closed  bool
	refused int64
	evicted int64
}

// NewListener returns a Listener that wraps another one.
func NewListener(l net.Listener, limits ConnLimits, free func(netip.Addr) bool) *Listener {
	a := &Listener{Listener: l, limits: limits, free: free, near: map[netip.Prefix]int{}, wide: map[netip.Prefix]int{}, idle: list.New()}
	a.room = sync.NewCond(&a.mu)
	return a
}

// A conn is an admitted connection.
type conn struct {
	net.Conn
	by         *Listener
	near, wide netip.Prefix
	counted    bool // for its networks
	idle       *list.Element
	gone       bool
}

// Close closes the connection and frees its place.
func (c *conn) Close() error {
	c.by.mu.Lock()
	c.by.leave(c)
	c.by.mu.Unlock()
	return c.Conn.Close()
}

// Accept returns the next admitted connection.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		l.wait()
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.admit(inner); c != nil {
			return c, nil
		}
		inner.Close()
	}
}

// wait waits until there is room for one more.
func (l *Listener) wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.open >= l.limits.Total && !l.closed && !l.evict(func(*conn) bool { return true }) {
		l.room.Wait()
	}
}

// admit counts a connection, or returns nil.
func (l *Listener) admit(inner net.Conn) net.Conn {
	c := &conn{Conn: inner, by: l}
	from, err := netip.ParseAddrPort(inner.RemoteAddr().String())
	l.mu.Lock()
	defer l.mu.Unlock()
	if ip := from.Addr().Unmap(); err == nil && !l.free(ip) {
		c.near, c.wide, c.counted = Near(ip), Wide(ip), true
		if l.near[c.near] >= l.limits.Near && !l.evict(func(o *conn) bool { return o.counted && o.near == c.near }) ||
			l.wide[c.wide] >= l.limits.Wide && !l.evict(func(o *conn) bool { return o.counted && o.wide == c.wide }) {
			l.refused++
			return nil
		}
		l.near[c.near]++
		l.wide[c.wide]++
	}
	if l.open++; l.open > l.limits.Total*3/4 {
		l.evict(func(*conn) bool { return true })
	}
	return c
}

// evict closes the longest idle of these connections.
func (l *Listener) evict(may func(*conn) bool) bool {
	for e := l.idle.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*conn); may(c) {
			l.leave(c)
			l.evicted++
			c.Conn.Close()
			return true
		}
	}
	return false
}

// leave frees the place, once.
func (l *Listener) leave(c *conn) {
	if c.gone {
		return
	}
	c.gone = true
	l.open--
	if c.counted {
		decrease(l.near, c.near)
		decrease(l.wide, c.wide)
	}
	if c.idle != nil {
		l.idle.Remove(c.idle)
		c.idle = nil
	}
	l.room.Signal()
}

func decrease(m map[netip.Prefix]int, p netip.Prefix) {
	if m[p]--; m[p] <= 0 {
		delete(m, p)
	}
}

// State tracks which connections are idle. It is for http.Server.ConnState.
func (l *Listener) State(of net.Conn, state http.ConnState) {
	c, ok := of.(*conn)
	if under, is := of.(interface{ NetConn() net.Conn }); is && !ok {
		c, ok = under.NetConn().(*conn)
	}
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.idle != nil {
		l.idle.Remove(c.idle)
		c.idle = nil
	}
	if state == http.StateIdle && !c.gone {
		c.idle = l.idle.PushBack(c)
		l.room.Signal() // it may be closed for another
	}
}

// Close ends the listener.
func (l *Listener) Close() error {
	l.mu.Lock()
	l.closed = true
	l.room.Broadcast()
	l.mu.Unlock()
	return l.Listener.Close()
}

// Counts returns how many connections are open, were refused because their
// network had too many, and were closed while idle to make room.
func (l *Listener) Counts() (open int, refused, evicted int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open, l.refused, l.evicted
}
