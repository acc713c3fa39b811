package api_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestAPICalendars adds calendars and contacts to a domain, shows them and removes them.
func TestAPICalendars(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.Admin(t, s, database)
		const settings = "/domains/example.com/settings?address=jane@example.com"
		read := func(a servertest.Answer) (d struct{ CalDAV, CardDAV string }) {
			t.Helper()
			if err := json.Unmarshal(a.Body, &d); err != nil {
				t.Fatalf("%v %s", err, a.Body)
			}
			return d
		}
		if d := read(c.Want(t, 200, "GET", "/domains/example.com", "")); d.CalDAV != "" || d.CardDAV != "" {
			t.Errorf("before: %+v", d)
		}
		if a := c.Want(t, 200, "GET", settings, ""); bytes.Contains(a.Body, []byte("dav")) {
			t.Errorf("before: %s", a.Body)
		}
		set := c.SetDomain(t, `"caldav":"CAL.bücher.example","carddav":"card.example.com:8443","login":"local_part"`)
		for _, a := range []servertest.Answer{set, c.Want(t, 200, "GET", "/domains/example.com", "")} {
			if d := read(a); d.CalDAV != "cal.xn--bcher-kva.example:443" || d.CardDAV != "card.example.com:8443" {
				t.Errorf("got %+v", d)
			}
		}
		a := c.Want(t, 200, "GET", settings, "")
		for _, want := range []string{
			`"caldav":{"protocol":"caldav","host":"cal.xn--bcher-kva.example","port":443,"encryption":"SSL/TLS","user_name":"jane"}`,
			`"carddav":{"protocol":"carddav","host":"card.example.com","port":8443,"encryption":"SSL/TLS","user_name":"jane"}`,
		} {
			if !bytes.Contains(a.Body, []byte(want)) {
				t.Errorf("no %s in %s", want, a.Body)
			}
		}
		before := storetest.Fingerprint(t, database)
		a = c.Want(t, 422, "PUT", "/domains/example.com", `{"imap":"imap.example.com","smtp":"smtp.example.com","caldav":"https://canary.example/","carddav":"card.example.com:80"}`)
		if got := servertest.ErrorsOf(t, a); !slices.Equal(got, []string{"/caldav invalid", "/carddav invalid"}) || bytes.Contains(a.Body, []byte("canary")) {
			t.Errorf("%s", a.Body)
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("a refusal changed the database")
		}
		c.SetDomain(t, `"carddav":"card.example.com"`)
		if d := read(c.Want(t, 200, "GET", "/domains/example.com", "")); d.CalDAV != "" || d.CardDAV != "card.example.com:443" {
			t.Errorf("without calendars: %+v", d)
		}
	})
}
