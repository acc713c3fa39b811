package server

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/certificate"
	"github.com/updatecase/mobileconfig/server/signerd"
	"github.com/updatecase/mobileconfig/signing"
)

// ACME configures the authority that issues the certificate.
type ACME struct {
	// Email is the address that the authority writes to. Required.
	Email string
	// Directory is the URL of the authority's directory. The default is Let's
	// Encrypt's.
	Directory string
	// Profile is one of the authority's certificate profiles. The default is
	// the authority's default.
	Profile string
	// Names are host names in addition to that of the base URL, for example
	// autoconfig.example.com.
	Names []string
	// Roots are trusted for the directory. The default is the system's.
	Roots *x509.CertPool
}

// completeACME fills in the defaults, and refuses values that no authority
// would accept.
func (c *Config) completeACME(base *url.URL) error {
	if c.ACME == nil {
		return nil
	}
	a := *c.ACME // don't change the caller's
	c.ACME = &a
	if c.TLSCert != "" || c.Identity != nil {
		return fmt.Errorf("%w: ACME provides the certificate for HTTPS and for signing: don't give another one", ErrConfig)
	}
	if base.Scheme != "https" {
		return fmt.Errorf("%w: ACME needs a base URL with https", ErrConfig)
	}
	if _, err := profile.ParseAddress(a.Email); err != nil {
		return fmt.Errorf("%w: ACME: the email address: %w", ErrConfig, err)
	}
	a.Directory = strings.TrimSpace(a.Directory)
	if a.Directory == "" {
		a.Directory = certificate.LetsEncrypt
	}
	if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%w: ACME: the directory must be an https:// URL", ErrConfig)
	}
	names := []string{base.Hostname()}
	for _, name := range append([]string{base.Hostname()}, a.Names...) {
		host, err := profile.ParseHost(name)
		if err != nil || net.ParseIP(host) != nil {
			return fmt.Errorf("%w: ACME needs a host name, but %q isn't one", ErrConfig, name)
		}
		if host != names[0] {
			names = append(names, host)
		}
	}
	a.Names = names
	*c.ACME = a
	return nil
}

// newCertificate creates the manager of the installation's certificate.
func (s *Server) newCertificate(ctx context.Context) (err error) {
	host, err := os.Hostname()
	if err != nil {
		host = "" // a temporary name is enough
	} else {
		host += " " + s.config.Listen
	}
	config := certificate.Config{
		Server: host,
		Store:  s.store,
		Secret: s.secrets.Secret,
		Roots:  s.config.SigningRoots,
		Failed: s.noteRenewalFailure,
		Log:    s.config.Log,
		Now:    s.config.Now,
	}
	if a := s.config.ACME; a != nil {
		config.ACME = &certificate.ACME{Names: a.Names, Email: a.Email, Directory: a.Directory, Profile: a.Profile, Roots: a.Roots}
	}
	s.certificate, err = certificate.New(ctx, config)
	s.identity = identities{s.certificate, s.config.Identity}
	if client, ok := s.config.Identity.(*signerd.Client); err == nil && ok && s.certificate.Present() {
		s.config.Log.Warn("the database has the key of an earlier certificate. An attacker who controls this process could sign with it, without the signer. Revoke that certificate",
			"name", s.certificate.Current().Describe().Name, "signer", client.Current().Describe().Process)
	}
	return err
}

// Identities is the installation's certificate if it can be used, and otherwise
// the identity of the configuration.
type identities struct {
	own    *certificate.Manager
	config Identity // nil with ACME
}

func (i identities) chosen() Identity {
	if i.config == nil {
		return i.own
	}
	if d := i.config.Current().Describe(); i.own.Present() && d.Development && d.Process == "" {
		return i.own
	}
	return i.config
}

// Current returns the identity to sign with.
func (i identities) Current() signing.Signer { return i.chosen().Current() }

// Err returns the reason why a newer one can't be used, or nil.
func (i identities) Err() error { return i.chosen().Err() }

// hasConfiguredSigner reports whether the operator has configured files or another
// process to sign with.
func (s *Server) hasConfiguredSigner() bool {
	if s.config.Identity == nil {
		return false
	}
	d := s.config.Identity.Current().Describe()
	return !d.Development || d.Process != ""
}

// noteRenewalFailure records a failed order: the first in a row, and then about
// one a day. The certificate page shows the current state.
func (s *Server) noteRenewalFailure(ctx context.Context, f certificate.Failure) error {
	if f.Count != 1 && f.Count%4 != 0 {
		return nil
	}
	name := s.base.Hostname()
	return s.store.NoteCertificate(ctx, audit.ByProgram(), audit.Action{
		Account: account.Installation,
		Name:    audit.IdentityRenewFailed,
		Outcome: audit.Done,
		Target:  audit.Target{Kind: audit.IdentityTarget, ID: name, Name: name},
		Changes: []audit.Change{{Field: "reason", New: string(f.Reason)}, {Field: "detail", New: brief(f.Detail)}},
	})
}

// brief shortens an authority's message for the action log.
func brief(text string) string {
	const most = 300
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "?")
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// plain handles plain HTTP: ACME challenges, and redirects to the base URL.
func (s *Server) plain() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case certificate.IsChallenge(r):
			s.certificate.Challenge(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			// A request body was already readable in transit, so it isn't
			// redirected.
			w.Header().Set("Connection", "close")
			http.Error(w, "Use https.", http.StatusMisdirectedRequest)
		default:
			http.Redirect(w, r, s.base.String()+r.URL.RequestURI(), http.StatusMovedPermanently)
		}
	})
}

// Certificate returns the manager of the installation's certificate.
func (s *Server) Certificate() *certificate.Manager { return s.certificate }

// Development reports whether profiles are signed with a development identity
// created by the program.
func (s *Server) Development() bool { return s.describeIdentity().Development }
