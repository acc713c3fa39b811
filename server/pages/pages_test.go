package pages_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// copyScript loads the only script of the pages: it makes copy buttons work.
var copyScript = regexp.MustCompile(`<script src="/static/copy\.[0-9a-f]{12}\.js" defer></script>`)

// TestFromAddressToProfile goes the whole way: address, page, ticket, profile.
func TestFromAddressToProfile(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		link := s.Link("jane@example.com")
		page := s.Get(link)
		for _, want := range []string{"j•••@example.com", "10 wrong passcodes erase this iPhone", "imap.example.com", "993", "smtp.example.com", "465", "Remove Profile", "setup.example.com"} {
			if !bytes.Contains(page.Body, []byte(want)) {
				t.Errorf("the page does not say %q", want)
			}
		}
		for _, never := range []string{"jane@", " checked", "<script", "style="} {
			if bytes.Contains(copyScript.ReplaceAll(page.Body, nil), []byte(never)) {
				t.Errorf("the page has %q", never)
			}
		}
		for _, variant := range []string{"mail", "secure"} {
			file := s.Get(s.Ticket(link, variant))
			content := string(s.Content(file.Body))
			if has := strings.Contains(content, "passwordpolicy"); has != (variant == "secure") {
				t.Errorf("%s: policy inside: %v", variant, has)
			}
			if got := file.Header.Get("Content-Type"); got != "application/x-apple-aspen-config" {
				t.Errorf("content type %q", got)
			}
			if got := file.Header.Get("Content-Disposition"); got != "attachment; filename=mail-example.com.mobileconfig" {
				t.Errorf("disposition %q", got)
			}
			if got := file.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("cache control %q", got)
			}
		}
	})
}

// TestAnswers checks each public route's response to bad input: the status,
// the code in the page, and that nothing is stored.
func TestAnswers(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		link := s.Link("jane@example.com")
		ticket := s.Ticket(link, "mail")
		form := func(pairs ...string) string {
			v := url.Values{}
			for i := 0; i < len(pairs); i += 2 {
				v.Add(pairs[i], pairs[i+1])
			}
			return v.Encode()
		}
		tests := []struct {
			method, path, body string
			status             int
			has                string
		}{
			{"GET", "/", "", 200, "<form"},
			{"GET", "/?address=jane@example.com", "", 200, `value="jane@example.com"`},
			{"GET", "/?address=jane%40example.com&utm_source=x", "", 200, `value="jane@example.com"`},
			{"GET", "/?password=x", "", 422, "password_refused"},
			{"GET", "/?lang=xx", "", 200, `lang="en"`},
			{"POST", "/start", form("address", "nobody"), 422, "address_malformed"},
			{"POST", "/start", form("address", "$EMAIL@example.com"), 422, "address_malformed"},
			{"POST", "/start", form("address", ""), 422, "address_malformed"},
			{"POST", "/start", form("address", "jane@foreign.example"), 422, "address_foreign"},
			{"POST", "/start", form("address", "jane@foreign.example"), 422, `value="jane@foreign.example"`},
			{"POST", "/start", form("address", "jane@example.com", "name", "Call 030 1234567"), 422, "name_invalid"},
			{"POST", "/start", form("address", "jane@example.com", "name", "see www.evil.example"), 422, "name_invalid"},
			{"POST", "/start", form("address", "jane@example.com", "name", "evil.example"), 422, "name_invalid"},
			{"POST", "/start", form("address", "jane@example.com", "name", strings.Repeat("x", 65)), 422, "name_invalid"},
			{"POST", "/start", form("address", "jane@example.com", "name", "a\u202eb"), 422, "name_invalid"},
			{"POST", "/start", form("address", "jane@example.com", "password", "x"), 422, "password_refused"},
			{"POST", "/start", form("address", "jane@example.com", "imap_host", "evil.example"), 422, "unknown_field"},
			{"POST", "/start", "address=a&address=b", 400, "form_malformed"},
			{"POST", "/start", "address=%ff@example.com", 400, "form_malformed"},
			{"POST", "/start", "%zz", 400, "form_malformed"},
			{"POST", "/start", "address=" + strings.Repeat("x", 49<<10), 413, "too_large"},
			{"GET", "/start", "", 405, "method_not_allowed"},
			{"DELETE", "/", "", 405, "method_not_allowed"},
			{"GET", "/s/unknown", "", 404, "This link no longer works"},
			{"GET", link[:len(link)-1], "", 404, "This link no longer works"},
			{"GET", link + "a", "", 404, "This link no longer works"},
			{"GET", "/s/unknown/qr.svg", "", 404, "This link no longer works"},
			{"GET", "/s/unknown/qr.png", "", 404, "This link no longer works"},
			{"POST", "/s/unknown/profile", form("variant", "mail", "platform", "iphone"), 404, "This link no longer works"},
			{"POST", link + "/profile", form("variant", "secure", "platform", "iphone"), 422, "agreement_missing"},
			{"POST", link + "/profile", form("variant", "secure", "platform", "iphone", "agree", "no"), 422, "agreement_missing"},
			{"POST", link + "/profile", form("variant", "secure", "platform", "mac", "agree", "yes"), 422, "mac_policy_needs_mdm"},
			{"POST", link + "/profile", form("variant", "other", "platform", "iphone"), 422, "variant_unknown"},
			{"POST", link + "/profile", form("variant", "mail", "platform", "watch"), 422, "platform_unknown"},
			{"POST", link + "/profile", form("variant", "mail", "platform", "iphone", "password", "x"), 422, "password_refused"},
			{"POST", link + "/profile", "", 422, "platform_unknown"},
			{"GET", link + "/profile", "", 405, "method_not_allowed"},
			{"GET", ticket + "x", "", 404, "not_found"},
			{"GET", "/d/unknown/mail-example.com.mobileconfig", "", 404, "not_found"},
			{"GET", strings.Replace(ticket, "mail-example", "evil-example", 1), "", 404, "not_found"},
			{"GET", "/static/app.css", "", 404, "not_found"},
			{"GET", "/nowhere", "", 404, "not_found"},
			{"GET", "/panels", "", 404, "not_found"},
			{"GET", "/healthz", "", 200, "ok"},
			{"GET", "/readyz", "", 200, "ready"},
		}
		before := storetest.Fingerprint(t, database)
		for _, tt := range tests {
			a := s.Do(tt.method, tt.path, nil, tt.body)
			if a.Status != tt.status || !bytes.Contains(a.Body, []byte(tt.has)) {
				t.Errorf("%s %s %.60s: %d, has %q: %v; want %d", tt.method, tt.path, tt.body, a.Status, tt.has, bytes.Contains(a.Body, []byte(tt.has)), tt.status)
			}
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("bad input changed the database")
		}
	})
}

