package panel_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/templates"
)

const notices = "/panel/security/notifications"

// staffed starts a server that has a mail server, with an owner and an admin.
func staffed(t *testing.T, database string) (h *installation, owner, admin *servertest.Member) {
	t.Helper()
	relay := notifytest.New(t, false)
	h = &installation{t: t, clock: storetest.NewClock(), database: database}
	h.Server = servertest.New(t, database, func(c *server.Config) {
		c.Now = h.clock.Now
		c.Mail = &notify.RelayConfig{Server: relay.Address, From: "setup@example.org", Roots: relay.Roots}
	})
	owner = h.Owner("olga@example.com")
	return h, owner, owner.Invite("adam@example.com", "admin")
}

// fine posts a form that must succeed, and returns the redirect's target.
func (h *installation) fine(m *servertest.Member, path string, fields ...string) string {
	h.t.Helper()
	a := m.Post(path, fields...)
	if a.Status != http.StatusSeeOther {
		h.t.Fatalf("%s: %d %s", path, a.Status, a.Body)
	}
	return a.Location()
}

// mails returns the types and addresses of the emails that match the query.
func (h *installation) mails(where string) []string {
	h.t.Helper()
	return storetest.Column(h.t, h.database, `SELECT type || ' ' || address FROM deliveries WHERE webhook IS NULL AND `+where+` ORDER BY 1`)
}

func (h *installation) id(m *servertest.Member) string {
	h.t.Helper()
	return storetest.Column(h.t, h.database, `SELECT id FROM members WHERE email = '`+m.Email+`'`)[0]
}

// TestNotices chooses who is notified about what, and checks that the people
// concerned are told.
func TestNotices(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		h, owner, admin := staffed(t, database)
		told := func(member string) []string {
			return storetest.Column(t, database, `SELECT topic FROM subscriptions WHERE recipient = '`+member+`' AND wanted = 1 ORDER BY topic`)
		}
		h.fine(owner, notices+"/recipients/"+h.id(admin), "domains", "yes", "keys", "yes")
		if got := told(h.id(admin)); !slices.Equal(got, []string{"domains", "keys"}) {
			t.Errorf("the admin gets %q", got)
		}
		want := []string{"notifications.changed adam@example.com", "notifications.changed olga@example.com"}
		if got := h.mails(`type = 'notifications.changed'`); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		h.fine(admin, notices+"/own", "domains", "yes")
		if got := told(h.id(admin)); !slices.Equal(got, []string{"domains"}) {
			t.Errorf("after the own change, the admin gets %q", got)
		}
		// An owner turns off everything possible: locked events stay.
		h.fine(owner, notices+"/own")
		if got := told(h.id(owner)); !slices.Contains(got, "factors") || !slices.Contains(got, "policies") || slices.Contains(got, "domains") {
			t.Errorf("the owner gets %q", got)
		}
		before := storetest.Dump(t, database)
		if a := admin.Post(notices+"/recipients/"+h.id(owner), "keys", "yes"); a.Status != http.StatusForbidden {
			t.Errorf("an admin changed an owner's: %d", a.Status)
		}
		h.fine(admin, notices+"/own", "domains", "yes") // as it is
		if a := owner.Post(notices+"/own", "factors", "yes", "invented", "yes"); a.Status != http.StatusBadRequest && a.Status != http.StatusUnprocessableEntity {
			t.Errorf("an unknown topic: %d", a.Status)
		}
		if storetest.Dump(t, database) != before {
			t.Error("something changed")
		}
		page := string(owner.Get(notices + "/recipients/" + h.id(owner)).Body)
		if !strings.Contains(page, `<input type="checkbox" checked disabled>`) || !strings.Contains(page, "Always on, can’t be turned off: API key changed") {
			t.Error("the page does not say what is locked")
		}
	})
}

