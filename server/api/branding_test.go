//go:build !race

package api_test

import (
	"bytes"
	"image/png"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
)

// A shownBrand is a brand in the API.
type shownBrand struct {
	Name      string `json:"name"`
	Color     string `json:"color"`
	HelpURL   string `json:"help_url"`
	LogoURL   string `json:"logo_url"`
	Inherited struct {
		Name    string `json:"name"`
		HelpURL string `json:"help_url"`
	} `json:"inherited"`
}

// aLogo is a realistic logo.
func aLogo(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../branding/logo/testdata/mark.svg")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestBranding sets the branding of an account and a domain, and checks the pages.
func TestBranding(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.Admin(t, s, database)
		var b shownBrand
		servertest.Decode(t, c.Want(t, 200, "PUT", "/branding", `{"name":"Example & Host","color":"#F2A900","help_url":"https://example.com/help"}`), &b)
		if b.Name != "Example & Host" || b.Color != "#f2a900" {
			t.Errorf("got %+v", b)
		}
		servertest.Decode(t, c.Want(t, 200, "PATCH", "/domains/example.com/branding", `{"name":"Its own"}`), &b)
		if b.Name != "Its own" || b.Inherited.Name != "Example & Host" || b.Inherited.HelpURL != "https://example.com/help" {
			t.Errorf("got %+v", b)
		}
		page := string(s.Get(s.Link("jane@example.com")).Body)
		for _, want := range []string{`<bdi>Its own</bdi>`, ` – Its own</title>`, `href="/brand/f2a900.css"`, `href="https://example.com/help" rel="noreferrer"`} {
			if !strings.Contains(page, want) {
				t.Errorf("the page lacks %s", want)
			}
		}
		if start := string(s.Get("/").Body); !strings.Contains(start, "<bdi>Example &amp; Host</bdi>") || strings.Contains(start, "<bdi>setup.example.com</bdi>") {
			t.Error("the start page has another name")
		}
		sheet := s.Get("/brand/f2a900.css")
		if sheet.Status != 200 || !strings.Contains(string(sheet.Body), "--accent:#916500") || sheet.Header.Get("Content-Type") != "text/css; charset=utf-8" || sheet.Header.Get("ETag") == "" {
			t.Errorf("%d %v %s", sheet.Status, sheet.Header, string(sheet.Body))
		}
		for _, path := range []string{"/brand/f2a90.css", "/brand/F2A900.css", "/brand/..%2fapp.css", "/brand/x.png", "/brand/" + strings.Repeat("0", 64) + ".png", "/brand/f2a900;}.css"} {
			if a := s.Get(path); a.Status != 404 || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %s", path, a.Status, a.Header.Get("Cache-Control"))
			}
		}
		a := c.Want(t, 422, "PUT", "/branding", `{"name":"a\u202eb","color":"red","help_url":"javascript:alert(1)","imprint_url":"http://example.com","privacy_url":"https://user@example.com/"}`)
		if got := servertest.ErrorsOf(t, a); len(got) != 5 {
			t.Errorf("refused are %q", got)
		}
		log := servertest.ReadLog(t, database, account.Default, audit.BrandingUpdate)
		if len(log) != 2 || log[1].Domain != "example.com" {
			t.Errorf("the log has %+v", log)
		}
	})
}

