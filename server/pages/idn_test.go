package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
)

// TestInternationalDomain checks that pages and devices show the letters of a
// domain, and its encoded form where the letters could be mistaken.
func TestInternationalDomain(t *testing.T) {
	for _, tt := range []struct{ domain, shown string }{
		{"xn--mller-kva.example", "müller.example"},
		{"xn--80ak6aa92e.com", "аррӏе.com (xn--80ak6aa92e.com)"},
	} {
		s := servertest.New(t, storetest.SQLite(t), func(c *server.Config) { c.First = servertest.First(t, tt.domain) })
		link := s.Link("jane@" + tt.domain)
		page := string(s.Get(link).Body)
		if want := "j•••@" + tt.shown; !strings.Contains(page, want) {
			t.Errorf("the page of %s does not say %s", tt.domain, want)
		}
		a := s.Get(s.Ticket(link, "mail"))
		if a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", tt.domain, a.Status, a.Body)
		}
		envelope, err := signing.Examine(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		if want := "<string>Email at " + tt.shown + "</string>"; !strings.Contains(string(envelope.Content), want) {
			t.Errorf("the profile of %s lacks %s:\n%s", tt.domain, want, envelope.Content)
		}
	}
}