// TestFurtherAddress adds an address, tests it, and removes it.
func TestFurtherAddress(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		h, owner, _ := staffed(t, database)
		add := notices + "/recipients/new"
		for _, bad := range [][]string{{"recipient", "desk"}, {"recipient", "desk@example.net"}, {"keys", "yes"}} {
			if a := owner.Post(add, bad...); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), `class="error"`) {
				t.Errorf("%q: %d", bad, a.Status)
			}
		}
		h.fine(owner, add, "recipient", "Desk@Example.net", "keys", "yes")
		if a := owner.Post(add, "recipient", "desk@example.net", "domains", "yes"); a.Status != http.StatusConflict {
			t.Errorf("added twice: %d", a.Status)
		}
		body := string(owner.Get(notices).Body)
		_, rest, _ := strings.Cut(body, "/recipients/adr_")
		at := notices + "/recipients/adr_" + rest[:16]
		if strings.Contains(at, "@") || !strings.Contains(body, "desk@example.net") {
			t.Fatalf("the list says %s", body)
		}
		if a := owner.Post(at); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("no topic: %d", a.Status)
		}
		h.fine(owner, at, "keys", "yes", "domains", "yes")
		if to := h.fine(owner, at+"/test"); !strings.Contains(to, "done=mail.tested") {
			t.Errorf("leads to %s", to)
		}
		if got := h.mails(`type = 'test'`); !slices.Equal(got, []string{"test desk@example.net"}) {
			t.Errorf("tests: %q", got)
		}
		if a := owner.Get(at + "/remove"); a.Status != http.StatusOK || !strings.Contains(string(a.Body), "desk@example.net") {
			t.Errorf("the question: %d", a.Status)
		}
		h.fine(owner, at+"/remove")
		if got := h.mails(`type = 'notifications.changed' AND address = 'desk@example.net'`); len(got) != 3 {
			t.Errorf("the address got %d emails about itself, want 3", len(got))
		}
		if a := owner.Get(at); a.Status != http.StatusNotFound {
			t.Errorf("removed, it is still there: %d", a.Status)
		}
		if a := owner.Post(notices + "/recipients/" + h.id(owner) + "/remove"); a.Status != http.StatusNotFound {
			t.Errorf("a member was removed as an address: %d", a.Status)
		}
	})
}

// TestMailAgain repeats an email, once.
func TestMailAgain(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		h, owner, _ := staffed(t, database)
		h.fine(owner, notices+"/own/test")
		storetest.Exec(t, database, `UPDATE deliveries SET state = 'given_up', failure = 'timeout', tries = 10, tried = 1 WHERE type = 'test'`)
		id := storetest.Column(t, database, `SELECT id FROM deliveries WHERE type = 'test'`)[0]
		again := notices + "/mails/" + id + "/redeliver"
		if body := string(owner.Get(notices + "?q=test").Body); !strings.Contains(body, `action="`+again+`"`) || !strings.Contains(body, "The server took too long") {
			t.Errorf("the page does not offer it: %s", body)
		}
		h.fine(owner, again)
		if a := owner.Post(again); a.Status != http.StatusConflict {
			t.Errorf("twice: %d", a.Status)
		}
		if got := h.mails(`type = 'test'`); len(got) != 2 {
			t.Errorf("%d emails, want 2", len(got))
		}
		if n := strings.Count(storetest.Dump(t, database), "actions.name=subscription.redeliver\n"); n != 1 {
			t.Errorf("%d actions", n)
		}
	})
}

// TestNoMailServer checks that the page says what to configure, and that no
// test email can be sent.
func TestNoMailServer(t *testing.T) {
	database := storetest.SQLite(t)
	h := start(t, database)
	owner := h.Owner("olga@example.com")
	if body := string(owner.Get(notices).Body); !strings.Contains(body, "--mail-server") {
		t.Error("the page doesn't say what to configure")
	}
	if a := owner.Post(notices + "/own/test"); a.Status != http.StatusConflict {
		t.Errorf("a test: %d", a.Status)
	}
}

