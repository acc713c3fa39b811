package mail_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/templates"
)

// TestMailbox has a person leave. It checks that downloads are listed, all
// links are revoked, and other mailboxes and accounts are neither shown nor
// changed.
func TestMailbox(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, servertest.Unhurried)
		m := s.Owner("olga@example.com")
		link, other := s.Link("Jane@example.com"), s.Link("joe@example.com")
		s.Link("jane@example.com")
		if a := s.Get(s.Ticket(link, "secure")); a.Status != http.StatusOK {
			t.Fatalf("%d", a.Status)
		}
		s.Get(s.Ticket(other, "mail"))
		at := "/panel/mailbox?address=" + url.QueryEscape("jane@example.com")
		page := m.Get(at)
		has(t, page, "2 links can still be used", "Safari on iPhone", "<span>iPhone ", "imap.example.com", "Email at", "Find My", "passcode rules stay")
		if n := strings.Count(string(page.Body), "Safari on iPhone"); n != 1 {
			t.Errorf("%d downloads are listed", n)
		}
		auditor := m.Invite("anna@example.com", "auditor")
		hasNot(t, auditor.Get(at), "Revoke all links</button>")
		if a := auditor.Post("/panel/mailbox", "address", "jane@example.com"); a.Status != http.StatusForbidden {
			t.Errorf("an auditor revokes: %d", a.Status)
		}
		a := m.Post("/panel/mailbox", "address", " JANE@example.com ")
		if a.Status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.Status, plain(a))
		}
		has(t, m.Get(a.Location()), "0 links can still be used", "Safari on iPhone")
		if a := s.Get(link); a.Status != http.StatusNotFound {
			t.Errorf("the link works: %d", a.Status)
		}
		if a := s.Get(other); a.Status != http.StatusOK {
			t.Errorf("another mailbox's link: %d", a.Status)
		}
		for _, address := range []string{"jane", "jane@elsewhere.example", strings.Repeat("x", 400) + "@example.com", "<script>@x"} {
			a := m.Get("/panel/mailbox?address=" + url.QueryEscape(address))
			if a.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", address, a.Status)
			}
			has(t, a, `href="#address"`)
			hasNot(t, a, "<script>@x")
			if a := m.Post("/panel/mailbox", "address", address); a.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", address, a.Status)
			}
		}
		customer := m.Customer("Shop", "carl@example.net")
		if a := customer.Get(at); a.Status != http.StatusUnprocessableEntity || strings.Contains(string(a.Body), "Safari on iPhone") {
			t.Errorf("another account sees the mailbox: %d", a.Status)
		}
	})
}

// TestLinkLanguages checks that the language of a link is chosen from all
// languages of the pages, by their names, and that none is chosen at first.
func TestLinkLanguages(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	page := string(s.Owner("olga@example.com").Get("/panel/links/new").Body)
	if strings.Count(page, `name="locale"`) != 1 {
		t.Fatal("there is no field, or more than one")
	}
	choice := regexp.MustCompile(`(?s)<select [^>]*name="locale".*?</select>`).FindString(page)
	texts, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range texts.Languages() {
		if want := `<option value="` + l.Tag + `" lang="` + l.Tag + `">` + l.Name + `</option>`; !strings.Contains(choice, want) {
			t.Errorf("%s isn't in %s", want, choice)
		}
	}
	if n := strings.Count(choice, "<option"); n != len(texts.Languages())+1 || strings.Contains(choice, "selected") {
		t.Errorf("%d options: %s", n, choice)
	}
}

// TestLinkAgain creates a link like one that was revoked.
func TestLinkAgain(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	m := s.Owner("olga@example.com")
	a := m.Post("/panel/links/new", "address", "jane@example.com", "name", "Jane Doe", "locale", "de", "variant", "mail", "expires", "168", "downloads", "2", "external_id", "mbx_7")
	id := strings.TrimSuffix(strings.TrimPrefix(a.Location(), "/panel/links/"), "?done=link.created")
	hasNot(t, m.Get("/panel/links/"+id), "from="+id)
	m.Post("/panel/links/" + id + "/revoke")
	has(t, m.Get("/panel/links/"+id), `href="/panel/links/new?from=`+id+`"`)
	has(t, m.Get("/panel/links/new?from="+id), `value="jane@example.com"`, `value="Jane Doe"`, `<option value="de" lang="de" selected>Deutsch`, `<option value="mail" selected>`, `name="downloads" value="2"`, `value="mbx_7"`)
	if a := m.Customer("Shop", "carl@example.net").Get("/panel/links/new?from=" + id); a.Status != http.StatusNotFound {
		t.Errorf("another account's link: %d", a.Status)
	}
}