func TestFormType(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	for _, kind := range []string{"application/json", "multipart/form-data; boundary=x", "text/plain", ""} {
		a := s.Do(http.MethodPost, "/start", http.Header{"Content-Type": {kind}}, `{"address":"jane@example.com"}`)
		if a.Status != http.StatusUnsupportedMediaType {
			t.Errorf("%q: %d", kind, a.Status)
		}
	}
}

// TestOffers tries all combinations of policy, variant and platform.
func TestOffers(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, nil)
		tests := []struct {
			policy            settings.Offer
			variant, platform string
			status            int
			code              string
		}{
			{settings.Off, "mail", "iphone", 303, ""},
			{settings.Off, "secure", "iphone", 422, "variant_not_offered"},
			{settings.Off, "secure", "mac", 422, "mac_policy_needs_mdm"},
			{settings.Offered, "mail", "mac", 303, ""},
			{settings.Offered, "secure", "iphone", 303, ""},
			{settings.Required, "mail", "iphone", 422, "variant_not_offered"},
			{settings.Required, "mail", "mac", 303, ""},
			{settings.Required, "secure", "iphone", 303, ""},
		}
		for i, tt := range tests {
			storetest.Exec(t, database, `UPDATE domains SET policy = $1`, string(tt.policy))
			link := s.Link(fmt.Sprintf("u%d@example.com", i))
			a := s.Post(link+"/profile", "variant", tt.variant, "platform", tt.platform, "agree", "yes")
			if a.Status != tt.status || !bytes.Contains(a.Body, []byte(tt.code)) {
				t.Errorf("%v: %d", tt, a.Status)
			}
		}
	})
}

// TestAgents checks that each of 20 programs gets the right page.
func TestAgents(t *testing.T) {
	const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
	servertest.Each(t, func(t *testing.T, s *servertest.Server, _ string) {
		link := s.Link("jane@example.com")
		for agent, want := range map[string]string{
			phone + "Version/18.6 Mobile/15E148 Safari/604.1":                                                                           "iphone",
			strings.Replace(phone, "iPhone;", "iPad;", 1) + "Version/18.6 Mobile/15E148 Safari/604.1":                                   "iphone",
			phone + "CriOS/140.0 Mobile/15E148 Safari/604.1":                                                                            "asks",
			phone + "FxiOS/140.0 Mobile/15E148 Safari/605.1.15":                                                                         "saves",
			phone + "EdgiOS/140.0 Version/18.0 Mobile/15E148 Safari/604.1":                                                              "saves",
			phone + "Version/18.6 Mobile/15E148 Safari/604.1 OPT/6.0":                                                                   "saves",
			phone + "Version/18.6 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15":                                                           "saves",
			phone + "Mobile/22G86 [FBAN/FBIOS;FBAV/520.0]":                                                                              "app",
			phone + "Mobile/22G86 Instagram 390.0":                                                                                      "app",
			phone + "Mobile/22G86 [LinkedInApp]/9.31":                                                                                   "app",
			phone + "Mobile/22G86 Safari Line/15.1.0":                                                                                   "app",
			phone + "Mobile/22G86 MicroMessenger/8.0.50":                                                                                "app",
			phone + "GSA/370.0 Mobile/15E148 Safari/604.1":                                                                              "app",
			phone + "Mobile/22G86":                                                                                                      "app",
			"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15":     "mac",
			"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":     "mac",
			"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":     "other",
			"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0": "other",
			"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                    "other",
			"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":            "other",
		} {
			body := string(s.Do(http.MethodGet, link, http.Header{"User-Agent": {agent}}, "").Body)
			for kind, mark := range map[string]string{
				"iphone": "Set up email on this\u00a0iPhone", "mac": "Set up email on this\u00a0Mac", "other": `class="qr-code"`,
				"asks": "Chrome asks before that", "saves": "This browser can only save the profile", "app": "inside an app",
			} {
				onPhone := kind == "iphone" && (want == "asks" || want == "saves" || want == "app")
				if got := strings.Contains(body, mark); got != (kind == want || onPhone) {
					t.Errorf("%s: %q on the page: %v, want the page of %s", agent, mark, got, want)
				}
			}
		}
	})
}
