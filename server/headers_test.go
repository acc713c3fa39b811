//go:build !race

package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestHeaders checks all routes and methods for security headers on every
// answer.
func TestHeaders(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, storetest.SQLite(t), func(c *server.Config) { c.BaseURL = "https://setup.example.com" })
	link := s.Link("jane@example.com")
	ticket := strings.Split(s.Ticket(link, "mail"), "/")
	fill := strings.NewReplacer(":token", strings.TrimPrefix(link, "/s/"), ":ticket", ticket[2], "mail", "mail",
		":domain", "example.com", ":id", "key_x", ":policy", "pol_x", "/d/:ticket/:file", "/d/"+ticket[2]+"/"+ticket[3], ":file", "x")
	paths := map[string]bool{"/nowhere": true, "/api/v1/nowhere": true}
	for _, route := range s.Handler().(*echo.Echo).Routes() {
		if strings.HasPrefix(route.Path, "/") {
			paths[fill.Replace(route.Path)] = true
		}
	}
	if len(paths) < 15 {
		t.Fatalf("%d routes", len(paths))
	}
	for path := range paths {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} {
			checkHeaders(t, method+" "+path, s.Do(method, path, nil, ""))
		}
	}
}

// embedded is where an answer may be embedded: a QR code on a panel's page.
func embedded(what string, a servertest.Answer) string {
	if (strings.HasSuffix(what, "/qr.svg") || strings.HasSuffix(what, "/qr.png")) && a.Status == http.StatusOK {
		return "cross-origin"
	}
	return "same-origin"
}

func checkHeaders(t *testing.T, what string, a servertest.Answer) {
	t.Helper()
	if a.Status >= 500 {
		t.Errorf("%s: %d", what, a.Status)
	}
	for name, want := range map[string]string{
		"Content-Security-Policy":      "default-src 'none'",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"X-Frame-Options":              "DENY",
		"X-Robots-Tag":                 "noindex",
		"Strict-Transport-Security":    "max-age=31536000",
		"Cross-Origin-Resource-Policy": embedded(what, a),
	} {
		if got := a.Header.Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s is %q", what, name, got)
		}
	}
	for _, part := range []string{"base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
		if !strings.Contains(a.Header.Get("Content-Security-Policy"), part) {
			t.Errorf("%s: the policy doesn't have %s", what, part)
		}
	}
	if got := a.Header.Get("Cache-Control"); got != "no-store" && !strings.Contains(what, " /static/") && (got != "no-cache" || !strings.HasSuffix(what, " /")) {
		t.Errorf("%s: Cache-Control is %q", what, got)
	}
	for _, never := range []string{"Set-Cookie", "Access-Control-Allow-Origin", "Server", "X-Powered-By"} {
		if got := a.Header.Get(never); got != "" {
			t.Errorf("%s: %s is %q", what, never, got)
		}
	}
	if kind := a.Header.Get("Content-Type"); strings.HasPrefix(kind, "text/") && !strings.Contains(strings.ToLower(kind), "charset=utf-8") {
		t.Errorf("%s: content type %q", what, kind)
	}
	if to := a.Location(); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
		t.Errorf("%s redirects to %q", what, to)
	}
}
