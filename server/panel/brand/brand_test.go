package brand_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func has(t *testing.T, a servertest.Answer, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(string(a.Body), want) {
			t.Errorf("%d, no %q in %s", a.Status, want, a.Body)
		}
	}
}

func hasNot(t *testing.T, a servertest.Answer, all ...string) {
	t.Helper()
	for _, bad := range all {
		if strings.Contains(string(a.Body), bad) {
			t.Errorf("%q in %s", bad, a.Body)
		}
	}
}

func aLogo(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../branding/logo/testdata/mark.svg")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestBranding previews and saves the branding of the account and a domain.
func TestBranding(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, servertest.Unhurried)
		m := s.Owner("olga@example.com")
		typed := []string{"name", "Example Host", "color", "#f2a900", "help_url", "https://example.com/help", "imprint_url", "", "privacy_url", ""}
		before := storetest.Fingerprint(t, database)
		a := m.Post("/panel/branding/preview", typed...)
		has(t, a, `href="/brand/f2a900-preview.css"`, "<b><bdi>#916500</bdi></b>", `value="https://example.com/help"`, "<bdi>Example Host</bdi>")
		hasNot(t, a, "brand-foot", `href="/brand/f2a900.css"`)
		if storetest.Fingerprint(t, database) != before {
			t.Error("a preview changed something")
		}
		if a := m.Post("/panel/branding/preview", "color", "green"); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("a color that is none: %d", a.Status)
		}
		if a := m.Post("/panel/branding", typed...); a.Status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		has(t, m.Get("/panel/branding?done=branding.saved"), "Branding saved.", `value="#f2a900"`, `<a class="host" href="/panel"><svg`, "<bdi>Example Host</bdi></a>")
		has(t, m.Get("/panel/domains/example.com/branding"), "Leave empty to use Example Host.")
		if a := m.Post("/panel/domains/example.com/branding", "name", "Its own", "color", "", "help_url", "", "imprint_url", "", "privacy_url", "https://example.com/p"); a.Status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		has(t, s.Get(s.Link("jane@example.com")), "<bdi>Its own</bdi>", `href="/brand/f2a900.css"`, `href="https://example.com/help"`, `href="https://example.com/p"`)
		auditor := m.Invite("anna@example.com", "auditor")
		hasNot(t, auditor.Get("/panel/branding"), "Save branding", `type="file"`)
		for _, path := range []string{"/panel/branding", "/panel/branding/preview", "/panel/branding/logo/remove"} {
			if a := auditor.Post(path, "name", "Mine"); a.Status != http.StatusForbidden {
				t.Errorf("an auditor posts to %s: %d", path, a.Status)
			}
		}
		customer := m.Customer("Shop", "carl@example.net")
		for _, path := range []string{"/panel/domains/example.com/branding", "/panel/domains/example.com/branding/mail"} {
			if a := customer.Get(path); a.Status != http.StatusNotFound {
				t.Errorf("another account gets %s: %d", path, a.Status)
			}
		}
		if n := len(servertest.ReadLog(t, database, account.Default, audit.BrandingUpdate)); n != 2 {
			t.Errorf("%d entries", n)
		}
	})
}

// TestUploadLogo checks that a logo needs a fresh factor, and that a member
// without one confirms before choosing the file.
func TestUploadLogo(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
		m := s.Owner("olga@example.com")
		if a := m.Upload("/panel/branding/logo", "file", "logo.svg", aLogo(t)); a.Status != http.StatusSeeOther || a.Location() != "/panel/branding?done=branding.logo" {
			t.Fatalf("%d %s %s", a.Status, a.Location(), a.Body)
		}
		has(t, m.Get("/panel/branding"), `<img class="host-logo" src="/brand/`, "Replace logo")
		a := m.Upload("/panel/branding/logo", "file", "logo.svg", "GIF89a")
		if a.Status != http.StatusUnprocessableEntity {
			t.Errorf("a GIF: %d", a.Status)
		}
		has(t, a, "The logo is neither PNG nor SVG.", `href="#file"`)
		clock.Move(11 * time.Minute)
		has(t, m.Get("/panel/branding"), `href="/panel/branding/logo"`)
		before := storetest.Fingerprint(t, database)
		a = m.Upload("/panel/branding/logo", "file", "logo.svg", strings.ReplaceAll(aLogo(t), "#0b6b62", "#ff0000"))
		if a.Status != http.StatusForbidden || storetest.Fingerprint(t, database) != before {
			t.Errorf("without a fresh factor: %d", a.Status)
		}
		has(t, a, `name="next" value="/panel/branding/logo"`)
		a = m.Post("/panel/confirm", "confirm_code", m.CodeAt(clock.Now()), "next", "/panel/branding/logo")
		m.Keep(a)
		if a.Location() != "/panel/branding/logo" {
			t.Fatalf("%d leads to %q %s", a.Status, a.Location(), a.Body)
		}
		if a = m.Get(a.Location()); a.Location() != "/panel/branding" {
			t.Errorf("then to %q", a.Location())
		}
		if a := m.Post("/panel/branding/logo/remove"); a.Status != http.StatusSeeOther {
			t.Errorf("%d", a.Status)
		}
		hasNot(t, m.Get("/panel/branding"), "host-logo")
	})
}

var mailLink = regexp.MustCompile(`href="(/panel/branding/mails/[a-z_.]+)"`)

// TestMailPreviews views every email, as text and as a page that loads
// nothing.
func TestMailPreviews(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, servertest.Unhurried)
	m := s.Owner("olga@example.com")
	m.Post("/panel/branding", "name", "Example Host", "color", "#0b6b62", "help_url", "https://example.com/help", "imprint_url", "", "privacy_url", "")
	m.Upload("/panel/branding/logo", "file", "logo.svg", aLogo(t))
	links := mailLink.FindAllStringSubmatch(string(m.Get("/panel/branding/mails").Body), -1)
	if len(links) < 30 {
		t.Fatalf("%d emails", len(links))
	}
	for _, link := range links {
		a := m.Get(link[1])
		has(t, a, "Example Host", `<pre class="sheet mail-text"`, link[1]+"/page")
		page := m.Get(link[1] + "/page")
		has(t, page, `src="data:image/png;base64,`, "<bdi>Example Host</bdi>", "https://example.com/help")
		hasNot(t, page, "cid:", "<script", "<style", "{{")
		policy := page.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "sandbox", "frame-ancestors 'none'", "form-action 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy is %q", link[1], policy)
			}
		}
		if strings.Contains(policy, "script-src") || strings.Contains(policy, "allow-") || strings.Contains(policy, "http") {
			t.Errorf("%s: the policy is %q", link[1], policy)
		}
	}
	for _, path := range []string{"/panel/branding/mails/nothing", "/panel/branding/mails/nothing/page"} {
		if a := m.Get(path); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
	has(t, m.Get("/panel/domains/example.com/branding/mail"), "jane@example.com", "<bdi>Example Host</bdi>")
}
