package server_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// ways are requests with which a key holder could direct mail, calendars or
// contacts to a host that no owner has approved. example.com, with servers
// under it, exists.
func ways() (all []struct{ method, path, body string }) {
	add := func(method, path string, body map[string]any) {
		data, _ := json.Marshal(body)
		all = append(all, struct{ method, path, body string }{method, path, string(data)})
	}
	good := func() map[string]any {
		return map[string]any{"imap": "imap.example.com", "smtp": "smtp.example.com"}
	}
	hosts := []string{"mail.evil.test", "imap.example.com.evil.test", "evilexample.com", "imap.exаmple.com", "example.com", "imap.example.com:993.evil.test", "*.example.com", "IMAP.EVIL.TEST"}
	for _, host := range hosts {
		for _, field := range []string{"imap", "smtp", "caldav", "carddav"} {
			body := good()
			body[field] = host
			add(http.MethodPut, "/domains/example.com", body)
			add(http.MethodPatch, "/domains/example.com", map[string]any{field: host})
			body = good()
			body["name"], body[field] = "new.example", host
			add(http.MethodPost, "/domains", body)
		}
		link := map[string]any{"address": "jane@example.com", "imap": host, "smtp": host}
		add(http.MethodPost, "/setup-links", link)
		add(http.MethodPost, "/setup-links", map[string]any{"address": "jane@" + host, "domain": host})
		add(http.MethodPost, "/profiles", link)
		add(http.MethodPost, "/profiles", map[string]any{"address": "jane@example.com", "service": link})
		add(http.MethodPost, "/policies", map[string]any{"name": "x", "min_length": 6, "auto_lock_minutes": 5, "max_failed_attempts": 0, "imap": host})
		add(http.MethodPost, "/approved-hosts", map[string]any{"host": host})
		add(http.MethodPut, "/approved-hosts/"+host, map[string]any{})
	}
	return all
}

// TestUnapprovedHosts tries all of them, on both databases. The domain's
// existing and approved settings still work.
func TestUnapprovedHosts(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.Admin(t, s, database)
		servertest.Restrict(t, database, account.Default)
		hosts := func() []string {
			return storetest.Column(t, database, `SELECT imap_host || ' ' || smtp_host || ' ' || caldav_host || ' ' || carddav_host FROM domains`)
		}
		before := hosts()
		refused := 0
		for _, w := range ways() {
			a := c.Do(w.method, w.path, w.body)
			if a.Status < 400 || a.Status >= 500 {
				t.Errorf("%s %s %s: %d %s", w.method, w.path, w.body, a.Status, a.Body)
			}
			if servertest.CodeOf(t, a) == "host_unapproved" {
				refused++
			}
		}
		if got := hosts(); !slices.Equal(got, before) {
			t.Errorf("the domains changed to %q", got)
		}
		if refused < 30 {
			t.Errorf("%d of %d are refused because of the host", refused, len(ways()))
		}
		t.Logf("%d ways, %d refused because of the host", len(ways()), refused)

		a := c.Want(t, http.StatusForbidden, http.MethodPut, "/domains/example.com", `{"imap":"imap.evil.test","smtp":"smtp.example.com","carddav":"card.evil.test"}`)
		if got := servertest.ErrorsOf(t, a); !slices.Equal(got, []string{"/imap host_unapproved", "/carddav host_unapproved"}) {
			t.Errorf("%q", got)
		}
		c.SetDomain(t, `"display_name":"What it had goes on"`)
		owner := s.Owner("olga@example.com")
		saved(t, owner.Post("/panel/hosts", "host", "*.example.net"))
		c.Want(t, http.StatusCreated, http.MethodPost, "/domains", `{"name":"new.example","imap":"a.example.net","smtp":"b.c.example.net"}`)
		if a := c.Want(t, http.StatusOK, http.MethodGet, "/approved-hosts", ""); !strings.Contains(string(a.Body), `"*.example.net"`) {
			t.Errorf("%s", a.Body)
		}
		saved(t, owner.Post("/panel/hosts/withdraw", "host", "*.example.net"))
		c.Want(t, http.StatusOK, http.MethodPut, "/domains/new.example", `{"imap":"a.example.net","smtp":"b.c.example.net","help_text":"It keeps them"}`)
		c.Want(t, http.StatusForbidden, http.MethodPost, "/domains", `{"name":"newer.example","imap":"a.example.net","smtp":"a.example.net"}`)
	})
}

func saved(t *testing.T, a servertest.Answer) {
	t.Helper()
	if a.Status != http.StatusSeeOther || !strings.Contains(a.Location(), "done=") {
		t.Fatalf("%d %s %s", a.Status, a.Location(), a.Body)
	}
}

