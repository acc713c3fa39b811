package panel_test

import (
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/autoconfig"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/panel/access"
	"github.com/updatecase/mobileconfig/server/panel/brand"
	"github.com/updatecase/mobileconfig/server/panel/log"
	"github.com/updatecase/mobileconfig/server/panel/mail"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// typedForms are the forms of the panel by their routes, each with one field
// that is refused. They leave out secrets, which must be entered again.
var typedForms = map[string][]string{
	"/sign-in":                               {"email", "nobody@example.com", "password", "wrong"},
	"/security/sign-in/zone":                 {"zone", "Mars/Base"},
	"/keys/new":                              {"name", "Shop", "networks", "the office", "domains", "own.example.com", "expires", "90", "domains:read", "yes", "links:write", "yes"},
	"/keys/redirect/new":                     {"name", "Hosting panel", "public_key", "no key", "domains", "own.example.com", "expires", "90"},
	"/keys/redirect/:id":                     {"name", strings.Repeat("x", 200), "domains", "own.example.com"},
	"/keys/:id":                              {"name", strings.Repeat("x", 200)},
	"/domains/:domain/metadata":              {"metadata", "customer: 4711\nno value"},
	"/links/:id/metadata":                    {"metadata", "customer: 4711\nno value"},
	"/mdm/nanomdm":                           {"url", "not an address"},
	"/members/invite":                        {"email", "new at example.com", "role", "auditor"},
	"/accounts/new":                          {"name", "Corner Shop", "email", "cora at corner", "trusted", "yes"},
	"/accounts/:id":                          {"name", strings.Repeat("x", 200), "trusted", "yes"},
	"/accounts/:id/suspend":                  {"reason", strings.Repeat("x", 300)},
	"/accounts/:id/resume":                   {"reason", strings.Repeat("x", 300)},
	"/accounts/:id/open":                     {"reason", strings.Repeat("x", 300), "changes", "yes"},
	"/domains/new":                           domainForm("name", "new.example.com", "display_name", "Example & Host", "sign_in_hint", "Use the app password.", "help_text", "Help desk:\n+49 30 1234", "caldav", "not a host"),
	"/domains/new/find":                      domainForm("name", "not a domain", "display_name", "Example & Host"),
	"/domains/:domain":                       domainForm("display_name", "Example & Host", "sign_in_hint", "Use the app password.", "help_text", "Help desk:\n+49 30 1234", "caldav", "not a host"),
	"/branding":                              brandForm,
	"/branding/preview":                      brandForm,
	"/domains/:domain/branding":              brandForm,
	"/domains/:domain/branding/preview":      brandForm,
	"/hosts":                                 {"host", "*.com"},
	"/policies/new":                          {"name", "Tablets", "min_length", "2", "auto_lock", "5", "grace", "0", "history", "7", "wipe", "yes", "max_failed_attempts", "8", "reset_after", "20"},
	"/policies/:id":                          {"name", "Tablets", "min_length", "2", "auto_lock", "5", "grace", "0", "history", "7", "wipe", "yes", "max_failed_attempts", "8", "reset_after", "20"},
	"/links/new":                             {"address", "jane at example", "name", "Jane Doe", "login", "jdoe", "variant", "mail", "expires", "168", "downloads", "3", "external_id", "mbx_812", "return_url", "https://own.example.com/back"},
	"/security/notifications/recipients/new": {"recipient", "desk at example", "keys", "yes"},
	"/security/notifications/webhooks/new":   {"url", "not an address", "key.created", "yes", "domain.changed", "yes"},
	"/security/notifications/webhooks/:id":   {"url", "not an address", "key.created", "yes", "domain.changed", "yes"},
}

// untyped are the forms without input that could be lost.
var untyped = map[string]string{
	"/invitation/:token":                     "tested with an invitation in this file",
	"/confirm":                               "a code",
	"/security/sign-in/totp":                 "a code",
	"/security/sign-in/password":             "passwords",
	"/security/sign-in/language":             "a choice from a list",
	"/members/settings":                      "boxes, none of which is refused",
	"/members/retention":                     "a choice from a list",
	"/keys/:id/rotate":                       "a choice from a list",
	"/members/:id":                           "a choice from a list",
	"/certificate":                           "TestUploadCertificate (server), which has an installation that takes one",
	"/members/:id/remove":                    "a box",
	"/hosts/withdraw":                        "a button in a row",
	"/mailbox":                               "a button for the mailbox of the page",
	"/links/mail-selected":                   "boxes in a list",
	"/links/revoke-selected":                 "boxes in a list",
	"/batches/:id/check":                     "choices from lists",
	"/security/log/export":                   "the filter that the page shows",
	"/security/log/erase":                    "the mailbox of the previous page",
	"/security/notifications/own":            "boxes, none of which is refused",
	"/security/notifications/recipients/:id": "boxes, none of which is refused",
}

// brandForm has a color that is none.
var brandForm = []string{"name", "Example Host", "color", "green", "help_url", "https://example.com/help", "imprint_url", "", "privacy_url", "https://example.com/privacy"}

// publicForms are the forms outside the panel, with a visitor's input that is
// refused.
var publicForms = map[string][]string{
	"/start":            {"address", "jane@elsewhere.org", "name", "Jane Doe"},
	"/s/:token/profile": {"variant", "secure", "platform", "iphone"},
}

// publicPosts are other requests outside the panel and the API.
var publicPosts = map[string]string{
	"/start/signed":        "a token from a hosting panel",
	autoconfig.OutlookPath: "an email program",
	"/hooks/nanomdm/:hook": "a device management service",
}

// TestFormsAreTried checks that each form of the panel is in one of the
// tables.
func TestFormsAreTried(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range slices.Concat((*access.Pages)(nil).Routes(), (*mail.Pages)(nil).Routes(), (*log.Pages)(nil).Routes(), (*brand.Pages)(nil).Routes()) {
		if r.Method != http.MethodPost || len(r.Fields) == 0 || r.Upload {
			continue
		}
		seen[r.Path] = true
		_, typed := typedForms[r.Path]
		if _, other := untyped[r.Path]; typed == other {
			t.Errorf("%s: the form must be in exactly one table: typed %v, untyped %v", r.Path, typed, other)
		}
		for i := 0; i < len(typedForms[r.Path]); i += 2 {
			if name := typedForms[r.Path][i]; !slices.Contains(r.Fields, name) {
				t.Errorf("%s has no field %q", r.Path, name)
			}
		}
	}
	for path := range typedForms {
		if !seen[path] {
			t.Errorf("%s is no form", path)
		}
	}
	for path := range untyped {
		if !seen[path] {
			t.Errorf("%s is no form", path)
		}
	}
}

var (
	inputTag  = regexp.MustCompile(`(?s)<input\b[^>]*>`)
	areaTag   = regexp.MustCompile(`(?s)<textarea\b([^>]*)>(.*?)</textarea>`)
	selectTag = regexp.MustCompile(`(?s)<select\b([^>]*)>(.*?)</select>`)
	optionTag = regexp.MustCompile(`(?s)<option\b[^>]*\sselected[^>]*>`)
)

func attribute(tag, name string) string {
	m := regexp.MustCompile(`\s` + name + `="([^"]*)"`).FindStringSubmatch(tag)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// shown returns the values of the fields of a page.
func shown(a servertest.Answer) map[string][]string {
	page := string(a.Body)
	all := map[string][]string{}
	for _, tag := range inputTag.FindAllString(page, -1) {
		if kind := attribute(tag, "type"); (kind == "checkbox" || kind == "radio") && !strings.Contains(tag, " checked") {
			continue
		}
		all[attribute(tag, "name")] = append(all[attribute(tag, "name")], attribute(tag, "value"))
	}
	for _, m := range areaTag.FindAllStringSubmatch(page, -1) {
		all[attribute(m[1], "name")] = append(all[attribute(m[1], "name")], html.UnescapeString(m[2]))
	}
	for _, m := range selectTag.FindAllStringSubmatch(page, -1) {
		all[attribute(m[1], "name")] = append(all[attribute(m[1], "name")], attribute(optionTag.FindString(m[2]), "value"))
	}
	return all
}

// testTypedValues posts each form with one field that is refused, and checks
// that the response contains all input.
func testTypedValues(h *installation) {
	customer := storetest.Column(h.t, h.database, `SELECT account FROM members WHERE email = '`+h.customer.Email+`'`)[0]
	for route, fields := range typedForms {
		where := path(panel.Prefix+route, h.own)
		if strings.HasPrefix(route, "/accounts/:id") {
			where = panel.Prefix + strings.Replace(route, ":id", customer, 1)
		}
		h.wantTyped(h.owner.Post(where, fields...), route, fields)
	}
	invitation := h.Invitation(h.owner.Make("/panel/members/invite", "email", "typed@example.com", "role", "admin"))
	fields := []string{"name", "Nora New", "password", "short"}
	newcomer := &servertest.Member{Server: h.Server}
	h.wantTyped(newcomer.Post(invitation[strings.Index(invitation, "/panel"):], fields...), "/invitation/:token", fields)
}

// testPublicForms posts each form of the public pages with something that is
// refused. The agreement to a passcode policy is the only input that doesn't
// come back: it's given anew each time.
func testPublicForms(h *installation) {
	for _, r := range h.Handler().(*echo.Echo).Routes() {
		if r.Method != http.MethodPost || strings.HasPrefix(r.Path, panel.Prefix) || strings.HasPrefix(r.Path, "/api/") {
			continue
		}
		_, form := publicForms[r.Path]
		if _, other := publicPosts[r.Path]; form == other {
			h.t.Errorf("%s must be in exactly one table: form %v, other %v", r.Path, form, other)
		}
	}
	link := h.Link("jane@example.com")
	for route, fields := range publicForms {
		h.wantTyped(h.Server.Post(strings.Replace(route, "/s/:token", link, 1), fields...), route, fields)
	}
	for _, refused := range [][]string{{"platform", "iphone"}, {"platform", "mac", "agree", "yes"}} {
		a := h.Server.Post(link+"/profile?device=ipad", append(refused, "variant", "secure")...)
		// The fold with the box is open, and the page is still that of an iPad.
		form := regexp.MustCompile(`(?s)<form[^>]* action="` + link + `/profile\?device=ipad">\s*<details class="fold" open>.*?</form>`).FindString(string(a.Body))
		if box := inputTag.FindString(form); a.Status != http.StatusUnprocessableEntity || attribute(box, "name") != "agree" || strings.Contains(box, " checked") ||
			!strings.Contains(form, `name="variant" value="secure"`) {
			h.t.Errorf("%q: %d, the form comes back as %s", refused, a.Status, form)
		}
	}
}

func (h *installation) wantTyped(a servertest.Answer, route string, fields []string) {
	h.t.Helper()
	if a.Status < 400 || a.Status >= 500 {
		h.t.Errorf("%s: got %d %s, want the form again", route, a.Status, a.Location())
		return
	}
	values := shown(a)
	for i := 0; i < len(fields); i += 2 {
		name, typed := fields[i], fields[i+1]
		if name == "password" {
			if len(values[name]) > 0 && values[name][0] != "" {
				h.t.Errorf("%s repeats the password", route)
			}
			continue
		}
		if !slices.Contains(values[name], typed) {
			h.t.Errorf("%s: %d, %s comes back as %q, want %q", route, a.Status, name, values[name], typed)
		}
	}
}