// TestRevokeSelected revokes the links that were selected in the list, and no
// others.
func TestRevokeSelected(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, servertest.Unhurried)
	m := s.Owner("olga@example.com")
	for _, name := range []string{"ann", "ben", "cas"} {
		s.Link(name + "@example.com")
	}
	id := func(name string) string {
		return storetest.Column(t, database, `SELECT id FROM links WHERE mailbox = '`+name+`@example.com'`)[0]
	}
	has(t, m.Get("/panel/links"), `name="link0" value="`+id("cas")+`"`, "Revoke selected")
	const at = "/panel/links/revoke-selected"
	has(t, m.Get(at+"?link0="+id("cas")+"&link2="+id("ann")), "Revoke 2 links?", `name="link2" value="`+id("ann")+`"`)
	if a := m.Get(at); a.Location() != "/panel/links?done=links.unselected" {
		t.Errorf("%d %s", a.Status, a.Location())
	}
	customer := m.Customer("Shop", "carl@example.net")
	if a := customer.Get(at + "?link0=" + id("ann")); a.Location() != "/panel/links?done=links.unselected" {
		t.Errorf("another account: %d %s", a.Status, a.Location())
	}
	has(t, customer.Make(at, "link0", id("ann")), "Some links weren’t revoked", "Not done")
	missed := m.Make(at, "link0", id("cas"), "link1", "lnk_nothing", "link2", id("ann"))
	has(t, missed, "Some links weren’t revoked", `<a href="/panel/links/`+id("ann")+`">`, `<a href="/panel/links/`+id("cas")+`">`, "lnk_nothing")
	if n := strings.Count(string(missed.Body), `<span class="badge badge-ok">Revoked</span>`); n != 2 {
		t.Errorf("%d links are reported as revoked, want 2", n)
	}
	if a := m.Get("/panel/links/selected?once=yes"); a.Location() != "/panel/links" {
		t.Errorf("a reload: %d %s", a.Status, a.Location())
	}
	if got := storetest.Column(t, database, `SELECT mailbox FROM links WHERE revoked <> 0 ORDER BY mailbox`); strings.Join(got, " ") != "ann@example.com cas@example.com" {
		t.Errorf("revoked are %q", got)
	}
}

// TestMailSelected sends the links that were selected in the list, each to its
// person and no others.
func TestMailSelected(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		relay := notifytest.New(t, false)
		s := servertest.Notifying(t, database, nil, func(c *server.Config) {
			c.Mail = &notify.RelayConfig{Server: relay.Address, From: "setup@example.org", Roots: relay.Roots, Rate: 60000}
		})
		m := s.Owner("olga@example.com")
		links := map[string]string{} // what the email to each address must contain
		for _, name := range []string{"ann", "ben", "cas", "dan"} {
			links[name+"@example.com"] = s.Link(name + "@example.com")
		}
		id := func(name string) string {
			return storetest.Column(t, database, `SELECT id FROM links WHERE mailbox = '`+name+`@example.com'`)[0]
		}
		has(t, m.Get("/panel/links"), `formaction="/panel/links/mail-selected"`)
		const at = "/panel/links/mail-selected"
		has(t, m.Get(at+"?link0="+id("cas")+"&link2="+id("ann")), "Send 2 links by email?")
		if a := m.Post(at, "link0", id("cas"), "link2", id("ann")); a.Location() != "/panel/links?done=links.mailed" {
			t.Fatalf("%d %s %s", a.Status, a.Location(), a.Body)
		}
		m.Post("/panel/links/" + id("dan") + "/revoke")
		missed := m.Make(at, "link0", id("dan"), "link1", id("ben"))
		has(t, missed, "Some links weren’t sent", "dan@example.com", "Not done", "On its way")

		got := map[string]string{} // by address; the owner gets other emails too
		servertest.Eventually(t, "the mails", func() bool {
			clear(got)
			for _, mail := range relay.Mails() {
				if to := strings.Trim(mail.To[0], "<>"); links[to] != "" {
					got[to] += plainMail(mail.Data)
				}
			}
			return len(got) >= 3
		})
		for _, name := range []string{"ann", "ben", "cas"} {
			to := name + "@example.com"
			if text := got[to]; strings.Count(text, "Subject:") != 1 || !strings.Contains(text, links[to]+"\n") {
				t.Errorf("%s got %q, want one mail with %s", to, text, links[to])
			}
		}
		if text, sent := got["dan@example.com"]; sent {
			t.Errorf("the link that was revoked was sent: %s", text)
		}
	})
}

// plainMail returns the text of an email in quoted-printable.
func plainMail(data string) string {
	return strings.NewReplacer("=\r\n", "", "=3D", "=", "\r\n", "\n").Replace(data)
}
