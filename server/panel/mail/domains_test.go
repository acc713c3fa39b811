package mail_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestDomainCalendars chooses calendars and contacts in the form of a domain,
// checks the form and the log, and removes one of them.
func TestDomainCalendars(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, nil)
		m := s.Owner("olga@example.com")
		const at = "/panel/domains/example.com"
		form := func(calendars, contacts string) []string {
			return []string{"imap", "imap.example.com", "smtp", "smtp.example.com", "caldav", calendars, "carddav", contacts,
				"login", "address", "iphone", "yes", "mac", "yes", "policy", "off", "policy_id", "standard"}
		}
		if a := m.Post(at, form(" cal.example.com ", "card.example.com:8443")...); a.Status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		page := string(m.Get(at + "/edit").Body)
		for _, want := range []string{`value="cal.example.com:443"`, `value="card.example.com:8443"`} {
			if !strings.Contains(page, want) {
				t.Errorf("no %s on the page", want)
			}
		}
		log := string(m.Get("/panel/security/log?action=domain.update").Body)
		if !strings.Contains(log, "Calendars (CalDAV)") || !strings.Contains(log, "card.example.com:8443") {
			t.Error("the log doesn't contain the calendars")
		}
		before := storetest.Fingerprint(t, database)
		a := m.Post(at, form("https://cal.example.com/", "card.example.com:80")...)
		if body := string(a.Body); a.Status != http.StatusUnprocessableEntity || !strings.Contains(body, `href="#caldav"`) || !strings.Contains(body, `href="#carddav"`) {
			t.Errorf("%d %s", a.Status, body)
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("a refusal changed the database")
		}
		m.Post(at, form("", "card.example.com:8443")...)
		if page := string(m.Get(at + "/edit").Body); strings.Contains(page, "cal.example.com:443") || !strings.Contains(page, "card.example.com:8443") {
			t.Error("the calendars are there still")
		}
	})
}

// TestInternationalDomain checks that the panel shows the letters of a domain,
// and its encoded form beside those that could be mistaken.
func TestInternationalDomain(t *testing.T) {
	const shown = "аррӏе.com (xn--80ak6aa92e.com)"
	database := storetest.SQLite(t)
	s := servertest.New(t, database, func(c *server.Config) { c.First = servertest.First(t, "xn--80ak6aa92e.com") })
	m := s.Owner("olga@example.com")
	s.Link("jane@xn--80ak6aa92e.com")
	link := storetest.Column(t, database, `SELECT id FROM links`)[0]
	for path, want := range map[string]string{
		"/panel":                            shown,
		"/panel/domains":                    shown,
		"/panel/domains/xn--80ak6aa92e.com": "<h1><bdi>" + shown,
		"/panel/domains/xn--80ak6aa92e.com/delete": shown,
		"/panel/links":                     "jane@" + shown,
		"/panel/links/" + link:             "jane@" + shown,
		"/panel/links/" + link + "/revoke": "jane@" + shown,
		"/panel/policies/standard":         shown,
	} {
		if page := string(m.Get(path).Body); !strings.Contains(page, want) {
			t.Errorf("%s does not say %s", path, want)
		}
	}
}

// TestDomainUsage checks that the list of domains adds up the days of each.
func TestDomainUsage(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
		m := s.Owner("olga@example.com")
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		c.Want(t, 201, "POST", "/domains", `{"name":"other.example.com","imap":"imap.example.com","smtp":"smtp.example.com"}`)
		for range 2 {
			c.Want(t, 201, "POST", "/setup-links", `{"address":"jane@example.com"}`)
			clock.Move(24 * time.Hour)
		}
		c.Want(t, 201, "POST", "/setup-links", `{"address":"jane@example.com"}`)
		c.Want(t, 201, "POST", "/setup-links", `{"address":"jane@other.example.com"}`)
		m.SignIn()
		var got []string
		for _, found := range regexp.MustCompile(`class="end num">([^<]*)<`).FindAllStringSubmatch(string(m.Get("/panel/domains").Body), -1) {
			got = append(got, found[1])
		}
		if want := []string{"3", "0", "1", "0"}; !slices.Equal(got, want) {
			t.Errorf("links and downloads are %q, want %q", got, want)
		}
	})
}

// TestPasswordAdvice checks the warning on the page of a domain whose mail
// server doesn't accept the mailbox's password.
func TestPasswordAdvice(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	m := s.Owner("olga@example.com")
	const at, warning = "/panel/domains/example.com", "accept the mailbox password"
	if strings.Contains(string(m.Get(at).Body), warning) {
		t.Error("a warning for any server")
	}
	a := m.Post(at, "imap", "imap.gmail.com", "smtp", "smtp.gmail.com", "login", "address", "iphone", "yes", "policy", "off", "policy_id", "standard")
	if a.Status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if page := string(m.Get(a.Location()).Body); !strings.Contains(page, warning) || !strings.Contains(page, "app password") {
		t.Error("no warning for Google's servers")
	}
}
