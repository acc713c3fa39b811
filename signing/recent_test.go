package signing

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestRecentRoot checks which chains older devices don't trust.
func TestRecentRoot(t *testing.T) {
	of := func(year int) *x509.Certificate {
		return &x509.Certificate{NotBefore: time.Date(year, 11, 1, 0, 0, 0, 0, time.UTC)}
	}
	leaf, old, recent := of(2026), of(2015), of(2025)
	for _, tt := range []struct {
		name  string
		paths [][]*x509.Certificate
		want  *x509.Certificate
	}{
		{"none", nil, nil},
		{"an old root", [][]*x509.Certificate{{leaf, old}}, nil},
		{"a recent root", [][]*x509.Certificate{{leaf, recent}}, recent},
		{"a recent root, cross-signed by an old one", [][]*x509.Certificate{{leaf, recent}, {leaf, of(2025), old}}, nil},
		{"two recent roots", [][]*x509.Certificate{{leaf, of(2020)}, {leaf, recent}}, recent},
	} {
		if got := recentOf(tt.paths); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// TestCrossSignedChain checks that all three certificates of a chain are
// embedded if the last one is a root that is cross-signed by an older one, even
// if this machine trusts the new root and needs only two.
func TestCrossSignedChain(t *testing.T) {
	older := signingtest.Root(t, "p256")
	newer := signingtest.Root(t, "p256")
	cross := older.LeafFor(t, newer.Key, func(c *x509.Certificate) {
		c.Subject, c.DNSNames, c.ExtKeyUsage = newer.Cert.Subject, nil, nil
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		c.SubjectKeyId = newer.Cert.SubjectKeyId
	})
	issuer := newer.Intermediate(t, "p256")
	leaf := issuer.Leaf(t, "p256", nil)
	for name, root := range map[string]*x509.Certificate{"the new root": newer.Cert, "the old root": older.Cert} {
		roots := x509.NewCertPool()
		roots.AddCert(root)
		id, err := New(leaf.Key, []*x509.Certificate{leaf.Cert, issuer.Cert, cross.Cert}, roots, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []*x509.Certificate{issuer.Cert, cross.Cert} {
			if !slices.ContainsFunc(id.intermediates, want.Equal) {
				t.Errorf("by %s: %q isn't embedded", name, Subject(want))
			}
		}
	}
}