// TestPanelWebhook follows the life of a webhook.
func TestPanelWebhook(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		h, owner, _ := staffed(t, database)
		hooks := notices + "/webhooks"
		if a := owner.Post(hooks+"/new", "url", "http://hooks.example.com", "key.created", "yes"); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("without TLS: %d", a.Status)
		}
		a := owner.Make(hooks+"/new", "url", "https://hooks.example.com/canary-path", "key.created", "yes", "link.opened", "yes")
		_, secret, _ := strings.Cut(string(a.Body), "whsec_")
		if secret, _, _ = strings.Cut(secret, "<"); a.Status != http.StatusOK || len(secret) < 40 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		id := storetest.Column(t, database, `SELECT id FROM webhooks`)[0]
		hook := hooks + "/" + id
		state := func() string {
			return strings.Join(storetest.Column(t, database, `SELECT url || ' ' || types || ' ' || reason FROM webhooks`), "")
		}
		if to := h.fine(owner, hook+"/test"); to != hook+"?done=webhook.tested" {
			t.Errorf("leads to %s", to)
		}
		h.fine(owner, hook, "url", "https://other.example.com/x", "domain.changed", "yes")
		if got := state(); got != "https://other.example.com/x domain.changed " {
			t.Errorf("changed, it is %s", got)
		}
		h.fine(owner, hook+"/disable")
		h.fine(owner, hook, "url", "https://other.example.com/x", "domain.changed", "yes") // stays disabled
		if got := state(); !strings.HasSuffix(got, " owner") {
			t.Errorf("disabled, it is %s", got)
		}
		if a := owner.Post(hook + "/test"); a.Status != http.StatusConflict {
			t.Errorf("tested while disabled: %d", a.Status)
		}
		h.fine(owner, hook+"/enable")
		storetest.Exec(t, database, `UPDATE deliveries SET state = 'sent', tries = 1 WHERE webhook IS NOT NULL`)
		delivery := storetest.Column(t, database, `SELECT id FROM deliveries WHERE webhook IS NOT NULL`)[0]
		again := hook + "/deliveries/" + delivery + "/redeliver"
		if body := string(owner.Get(hook).Body); !strings.Contains(body, `action="`+again+`"`) || strings.Contains(body, secret) {
			t.Error("the page does not offer to send again, or shows the secret again")
		}
		h.fine(owner, again)
		if a := owner.Post(again); a.Status != http.StatusConflict {
			t.Errorf("sent again twice: %d", a.Status)
		}
		if a := owner.Make(hook + "/rotate"); !strings.Contains(string(a.Body), "whsec_") || strings.Contains(string(a.Body), secret) {
			t.Error("no new secret is shown")
		}
		auditor := owner.Invite("anna@example.com", "auditor")
		if body := string(auditor.Get(hook).Body); strings.Contains(body, "other.example.com/x") || !strings.Contains(body, "other.example.com") {
			t.Error("an auditor sees the whole address, or no host")
		}
		h.fine(owner, hook+"/delete")
		if got := state(); got != "" {
			t.Errorf("deleted, it is %s", got)
		}
		dump := storetest.Dump(t, database)
		for _, name := range []string{"create", "test", "update", "redeliver", "rotate", "delete"} {
			if !strings.Contains(dump, "actions.name=webhook."+name+"\n") {
				t.Errorf("no action webhook.%s", name)
			}
		}
		if strings.Contains(h.Log.String(), secret) || strings.Contains(strings.ReplaceAll(dump, "webhooks.url", ""), "canary-path") {
			t.Error("the secret or the address is in a log")
		}
	})
}

