package servertest

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// NewIdentity returns a signing identity that is valid for a year.
func NewIdentity(t *testing.T) *signing.Identity {
	t.Helper()
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(1, 0, 0) })
	roots := x509.NewCertPool()
	roots.AddCert(root.Cert)
	identity, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert}, roots, nil)
	if err != nil {
		t.Fatal(err)
	}
	return identity
}