// TestLogoIfMatch checks that a logo is only replaced and removed in the version of the
// brand that the request names.
func TestLogoIfMatch(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.Admin(t, s, database)
		for _, path := range []string{"/branding", "/domains/example.com/branding"} {
			do := func(method, match, body string) servertest.Answer {
				return s.Do(method, "/api/v1"+path+"/logo", http.Header{"Authorization": {"Bearer " + c.Key}, "Content-Type": {"image/svg+xml"}, "If-Match": {match}}, body)
			}
			before := c.Want(t, 200, "GET", path, "").Header.Get("ETag")
			now := c.Want(t, 200, "PATCH", path, `{"name":"Changed"}`).Header.Get("ETag")
			if a := do("PUT", before, aLogo(t)); a.Status != 412 {
				t.Errorf("%s: PUT with an old ETag: %d %s", path, a.Status, a.Body)
			}
			a := do("PUT", now, aLogo(t))
			if tag := c.Want(t, 200, "GET", path, "").Header.Get("ETag"); a.Status != 200 || tag == now || a.Header.Get("ETag") != tag {
				t.Errorf("%s: PUT: %d %q, want %q", path, a.Status, a.Header.Get("ETag"), tag)
			}
			if a := do("DELETE", now, ""); a.Status != 412 {
				t.Errorf("%s: DELETE with an old ETag: %d %s", path, a.Status, a.Body)
			}
			if a := do("DELETE", a.Header.Get("ETag"), ""); a.Status != 204 {
				t.Errorf("%s: DELETE: %d %s", path, a.Status, a.Body)
			}
		}
	})
}

// TestLogo uploads logos and checks that pages show the redrawn image, served so that
// browsers treat it only as an image.
func TestLogo(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.Admin(t, s, database)
		upload := func(key, path, kind, body string) servertest.Answer {
			return s.Do("PUT", "/api/v1"+path, http.Header{"Authorization": {"Bearer " + key}, "Content-Type": {kind}}, body)
		}
		var b shownBrand
		servertest.Decode(t, upload(c.Key, "/domains/example.com/branding/logo", "image/svg+xml", aLogo(t)), &b)
		path, ok := strings.CutPrefix(b.LogoURL, "http://setup.example.com")
		if !ok {
			t.Fatalf("the logo is at %q", b.LogoURL)
		}
		picture := s.Get(path)
		if _, err := png.Decode(bytes.NewReader(picture.Body)); err != nil || picture.Header.Get("Content-Type") != "image/png" ||
			picture.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(picture.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%v %d %v", err, picture.Status, picture.Header)
		}
		if page := string(s.Get(s.Link("jane@example.com") + "/sheet").Body); !strings.Contains(page, `<img class="host-logo" src="`+path+`" alt="">`) {
			t.Error("the sheet lacks the logo")
		}
		if page := string(s.Get("/").Body); strings.Contains(page, "host-logo") {
			t.Error("the start page has a domain's logo")
		}
		for kind, want := range map[string]int{"image/gif": 415, "text/html": 415, "image/png": 422} {
			if a := upload(c.Key, "/branding/logo", kind, "GIF89a"); a.Status != want {
				t.Errorf("%s: %d, want %d", kind, a.Status, want)
			}
		}
		if a := upload(c.Key, "/branding/logo", "image/png", strings.Repeat("x", 2<<20)); a.Status != 413 {
			t.Errorf("a large one: %d", a.Status)
		}
		ofDomain := servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes(), Domains: []string{"example.com"}})
		if a := upload(ofDomain, "/domains/example.com/branding/logo", "image/svg+xml", aLogo(t)); a.Status != 200 {
			t.Errorf("the key of the domain: %d %s", a.Status, a.Body)
		}
		if a := upload(ofDomain, "/branding/logo", "image/svg+xml", aLogo(t)); a.Status != 403 {
			t.Errorf("the key of a domain changes the account: %d", a.Status)
		}
		reader := servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}})
		if a := upload(reader, "/branding/logo", "image/svg+xml", aLogo(t)); a.Status != 403 {
			t.Errorf("a key that reads: %d", a.Status)
		}
		other := servertest.NewKey(t, database, account.KeySpec{Account: servertest.OtherAccount(t, database), Scopes: servertest.AllScopes()})
		if a := upload(other, "/domains/example.com/branding/logo", "image/svg+xml", aLogo(t)); a.Status != 404 {
			t.Errorf("another account: %d", a.Status)
		}
		c.Want(t, 204, "DELETE", "/domains/example.com/branding/logo", "")
		if a := s.Get(path); a.Status != 404 {
			t.Errorf("the logo is still there: %d", a.Status)
		}
	})
}
