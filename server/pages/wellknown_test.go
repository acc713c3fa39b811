package pages_test

import (
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func TestSecurityContact(t *testing.T) {
	clock := storetest.NewClock()
	for contact, want := range map[string]string{
		"security@example.com":         "mailto:security@example.com",
		"mailto:security@example.com":  "mailto:security@example.com",
		"https://example.com/security": "https://example.com/security",
		"tel:+49-30-1234":              "tel:+49-30-1234",
	} {
		s := servertest.New(t, storetest.SQLite(t), func(c *server.Config) { c.Now, c.SecurityContact = clock.Now, contact })
		a := s.Get("/.well-known/security.txt")
		expires := clock.Now().UTC().AddDate(0, 0, 180).Truncate(24 * time.Hour).Format(time.RFC3339)
		text := "Contact: " + want + "\nExpires: " + expires + "\nPreferred-Languages: en\nCanonical: http://setup.example.com/.well-known/security.txt\n"
		if a.Status != 200 || string(a.Body) != text || !strings.EqualFold(a.Header.Get("Content-Type"), "text/plain; charset=utf-8") {
			t.Errorf("%s: %d %s %s", contact, a.Status, a.Header, a.Body)
		}
	}
	for _, bad := range []string{"x", "http://example.com", "https://", "mailto:", "javascript:alert(1)", "https://example.com/\nContact: x", "a b", "https://exa mple.com"} {
		config := server.Config{SecurityContact: bad, Database: "sqlite:x", Archive: t.TempDir(), Secret: servertest.Secret, LogKey: servertest.LogKey, Identity: server.Fixed(nil)}
		if _, err := server.New(t.Context(), config); err == nil || !strings.Contains(err.Error(), "security contact") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	s := servertest.New(t, storetest.SQLite(t), nil)
	if a := s.Get("/.well-known/security.txt"); a.Status != 404 {
		t.Errorf("without a contact: %d", a.Status)
	}
	if a := s.Get("/robots.txt"); a.Status != 200 || string(a.Body) != "User-agent: *\nAllow: /$\nDisallow: /\n" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
