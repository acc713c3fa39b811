package server

import (
	"bytes"
	"crypto/x509"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestExpiry runs the hourly check during the last 40 days, with two servers.
func TestExpiry(t *testing.T) {
	root := signingtest.Root(t, "p256")
	end := time.Now().Add(40 * 24 * time.Hour).Truncate(time.Second) // truncated like in a certificate
	leaf := root.Leaf(t, "p256", func(c *x509.Certificate) { c.NotAfter = end })
	roots := x509.NewCertPool()
	roots.AddCert(root.Cert)
	identity, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert}, roots, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := end.Add(-40*24*time.Hour + time.Minute) // no check happens at exactly that moment
	config := Config{
		Database: storetest.SQLite(t), Secret: bytes.Repeat([]byte("s"), 32), Identity: Fixed(identity), LogKey: bytes.Repeat([]byte("k"), 32),
		Archive: t.TempDir(),
		Now:     func() time.Time { return now },
	}
	var servers []*Server
	for range 2 {
		s, err := New(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		servers = append(servers, s)
	}
	for ; now.Before(end); now = now.Add(time.Hour) {
		for _, s := range servers {
			if err := s.recordExpiry(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	all, err := servers[0].store.Actions(t.Context(), account.Installation, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(expiryDays) {
		t.Errorf("%d actions, want %d", len(all), len(expiryDays))
	}
	for i, r := range all {
		days := expiryDays[len(expiryDays)-1-i]
		e, err := r.Read()
		said := audit.Change{Field: "days", New: strconv.Itoa(days)}
		if !slices.Contains(e.Changes, said) {
			t.Errorf("the changes are %v, want %v among them", e.Changes, said)
		}
		due := end.Add(time.Duration(-days) * 24 * time.Hour)
		if err != nil || e.Name != audit.IdentityExpiring || r.At.Before(due) || r.At.After(due.Add(2*time.Hour)) {
			t.Errorf("%v at %v, %v, want it %d days before %v", e.Name, r.At, err, days, end)
		}
	}
}
