// Package dial makes the service's outgoing connections, and only to allowed
// destinations: public addresses, and private networks that the operator has
// named.
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

// ErrForbidden is wrapped by the error of a dial to a forbidden destination.
var ErrForbidden = errors.New("dial: not a public address, or a port that isn't allowed")

// Config is the configuration. The zero value allows public addresses.
type Config struct {
	// Allow are private networks that are allowed besides public addresses.
	Allow []netip.Prefix
	// Ports are the allowed ports. The default is any except 0.
	Ports []int
	// Resolver resolves names. The default is the system's.
	Resolver *net.Resolver
	// Timeout is for a whole dial, including name resolution, and for a whole
	// request of Client. The default is 10 seconds.
	Timeout time.Duration
}

// A Dialer connects to public addresses, and to those that its Config also
// allows.
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

// DialContext connects to the address by TCP. If that isn't allowed, the error
// is ErrForbidden, and nothing was sent there.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d.dialer.DialContext(ctx, network, address)
}

// control checks the very address that a socket is about to connect to, so
// names, spellings, aliases and changing answers can't bypass it. It runs for
// each address of a name.
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

// Transport returns a new transport over d for one purpose. It uses no proxy,
// no connection reuse, no decompression and only HTTP/1.1. Callers that use it
// without Client must not follow redirects themselves.
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

// Client returns a client over a new Transport. It returns redirects instead of
// following them, and stores no cookies. The caller limits how much of a body
// it reads.
func (d *Dialer) Client() *http.Client {
	return &http.Client{
		Transport:     d.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       d.config.Timeout,
	}
}
