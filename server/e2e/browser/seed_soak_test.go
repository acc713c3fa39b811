//go:build soak

package browser

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/demo"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// workplace is the owner's location in the pictures.
const workplace = "203.0.113.24"

// A host is the email provider of the demo, under the name that the pictures
// show.
type host struct {
	*office
	owner  *servertest.Member
	policy string
}

func seed(t *testing.T) *host {
	t.Helper()
	clock := storetest.NewClock()
	h := &host{office: &office{clock: clock, database: storetest.SQLite(t)}}
	identity := exampleIdentity(t, clock.Now)
	base := &url.URL{Scheme: "https", Host: "setup.example.com"}
	made, err := demo.Seed(t.Context(), demo.Config{
		Database: h.database, Secret: servertest.Secret, LogKey: servertest.LogKey, BaseURL: base, Identity: identity, Now: clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Server = servertest.New(t, h.database, func(c *server.Config) {
		c.BaseURL, c.Now, c.Identity, c.First = base.String(), clock.Now, server.Fixed(identity), nil
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		withMail(c)
	})
	h.owner = h.comeBack(t, made.Owner)
	h.policy = (&people{office: h.office}).find(h.owner, "/policies", "/panel/policies/(pol_[a-z2-7]+)")
	return h
}

// comeBack signs the owner in at the location of the pictures.
func (h *host) comeBack(t *testing.T, with demo.SignIn) *servertest.Member {
	t.Helper()
	code, err := with.Code(h.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	m := &servertest.Member{Email: with.Email, Server: h.Server}
	form := url.Values{"email": {with.Email}, "password": {with.Password}, "code": {code}}
	header := http.Header{"User-Agent": {mac.userAgent}, "X-Forwarded-For": {workplace}}
	if a := m.Do(http.MethodPost, "/panel/sign-in", header, form.Encode()); a.Status != http.StatusSeeOther {
		t.Fatalf("sign-in: %d %s", a.Status, a.Body)
	}
	return m
}

// exampleIdentity signs with the clock of the pictures, for half a year.
func exampleIdentity(t *testing.T, now func() time.Time) *signing.Identity {
	t.Helper()
	key, above := signingtest.Key(t, "p256"), signingtest.Key(t, "p256")
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example Trust CA", Organization: []string{"Example Trust"}},
		NotBefore: now().AddDate(-1, 0, 0), NotAfter: now().AddDate(5, 0, 0),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "setup.example.com"}, DNSNames: []string{"setup.example.com"},
		NotBefore: now().AddDate(0, -1, 0), NotAfter: now().AddDate(0, 6, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	sign := func(c *x509.Certificate, public any) *x509.Certificate {
		der, err := x509.CreateCertificate(nil, c, authority, public, above)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	authority = sign(authority, above.Public())
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	identity, err := signing.New(key, []*x509.Certificate{sign(leaf, key.Public())}, roots, now)
	if err != nil {
		t.Fatal(err)
	}
	return identity
}
