// Package certificate manages the installation's own certificate: one from an
// authority through ACME (RFC 8555), or one that an operator has uploaded. It
// signs profiles, and one from ACME serves HTTPS too.
//
// The certificate and its key are one value in the database, so all servers use
// the same, and a killed process leaves nothing half written. One server at a
// time orders, under a lease. A renewal keeps the key, because a device
// replaces a signed profile only with one from the same signer.
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

// Config is the configuration of a Manager.
type Config struct {
	// Store stores the certificate. Required.
	Store Store
	// Secret is the installation's secret, with which the values in the store
	// are encrypted. Required.
	Secret *crypt.Secret
	// Roots are the trusted roots of a chain. Nil: the system's.
	Roots *x509.CertPool
	// Server identifies this server, also after a restart, so that a killed one
	// can continue its order at once. The default is a new random name.
	Server string
	// ACME says how to get a certificate. Nil: only an uploaded one is used.
	ACME *ACME
	// Failed is called for each failed order, for the action log. Required with
	// ACME.
	Failed func(context.Context, Failure) error
	// Log is the logger. Required.
	Log *slog.Logger
	// Now is the clock. Required.
	Now func() time.Time
}

// ACME says which authority issues a certificate, and for which names.
type ACME struct {
	// Names are the host names. The first is that of the base URL.
	Names []string
	// Email is the contact address for the authority.
	Email string
	// Directory is the URL of the authority.
	Directory string
	// Profile is one of the authority's profiles, or empty for its default.
	Profile string
	// Roots are the trusted roots for the directory. Nil: the system's.
	Roots *x509.CertPool
}

// A Store stores named values for all servers of an installation.
type Store interface {
	// CertificateValue returns a value, or a NotFound fault.
	CertificateValue(ctx context.Context, name string) ([]byte, error)
	// SetCertificateValue stores a value; if life isn't 0, only for that long.
	SetCertificateValue(ctx context.Context, name string, value []byte, life time.Duration) error
	// DeleteCertificateValue deletes a value, if it exists.
	DeleteCertificateValue(ctx context.Context, name string) error
	// Lease lets one owner at a time order: it reports whether this owner has
	// the lease, for the given time.
	Lease(ctx context.Context, owner string, life time.Duration) (bool, error)
	// ChangeCertificate stores a value as requested by a person or key, and
	// records an action in the installation's log.
	ChangeCertificate(ctx context.Context, by audit.Grant, name string, value []byte, a audit.Action) error
	// EndLease ends the owner's lease early.
	EndLease(ctx context.Context, owner string) error
}

// A Failure is an order that failed.
type Failure struct {
	Reason Reason
	// Detail is the authority's message, or the error of the connection to it.
	Detail string
	// Count is how many orders in a row have failed.
	Count int
	At    time.Time
}

// A Manager holds the certificate in use. It is a server.Identity.
type Manager struct {
	config Config
	cipher *crypt.Cipher
	owner  string
	wake   chan struct{}

	state atomic.Pointer[state]
	// looking is held by Look.
	looking sync.Mutex
	// starting says that no order has been tried yet.
	starting bool
	// unsaved is a certificate that couldn't be stored yet.
	unsaved *kept
}

// A state is what is known about the certificate at one moment. It is
// immutable.
type state struct {
	kept    kept
	signer  signing.Signer
	pair    *tls.Certificate // nil: there is none
	attempt attempt
	bad     error // why the stored one can't be used
}

// New returns a Manager that has loaded the stored certificate.
func New(ctx context.Context, config Config) (*Manager, error) {
	cipher := config.Secret.Cipher(crypt.Certificate)
	m := &Manager{config: config, cipher: cipher, owner: cmp.Or(config.Server, id.New("srv")), wake: make(chan struct{}, 1), starting: true}
	m.state.Store(&state{signer: missing{errNone}})
	return m, m.load(ctx)
}

// Present reports whether there is a certificate.
func (m *Manager) Present() bool { return m.state.Load().pair != nil }

// Current returns the signer. Without a certificate, that refuses to sign.
func (m *Manager) Current() signing.Signer { return m.state.Load().signer }

// Err says why there is no newer certificate, or returns nil.
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

// load loads the certificate and the result of the last order, and uses them.
// If a certificate can't be used, the previous one stays in use.
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
			next.kept = k // the renewal time may have changed
		}
	default:
		id, pair, err := m.use(k)
		if err != nil {
			next.bad = fmt.Errorf("certificate: the stored certificate can't be used: %w", err)
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

// use checks a certificate and prepares it for signing and HTTPS.
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

// Identity returns the certificate in use, or nil.
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

// write encrypts a value and stores it.
func (m *Manager) write(ctx context.Context, name string, value any, life time.Duration) error {
	data, err := m.encode(name, value)
	if err != nil {
		return err
	}
	return m.config.Store.SetCertificateValue(ctx, name, data, life)
}

var errNone = errors.New("there is no certificate yet")
