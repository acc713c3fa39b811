package probetest

import (
	"crypto/x509"
	"testing"

	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// Start runs mail servers for tests of the command line until the test ends.
// It returns variables with their addresses: IMAP is good, SMTP is good with
// STARTTLS, and the certificate of EXPIRED is expired. MAIL_ROOT is the path
// of the root of their certificates.
func Start(t testing.TB) map[string]string {
	t.Helper()
	root := signingtest.Root(t, "p256")
	leaf := func(change func(*x509.Certificate)) Mail {
		return Mail{TLS: Certificates(root.Leaf(t, "p256", func(c *x509.Certificate) {
			c.DNSNames = []string{"imap.example.com", "smtp.example.com"}
			if change != nil {
				change(c)
			}
		}))}
	}
	good, expired := leaf(nil), leaf(signingtest.Expired)
	good.STARTTLS, good.SMTP = true, true
	return map[string]string{
		"MAIL_ROOT": signingtest.WriteFile(t, "mail-root.pem", root.CertPEM()),
		"IMAP":      Listen(t, leaf(nil).Serve),
		"EXPIRED":   Listen(t, expired.Serve),
		"SMTP":      Listen(t, good.Serve),
	}
}
