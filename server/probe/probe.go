// Package probe connects to a mail, calendar or contacts server as a device
// would, and checks whether it offers TLS as a profile requires. It sends no
// credentials, and nothing that a server says leaves the package.
package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/dial"
)

// Limits of a check.
const (
	Deadline = 10 * time.Second // for all of it
	maxRead  = 256 << 10        // bytes from the server, TLS included
)

// A Kind is the purpose of a server.
type Kind string

// The kinds, named after their protocols.
const (
	Incoming Kind = "imap"
	Outgoing Kind = "smtp" // submission
	CalDAV   Kind = "caldav"
	CardDAV  Kind = "carddav"
)

// A Target is a server to check.
type Target struct {
	Kind   Kind
	Server profile.Server
}

// Targets returns the servers of a domain. It leaves out calendars or contacts
// that are zero.
func Targets(incoming, outgoing profile.Server, calendars, contacts profile.DAVServer) []Target {
	targets := []Target{{Incoming, incoming}, {Outgoing, outgoing}}
	if !calendars.IsZero() {
		targets = append(targets, Target{CalDAV, profile.Server{Host: calendars.Host, Port: calendars.Port}})
	}
	if !contacts.IsZero() {
		targets = append(targets, Target{CardDAV, profile.Server{Host: contacts.Host, Port: contacts.Port}})
	}
	return targets
}

// A Dialer connects to an address. If that isn't allowed, its error is
// [dial.ErrForbidden]. *dial.Dialer is one.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// A Prober checks servers.
type Prober struct {
	dialer Dialer
	roots  *x509.CertPool
	now    func() time.Time
}

// New returns a Prober that connects through dialer. Roots are the trusted
// authorities; nil means the system's. If now is nil, it uses the clock.
func New(dialer Dialer, roots *x509.CertPool, now func() time.Time) *Prober {
	if now == nil {
		now = time.Now
	}
	return &Prober{dialer, roots, now}
}

// A Result is what a check found.
type Result struct {
	Kind   Kind
	Server profile.Server
	State  State
	// TLSVersion is, for example, "TLS 1.3". It's empty if TLS didn't begin.
	TLSVersion string
	// NotAfter is when the server's certificate expires, or zero if there was
	// none.
	NotAfter time.Time
}

// Check connects to the server, starts TLS, checks the certificate and finds
// out whether one can sign in with a password. It takes up to Deadline.
func (p *Prober) Check(ctx context.Context, kind Kind, s profile.Server) Result {
	ctx, cancel := context.WithTimeout(ctx, Deadline)
	defer cancel()
	r := Result{Kind: kind, Server: s, State: Good}
	if err := p.check(ctx, &r); err != nil {
		r.State = stateOf(ctx, err)
	}
	return r
}

func (p *Prober) check(ctx context.Context, r *Result) error {
	conn, err := p.dialer.DialContext(ctx, "tcp", net.JoinHostPort(r.Server.Host, strconv.Itoa(r.Server.Port)))
	if err != nil {
		return found(dialState(err))
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	return p.talk(ctx, &bounded{conn, maxRead}, r)
}

// talk performs a device's conversation up to the sign-in.
func (p *Prober) talk(ctx context.Context, conn net.Conn, r *Result) error {
	talk := protocolOf(r.Kind, r.Server)
	if r.Server.STARTTLS {
		if err := startTLS(talk, newLines(conn)); err != nil {
			return err
		}
	}
	secure, err := p.handshake(ctx, conn, r)
	if err != nil {
		return err
	}
	l := newLines(secure)
	if !r.Server.STARTTLS {
		if err := talk.greeting(l); err != nil {
			return err
		}
	}
	offers, err := talk.offers(l)
	if err != nil {
		return err
	}
	talk.leave(l)
	switch {
	case !offers.password:
		return found(NoPasswordSignIn)
	case p.soon(secure.ConnectionState().PeerCertificates[0]):
		return found(ExpiresSoon)
	}
	return nil
}

// startTLS performs STARTTLS up to the server's go-ahead.
func startTLS(talk protocol, l *lines) error {
	if err := talk.greeting(l); err != nil {
		return err
	}
	offers, err := talk.offers(l)
	if err != nil {
		return err
	}
	if !offers.starttls {
		return found(StartTLSMissing)
	}
	if err := talk.starttls(l); err != nil {
		return err
	}
	if l.r.Buffered() > 0 {
		return found(StartTLSInjected)
	}
	return nil
}

// handshake performs the TLS handshake with any certificate and version, and
// checks them afterwards.
func (p *Prober) handshake(ctx context.Context, conn net.Conn, r *Result) (*tls.Conn, error) {
	secure := tls.Client(conn, &tls.Config{
		ServerName:         r.Server.Host,
		InsecureSkipVerify: true, // judge reports why it would be refused
		MinVersion:         tls.VersionTLS10,
		CipherSuites:       allSuites(),
	})
	if err := secure.HandshakeContext(ctx); err != nil {
		if _, ok := errors.AsType[tls.RecordHeaderError](err); !ok {
			return nil, err
		}
		if r.Server.STARTTLS {
			return nil, found(StartTLSInjected)
		}
		return nil, found(NoTLS)
	}
	state := secure.ConnectionState()
	r.TLSVersion = tls.VersionName(state.Version)
	r.NotAfter = state.PeerCertificates[0].NotAfter.UTC()
	if s := p.judge(state.PeerCertificates, r.Server.Host); s != Good {
		return nil, found(s)
	}
	if old(state) {
		return nil, found(TLSOld)
	}
	return secure, nil
}

// allSuites are the cipher suites that the library knows, to tell an old
// server from a broken one.
func allSuites() []uint16 {
	var ids []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, s.ID)
	}
	return ids
}

// old reports whether devices refuse this version or its cipher.
func old(state tls.ConnectionState) bool {
	switch state.CipherSuite {
	case tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA,
		tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA:
		return true
	}
	return state.Version < tls.VersionTLS12
}

// A foundError ends a check with its result.
type foundError struct{ state State }

// Error returns the state.
func (e foundError) Error() string { return "probe: " + string(e.state) }

func found(s State) error { return foundError{s} }

// stateOf returns the state for the error that ended a check.
func stateOf(ctx context.Context, err error) State {
	if f, ok := errors.AsType[foundError](err); ok {
		return f.state
	}
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return Timeout
	}
	return Broken
}

// dialState returns why there is no connection.
func dialState(err error) State {
	if errors.Is(err, dial.ErrForbidden) {
		return Forbidden
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return Unresolved
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return Timeout
	}
	return Refused
}
