package server_test

import (
	"bytes"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestUploadCertificate has an operator replace the development identity with a
// certificate: it signs on all servers, and after a restart.
func TestUploadCertificate(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		root := signingtest.Root(t, "p256")
		roots := x509.NewCertPool()
		roots.AddCert(root.Cert)
		issuer := root.Intermediate(t, "p256")
		leaf := issuer.Leaf(t, "p256", func(c *x509.Certificate) {
			c.Subject.CommonName, c.NotAfter = "profiles.example.com", time.Now().AddDate(1, 0, 0)
		})
		expired := issuer.Leaf(t, "p256", signingtest.Expired)
		bundle, err := signing.MakeDevelopment(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		development, err := signing.Development(signingtest.WriteFile(t, "development.pem", bundle), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		begin := func() *servertest.Server {
			return servertest.New(t, database, func(c *server.Config) { c.Identity, c.SigningRoots = server.Fixed(development), roots })
		}
		s := begin()
		owner := s.Owner("olga@example.com")
		chain, key := string(leaf.CertPEM(issuer)), string(leaf.KeyPEM(t))
		for name, tt := range map[string]struct{ certificates, key, says string }{
			"no issuer":     {string(leaf.CertPEM()), key, "known root"},
			"another key":   {chain, string(expired.KeyPEM(t)), "belongs to the key"},
			"expired":       {string(expired.CertPEM(issuer)), string(expired.KeyPEM(t)), "expired on"},
			"no key":        {chain, "", "no PEM private key"},
			"nothing":       {"", key, "is empty"},
			"no PEM":        {"hello", key, "no PEM block"},
			"half a block":  {chain[:200], key, "has no end"},
			"null bytes":    {chain + "\x00", key + "\x00", ""},
			"the key twice": {chain + key, key + key, ""},
		} {
			a := owner.Post("/panel/certificate", "certificates", tt.certificates, "private_key", tt.key)
			want := http.StatusUnprocessableEntity
			if tt.says == "" {
				want = http.StatusOK
			}
			if a.Status != want || !bytes.Contains(a.Body, []byte(tt.says)) {
				t.Errorf("%s: %d, want %d and %q", name, a.Status, want, tt.says)
			}
			typed, _, _ := strings.Cut(tt.certificates+tt.key, "-----BEGIN")
			if typed = strings.TrimSpace(typed); typed == "" && tt.certificates != "" {
				typed = "-----BEGIN CERTIFICATE-----"
			}
			if want != http.StatusOK && !bytes.Contains(a.Body, []byte(typed)) {
				t.Errorf("%s: the page loses the input", name)
			}
			if bytes.Contains(a.Body, []byte("PRIVATE KEY")) {
				t.Errorf("%s: the page repeats the key", name)
			}
		}
		if !s.Development() {
			t.Fatal("a check has activated a certificate")
		}
		checked := owner.Post("/panel/certificate", "certificates", chain, "private_key", key)
		if checked.Status != http.StatusOK || !bytes.Contains(checked.Body, []byte("profiles.example.com")) {
			t.Errorf("a check: %d", checked.Status)
		}
		if a := owner.Post("/panel/certificate", "certificates", chain, "private_key", key, "use", "yes"); a.Status != http.StatusSeeOther {
			t.Fatalf("upload: %d %s", a.Status, a.Body)
		}
		s.Roots = roots
		s.Content(s.Get(s.Ticket(s.Link("jane@example.com"), "mail")).Body)
		other := begin()
		other.Roots = roots
		other.Content(other.Get(other.Ticket(other.Link("joe@example.com"), "mail")).Body)
		if page := owner.Get("/panel/certificate"); !bytes.Contains(page.Body, []byte("profiles.example.com")) || bytes.Contains(page.Body, []byte("PRIVATE")) {
			t.Error("the page doesn't show the certificate, or it shows the key")
		}
		if n := len(servertest.ReadLog(t, database, account.Installation, audit.IdentityUpload)); n != 1 {
			t.Errorf("%d uploads logged, want 1", n)
		}
		if dump := storetest.Dump(t, database); strings.Contains(dump, "PRIVATE KEY") || strings.Contains(dump, "BEGIN CERTIFICATE") {
			t.Error("the database has the unencrypted key")
		}
	})
}

// TestUploadBesideFiles checks that an upload is refused if the operator has
// configured files.
func TestUploadBesideFiles(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	owner := s.Owner("olga@example.com")
	if a := owner.Post("/panel/certificate", "certificates", "-----BEGIN CERTIFICATE-----", "use", "yes"); a.Status != http.StatusConflict {
		t.Errorf("got %d, want 409", a.Status)
	}
}
