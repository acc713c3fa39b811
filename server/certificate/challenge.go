package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/updatecase/mobileconfig/server/fault"
)

// A solver stores challenges during an order, so that any server that the
// authority connects to can answer.
type solver struct {
	m    *Manager
	kind string
}

func (s solver) name(c acme.Challenge) string {
	if s.kind == httpName {
		return httpName + c.Token
	}
	return alpnName + strings.ToLower(c.Identifier.Value)
}

// Present stores the challenge.
func (s solver) Present(ctx context.Context, c acme.Challenge) error {
	return s.m.write(ctx, s.name(c), c, leaseLife)
}

// CleanUp deletes it.
func (s solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	return s.m.config.Store.DeleteCertificateValue(context.WithoutCancel(ctx), s.name(c))
}

// challengePath is where the authority looks (RFC 8555, section 8.3).
const challengePath = "/.well-known/acme-challenge/"

// token matches the tokens of authorities: base64url.
var token = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// IsChallenge reports whether a request may be one that Challenge answers.
func IsChallenge(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, challengePath) }

// Challenge answers the authority over plain HTTP.
func (m *Manager) Challenge(w http.ResponseWriter, r *http.Request) {
	t := strings.TrimPrefix(r.URL.Path, challengePath)
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !token.MatchString(t) {
		http.NotFound(w, r)
		return
	}
	var c acme.Challenge
	err := m.read(r.Context(), httpName+t, &c)
	switch {
	// The host is compared, so that no one can have another name validated.
	case fault.Is(err, fault.NotFound), err == nil && !strings.EqualFold(hostOf(r), c.Identifier.Value):
		http.NotFound(w, r)
	case err != nil:
		m.config.Log.Error("challenge", "error", err)
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte(c.KeyAuthorization))
	}
}

func hostOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return r.Host
}

// TLSConfig serves the certificate, and answers the authority's TLS-ALPN
// challenge (RFC 8737).
func (m *Manager) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1", acmez.ACMETLS1Protocol},
		GetCertificate: m.getCertificate,
	}
}

// answerTimeout limits the database lookup during a handshake.
const answerTimeout = 5 * time.Second

func (m *Manager) getCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if !slices.Equal(hello.SupportedProtos, []string{acmez.ACMETLS1Protocol}) {
		if pair := m.state.Load().pair; pair != nil {
			return pair, nil
		}
		return nil, errNone
	}
	name := strings.ToLower(hello.ServerName)
	if m.config.ACME == nil || !slices.Contains(m.config.ACME.Names, name) {
		return nil, errors.New("there is no challenge for this name")
	}
	ctx, cancel := context.WithTimeout(hello.Context(), answerTimeout)
	defer cancel()
	var c acme.Challenge
	if err := m.read(ctx, alpnName+name, &c); err != nil {
		return nil, err
	}
	return acmez.TLSALPN01ChallengeCert(c)
}
