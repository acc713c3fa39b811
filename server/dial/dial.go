// Package dial makes the connections that go out of the service, and only to
// where they may go: to public addresses, and to private networks that the
// operator has named.
package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// ErrForbidden is behind the error of a dial that leads to where the service
// may not connect.
var ErrForbidden = errors.New("dial: not a public address, or a port that is not allowed")

// Config is all that can be set. Its zero value reaches public addresses.
type Config struct {
	// Allow are private networks that may be reached beside public addresses.
	Allow []netip.Prefix
	// Ports are those that may be dialed. The default is any but 0.
	Ports []int
	// Resolver looks names up. The default is the system's.
	Resolver *net.Resolver
	// Timeout is for a whole dial, names included, and for a whole request of
	// Client. The default is 10 seconds.
	Timeout time.Duration
}

// A Dialer connects to public addresses, and to what its Config allows beside
// them.
type Dialer struct {
	config Config
	dialer net.Dialer
}

// New returns a Dialer.
func New(c Config) *Dialer {
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	c.Allow, c.Ports = slices.Clone(c.Allow), slices.Clone(c.Ports)
	d := &Dialer{config: c}
	d.dialer = net.Dialer{Timeout: c.Timeout, Resolver: c.Resolver, ControlContext: d.control}
	return d
}

// DialContext connects to the address by TCP. Where it may not go the error is
// ErrForbidden, and nothing was sent there.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d.dialer.DialContext(ctx, network, address)
}

// control decides on the very address that a socket is about to connect to:
// behind names, spellings, aliases and answers that change, for each address
// of a name anew.
func (d *Dialer) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return ErrForbidden
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil || !d.permits(to) {
		return ErrForbidden
	}
	return nil
}

func (d *Dialer) permits(to netip.AddrPort) bool {
	port := int(to.Port())
	if port == 0 || d.config.Ports != nil && !slices.Contains(d.config.Ports, port) {
		return false
	}
	addr := to.Addr().Unmap().WithZone("")
	return public(addr) || within(addr, d.config.Allow)
}

// Transport returns a new transport over d for one purpose. It asks no proxy,
// keeps no connection, unpacks nothing and speaks HTTP/1.1 alone. Whoever uses
// it without Client must not follow redirects by himself.
func (d *Dialer) Transport() *http.Transport {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            d.DialContext,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
		Protocols:              protocols,
		ResponseHeaderTimeout:  d.config.Timeout,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    d.config.Timeout,
	}
}

// Client returns a client over a new Transport. It hands a redirect back
// instead of following it, and keeps no cookie. The caller bounds how much of
// a body it reads.
func (d *Dialer) Client() *http.Client {
	return &http.Client{
		Transport:     d.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       d.config.Timeout,
	}
}