// TestErase erases the personal text of a mailbox, and of one entry.
func TestErase(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		h, owner, admin := staffed(t, database)
		h.Get(h.Ticket(h.Link("jane@example.com"), "mail"))
		personal := func() int {
			return len(storetest.Column(t, database, `SELECT mailbox FROM actions WHERE mailbox = 'jane@example.com'`))
		}
		if personal() == 0 {
			t.Fatal("nothing to erase")
		}
		erase := "/panel/security/log/erase"
		if a := owner.Get(erase + "?mailbox=Jane@Example.com"); a.Status != http.StatusOK || !strings.Contains(string(a.Body), `name="mailbox" value="jane@example.com"`) {
			t.Errorf("the question: %d %s", a.Status, a.Body)
		}
		for _, bad := range []string{"", "?mailbox=jane", "?seq=x", "?seq=-1"} {
			if a := owner.Get(erase + bad); a.Status != http.StatusUnprocessableEntity {
				t.Errorf("%q: %d", bad, a.Status)
			}
		}
		if a := admin.Post(erase, "mailbox", "jane@example.com"); a.Status != http.StatusForbidden || personal() == 0 {
			t.Errorf("an admin erased: %d", a.Status)
		}
		h.clock.Move(11 * time.Minute) // the factor is old
		if a := owner.Post(erase, "mailbox", "jane@example.com"); a.Status != http.StatusForbidden || personal() == 0 {
			t.Errorf("without a fresh factor: %d", a.Status)
		}
		h.fine(owner, erase, "mailbox", "jane@example.com", "confirm_code", owner.Code())
		if n := personal(); n != 0 {
			t.Errorf("%d entries still know the mailbox", n)
		}
		if a := owner.Post(erase, "mailbox", "jane@example.com"); a.Status != http.StatusNotFound {
			t.Errorf("nothing left: %d", a.Status)
		}
		h.fine(owner, erase, "seq", "1")
		if n := strings.Count(storetest.Dump(t, database), "actions.name=log.erase\n"); n != 2 {
			t.Errorf("%d actions, want 2", n)
		}
	})
}

// TestRetention sets how long the content of entries is kept.
func TestRetention(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		h, owner, admin := staffed(t, database)
		h.fine(owner, "/panel/members/retention", "retention_days", "400")
		for _, bad := range []string{"", "x", "1", "9999"} {
			if a := owner.Post("/panel/members/retention", "retention_days", bad); a.Status != http.StatusUnprocessableEntity {
				t.Errorf("%q: %d", bad, a.Status)
			}
		}
		if a := admin.Post("/panel/members/retention", "retention_days", "0"); a.Status != http.StatusForbidden {
			t.Errorf("an admin: %d", a.Status)
		}
		if body := string(owner.Get("/panel/members").Body); !strings.Contains(body, `<option value="400" selected>`) {
			t.Error("the page does not show it")
		}
	})
}

// TestZone checks that a member's times are in the chosen zone, on the page and in
// the log, and in UTC for the browser to convert until a zone is chosen.
func TestZone(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		h, owner, admin := staffed(t, database)
		now := h.clock.Now()
		berlin, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		show := func(zone *time.Location) string {
			return now.In(zone).Format("15:04") + "\u00a0" + now.In(zone).Format("MST")
		}
		const at = "/panel/security/sign-in"
		if body := string(owner.Get(at).Body); !strings.Contains(body, show(time.UTC)) || strings.Contains(body, "data-zone") {
			t.Errorf("without a choice, times are not in UTC for the script to change: no %q", show(time.UTC))
		}
		if a := owner.Post(at+"/zone", "zone", "Mars/Base"); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), `value="Mars/Base"`) {
			t.Errorf("an unknown zone: %d", a.Status)
		}
		h.fine(owner, at+"/zone", "zone", "Europe/Berlin")
		for _, page := range []string{at, "/panel/members"} {
			if body := string(owner.Get(page).Body); !strings.Contains(body, "\u00a0"+now.In(berlin).Format("MST")) || strings.Contains(body, "\u00a0UTC<") || !strings.Contains(body, "<body class=\"panel\" data-zone>") {
				t.Errorf("%s: times are not those of the member", page)
			}
		}
		if body := string(owner.Get("/panel/security/log").Body); !strings.Contains(body, "Times are in <bdi>Europe/Berlin</bdi>") {
			t.Error("the log isn't in the member's zone")
		}
		if body := string(owner.Get("/panel/security/log?zone=Asia%2FTokyo").Body); !strings.Contains(body, "Times are in <bdi>Asia/Tokyo</bdi>") {
			t.Error("the address does not win")
		}
		if body := string(admin.Get(at).Body); strings.Contains(body, "data-zone") {
			t.Error("another member has the zone too")
		}
		h.fine(owner, at+"/zone", "zone", "")
		if body := string(owner.Get(at).Body); strings.Contains(body, "data-zone") {
			t.Error("the choice can't be undone")
		}
	})
}

