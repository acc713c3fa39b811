package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/web"
)

// TestOnce checks that a value is shown only to its session and on its page,
// within two minutes, and can't be read on the way.
func TestOnce(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	base := &url.URL{Scheme: "https", Host: "setup.example.com"}
	once := web.NewOnce(base, crypt.Single([]byte("a secret of the installation, long")), func() time.Time { return now })
	visit := func(cookies ...*http.Cookie) (echo.Context, *httptest.ResponseRecorder) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		answer := httptest.NewRecorder()
		return echo.New().NewContext(r, answer), answer
	}
	c, answer := visit()
	if err := once.Put(c, "ses_a", "/panel/keys/new", []string{"mck_secret"}); err != nil {
		t.Fatal(err)
	}
	cookie := answer.Result().Cookies()[0]
	if raw := answer.Header().Get("Set-Cookie"); strings.Contains(raw, "mck_") || !strings.HasPrefix(raw, "__Host-once=") ||
		!cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.MaxAge != 120 {
		t.Errorf("the cookie is %s", raw)
	}
	cut := *cookie
	cut.Value = cut.Value[:len(cut.Value)-4]
	for name, tt := range map[string]struct {
		cookie        *http.Cookie
		session, page string
		after         time.Duration
		there         bool
	}{
		"there":           {cookie, "ses_a", "/panel/keys/new", 0, true},
		"just in time":    {cookie, "ses_a", "/panel/keys/new", 2*time.Minute - 1, true},
		"too late":        {cookie, "ses_a", "/panel/keys/new", 2 * time.Minute, false},
		"another session": {cookie, "ses_b", "/panel/keys/new", 0, false},
		"another page":    {cookie, "ses_a", "/panel/members/invite", 0, false},
		"cut short":       {&cut, "ses_a", "/panel/keys/new", 0, false},
		"none":            {&http.Cookie{Name: "x", Value: "y"}, "ses_a", "/panel/keys/new", 0, false},
	} {
		start := now
		now = now.Add(tt.after)
		c, answer := visit(tt.cookie)
		var got []string
		there := once.Take(c, tt.session, tt.page, &got)
		now = start
		if there != tt.there || there && got[0] != "mck_secret" {
			t.Errorf("%s: %t %q", name, there, got)
		}
		if gone := answer.Result().Cookies(); tt.cookie.Name != "x" && (len(gone) != 1 || gone[0].MaxAge >= 0) {
			t.Errorf("%s: the browser keeps %v", name, gone)
		}
	}
}