// TestOwnersApprove checks that owners approve servers by saving them, and
// admins can choose among these. Each approval is logged and sent to programs.
func TestOwnersApprove(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		owner := s.Owner("olga@example.com")
		admin := owner.Invite("anna@example.com", "admin")
		servertest.Restrict(t, database, account.Default)
		if a := owner.Make("/panel/security/notifications/webhooks/new", "url", "https://hooks.example.com/", "host.approved", "yes"); a.Status != http.StatusOK {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		domain := func(name, host string) []string {
			return []string{"name", name, "imap", host, "smtp", host, "login", "address", "iphone", "yes", "mac", "yes", "policy", "off", "policy_id", "standard"}
		}
		a := admin.Post("/panel/domains/new", domain("one.example", "mail.example.org")...)
		if body := string(a.Body); a.Status != http.StatusForbidden || !strings.Contains(body, "hasn’t approved this server") || !strings.Contains(body, `value="mail.example.org"`) {
			t.Fatalf("an admin: %d %s", a.Status, body)
		}
		if n := len(storetest.Column(t, database, `SELECT name FROM domains`)); n != 1 {
			t.Fatalf("%d domains", n)
		}
		saved(t, owner.Post("/panel/domains/new", domain("one.example", "mail.example.org")...))
		saved(t, admin.Post("/panel/domains/new", domain("two.example", "mail.example.org")...))
		if a := admin.Post("/panel/hosts", "host", "imap.example.org"); a.Status != http.StatusForbidden {
			t.Errorf("an admin approves: %d", a.Status)
		}
		if a := owner.Post("/panel/hosts", "host", "mail.example.org"); a.Status != http.StatusConflict {
			t.Errorf("approved twice: %d", a.Status)
		}
		if a := owner.Post("/panel/hosts", "host", "*.co.uk"); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), `value="*.co.uk"`) {
			t.Errorf("a public suffix: %d", a.Status)
		}
		if a := owner.Post("/panel/hosts/withdraw", "host", "imap.example.org"); a.Status != http.StatusNotFound {
			t.Errorf("not on the list: %d", a.Status)
		}
		// Two are those of the domain that the server was started with.
		if n := strings.Count(storetest.Dump(t, database), "actions.name=host.approve\n"); n != 3 {
			t.Errorf("the log has %d approvals", n)
		}
		if got := storetest.Column(t, database, `SELECT type FROM deliveries WHERE webhook IS NOT NULL`); !slices.Equal(got, []string{"host.approved"}) {
			t.Errorf("told: %q", got)
		}
	})
}

// TestErasingByKey checks that API keys can only set policies that erase
// devices if an owner allows it.
func TestErasingByKey(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.Admin(t, s, database)
		mild := c.NewPolicy(t, `"max_failed_attempts":0`)
		grim := c.NewPolicy(t, `"name":"Grim","max_failed_attempts":10`)
		servertest.Restrict(t, database, account.Default)
		const rules = `"name":"x","min_length":8,"auto_lock_minutes":2`
		put := func(policy, id string) string {
			return `{"imap":"imap.example.com","smtp":"smtp.example.com","policy":"` + policy + `","policy_id":"` + id + `"}`
		}
		refused := func(method, path, body string) {
			t.Helper()
			if got := servertest.CodeOf(t, c.Want(t, http.StatusForbidden, method, path, body)); got != "erasing_unapproved" {
				t.Errorf("%s %s: %s", method, path, got)
			}
		}
		refused(http.MethodPost, "/policies", `{`+rules+`,"max_failed_attempts":10}`)
		refused(http.MethodPut, "/policies/"+mild, `{`+rules+`,"max_failed_attempts":10}`)
		refused(http.MethodPut, "/policies/"+grim, `{`+rules+`,"max_failed_attempts":7}`)
		refused(http.MethodPatch, "/policies/"+mild, `{"max_failed_attempts":10}`)
		refused(http.MethodPut, "/domains/example.com", put("offered", grim))
		refused(http.MethodPatch, "/domains/example.com", `{"policy":"offered","policy_id":"`+grim+`"}`)
		refused(http.MethodPut, "/domains/example.com", put("required", "standard"))
		c.Want(t, http.StatusOK, http.MethodPut, "/policies/"+grim, `{`+rules+`,"max_failed_attempts":10,"history":3}`)
		c.Want(t, http.StatusOK, http.MethodPut, "/policies/"+grim, `{`+rules+`,"max_failed_attempts":0}`)
		c.Want(t, http.StatusOK, http.MethodPut, "/domains/example.com", put("offered", mild))

		owner := s.Owner("olga@example.com")
		saved(t, owner.Post("/panel/members/settings", "required", "yes", "erasing", "yes"))
		c.Want(t, http.StatusOK, http.MethodPut, "/policies/"+grim, `{`+rules+`,"max_failed_attempts":7}`)
		c.Want(t, http.StatusOK, http.MethodPut, "/domains/example.com", put("required", grim))
		saved(t, owner.Post("/panel/members/settings", "required", "yes"))
		refused(http.MethodPut, "/domains/example.com", put("required", "standard"))
		c.Want(t, http.StatusOK, http.MethodPut, "/domains/example.com", put("required", grim)) // unchanged
		c.Want(t, http.StatusOK, http.MethodPut, "/domains/example.com", put("offered", grim))  // less than it was
		refused(http.MethodPut, "/domains/example.com", put("required", grim))
	})
}