// TestLanguage has a member choose each language that there is.
func TestLanguage(t *testing.T) {
	t.Parallel()
	set, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		h, owner, admin := staffed(t, database)
		kept := func(m *servertest.Member) string {
			return storetest.Column(t, database, `SELECT language FROM members WHERE email = '`+m.Email+`'`)[0]
		}
		if got := kept(admin); got != "en" {
			t.Errorf("who joined on a page in English has %q", got)
		}
		for _, l := range set.Languages() {
			h.fine(owner, "/panel/security/sign-in/language", "language", l.Tag)
			if got := kept(owner); got != l.Tag {
				t.Errorf("got %q, want %q", got, l.Tag)
			}
			header := http.Header{"Accept-Language": {"en"}}
			if body := string(owner.Do(http.MethodGet, "/panel", header, "").Body); !strings.Contains(body, `<html lang="`+l.Tag+`"`) {
				t.Errorf("the panel is not in %s", l.Tag)
			}
			if body := string(owner.Do(http.MethodGet, "/panel?lang=en", header, "").Body); !strings.Contains(body, `<html lang="en"`) {
				t.Error("the address does not win")
			}
			email := "new-" + strings.ToLower(l.Tag) + "@example.com"
			owner.Post("/panel/members/invite", "email", email, "role", "admin", "language", l.Tag)
			if got := storetest.Column(t, database, `SELECT language FROM invitations WHERE email = '`+email+`'`); !slices.Equal(got, []string{l.Tag}) {
				t.Errorf("invited in %q, want %q", got, l.Tag)
			}
		}
		const at = "/panel/security/sign-in"
		for back, want := range map[string]string{
			"/panel": "/panel", "/panel/domains/example.com": "/panel/domains/example.com", "": at, "//example.com": at, "https://example.com": at, "/panel/../s/x": at,
			"/panels": at, "/panel//example.com": at, "/panel?x=/": at, `/panel/\\example.com`: at, "/panel/%2e": at,
		} {
			if a := owner.Post(at+"/language", "language", "en", "back", back); a.Location() != want+"?done=language.saved" {
				t.Errorf("back to %q: got %q", back, a.Location())
			}
		}
		for _, bad := range []string{"", "xx", "en-GB'", "../en"} {
			if a := owner.Post("/panel/security/sign-in/language", "language", bad); a.Status != http.StatusUnprocessableEntity {
				t.Errorf("%q: %d", bad, a.Status)
			}
		}
	})
}

// TestEventsHaveNames checks that the form for a recipient names every event in
// words, in each language, and never by its code.
func TestEventsHaveNames(t *testing.T) {
	_, owner, _ := staffed(t, storetest.SQLite(t))
	code := regexp.MustCompile(`[>·]\s*([a-z]+\.[a-z_]+)\s*[·<]`)
	set, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range set.Languages() {
		a := owner.Get(notices + "/recipients/new?lang=" + l.Tag)
		if a.Status != http.StatusOK || !strings.Contains(string(a.Body), `<html lang="`+l.Tag+`"`) {
			t.Fatalf("%s: %d", l.Tag, a.Status)
		}
		if found := code.FindStringSubmatch(string(a.Body)); found != nil {
			t.Errorf("%s: %s has no name", l.Tag, found[1])
		}
	}
}
