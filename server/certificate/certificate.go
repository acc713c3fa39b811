// Package certificate keeps the installation's own certificate: one that it gets
// from an authority by ACME (RFC 8555), or one that an operator has uploaded. It
// signs profiles, and one by ACME serves HTTPS too.
//
// The certificate and its key are one value in the database, so that all servers
// use the same and a process that is killed leaves nothing half written. An order
// is made under a lease, by one server at a time. A renewal keeps the key: a
// device replaces a signed profile only by one of the same signer.
package certificate

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/signing"
)

// Config is all that can be set.
type Config struct {
	// Store keeps the certificate. Required.
	Store Store
	// Secret is the installation's, by which the values in the store are
	// encrypted. Required.
	Secret *crypt.Secret
	// Roots are whom a chain may end in. Nil: the system's.
	Roots *x509.CertPool
	// Server tells this server from others, also after a restart: one that was
	// killed goes on with an order at once. The default is a name of this moment.
	Server string
	// ACME says how to get a certificate. Nil: only one that was uploaded is
	// used.
	ACME *ACME
	// Failed is told of each order that failed, for the action log. Required
	// with ACME.
	Failed func(context.Context, Failure) error
	// Log takes what an operator should know. Required.
	Log *slog.Logger
	// Now is the clock. Required.
	Now func() time.Time
}

// ACME says from whom a certificate comes, and for what.
type ACME struct {
	// Names are the host names, the first of which is that of the base URL.
	Names []string
	// Email is where the authority writes to.
	Email string
	// Directory is the URL of the authority.
	Directory string
	// Profile is one of the authority's, or empty for its default.
	Profile string
	// Roots are whom to trust to vouch for the directory. Nil: the system's.
	Roots *x509.CertPool
}

// A Store keeps named values for all servers of an installation.
type Store interface {
	// CertificateValue returns a value, or a NotFound fault.
	CertificateValue(ctx context.Context, name string) ([]byte, error)
	// SetCertificateValue keeps a value; with a life, for so long.
	SetCertificateValue(ctx context.Context, name string, value []byte, life time.Duration) error
	// DeleteCertificateValue deletes a value, if it is there.
	DeleteCertificateValue(ctx context.Context, name string) error
	// Lease lets one owner at a time make an order: it reports whether this is
	// the one, for so long.
	Lease(ctx context.Context, owner string, life time.Duration) (bool, error)
	// ChangeCertificate keeps a value in the name of whoever asks for it, with
	// an action of the installation's log.
	ChangeCertificate(ctx context.Context, by audit.Grant, name string, value []byte, a audit.Action) error
	// EndLease ends the owner's lease early.
	EndLease(ctx context.Context, owner string) error
}

// A Failure is an order that failed.
type Failure struct {
	Reason Reason
	// Detail is what the authority says, or the error of the connection to it.
	Detail string
	// Count is how many orders in a row have failed.
	Count int
	At    time.Time
}

// A Manager has the certificate that is in use. It is a server.Identity.
type Manager struct {
	config Config
	cipher *crypt.Cipher
	owner  string
	wake   chan struct{}

	state atomic.Pointer[state]
	// looking is held by Look.
	looking sync.Mutex
	// starting says that no order was made yet.
	starting bool
	// unsaved is a certificate that could not be kept yet.
	unsaved *kept
}

// A state is what is known of the certificate at one moment. It isn't changed.
type state struct {
	kept    kept
	signer  signing.Signer
	pair    *tls.Certificate // nil: there is none
	attempt attempt
	bad     error // why what is kept can't be used
}

// New returns a Manager that has read what is kept.
func New(ctx context.Context, config Config) (*Manager, error) {
	cipher := config.Secret.Cipher(crypt.Certificate)
	m := &Manager{config: config, cipher: cipher, owner: cmp.Or(config.Server, id.New("srv")), wake: make(chan struct{}, 1), starting: true}
	m.state.Store(&state{signer: missing{errNone}})
	return m, m.load(ctx)
}

// Present reports whether there is a certificate.
func (m *Manager) Present() bool { return m.state.Load().pair != nil }

// Current is what to sign with. While there is no certificate it signs nothing.
func (m *Manager) Current() signing.Signer { return m.state.Load().signer }

// Err says why a newer certificate cannot be had, or nil.
func (m *Manager) Err() error {
	s := m.state.Load()
	if s.bad != nil {
		return s.bad
	}
	if s.attempt.Failures > 0 {
		return fmt.Errorf("the last order failed (%s): %s", s.attempt.Reason, s.attempt.Detail)
	}
	return nil
}

// load reads the certificate and how the last order went, and puts them to use.
// A certificate that can't be used leaves the one from before.
func (m *Manager) load(ctx context.Context) error {
	old := m.state.Load()
	next := *old
	next.attempt, next.bad = attempt{}, nil
	if err := m.read(ctx, attemptName, &next.attempt); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	var k kept
	err := m.read(ctx, certificateName, &k)
	switch {
	case fault.Is(err, fault.NotFound):
		if old.pair != nil && m.unsaved == nil {
			next.kept, next.signer, next.pair = kept{}, missing{errNone}, nil
		}
	case err != nil:
		return err
	case m.unsaved != nil || k.same(old.kept) && old.pair != nil:
		if m.unsaved == nil {
			next.kept = k // when to renew may have changed
		}
	default:
		id, pair, err := m.use(k)
		if err != nil {
			next.bad = fmt.Errorf("certificate: what is kept can't be used: %w", err)
			if old.bad == nil {
				m.config.Log.Error("the certificate in the database can't be used", "error", err)
			}
			break
		}
		next.kept, next.signer, next.pair = k, id, pair
		if old.pair != nil {
			m.config.Log.Info("certificate changed")
		}
	}
	m.state.Store(&next)
	return nil
}

// use checks a certificate and returns it as what signs and what serves HTTPS.
func (m *Manager) use(k kept) (*signing.Identity, *tls.Certificate, error) {
	pair, err := tls.X509KeyPair(k.Chain, k.Key)
	if err != nil {
		return nil, nil, err
	}
	certificates, err := k.certificates()
	if err != nil {
		return nil, nil, err
	}
	key, err := k.key()
	if err != nil {
		return nil, nil, err
	}
	id, err := signing.New(key, certificates, m.config.Roots, m.config.Now)
	return id, &pair, err
}

// Identity is the certificate that is in use, or nil.
func (m *Manager) Identity() *signing.Identity {
	id, _ := m.Current().(*signing.Identity)
	return id
}

// read decrypts a value from the store.
func (m *Manager) read(ctx context.Context, name string, value any) error {
	data, err := m.config.Store.CertificateValue(ctx, name)
	if err != nil {
		return err
	}
	return m.decode(name, data, value)
}

// write encrypts a value and keeps it.
func (m *Manager) write(ctx context.Context, name string, value any, life time.Duration) error {
	data, err := m.encode(name, value)
	if err != nil {
		return err
	}
	return m.config.Store.SetCertificateValue(ctx, name, data, life)
}

var errNone = errors.New("there is no certificate yet")
