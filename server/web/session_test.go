package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

func TestSessionCookie(t *testing.T) {
	tests := []struct{ base, want string }{
		{"https://setup.example.com", "__Host-session=abc; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"http://localhost:8080", "session=abc; Path=/; HttpOnly; SameSite=Lax"},
	}
	for _, tt := range tests {
		base, err := url.Parse(tt.base)
		if err != nil {
			t.Fatal(err)
		}
		cookie := web.NewSessionCookie(base)
		rec := httptest.NewRecorder()
		c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", nil), rec)
		if cookie.Token(c) != "" {
			t.Error("a request without a cookie has a token")
		}
		cookie.Set(c, "abc")
		got := rec.Header().Get("Set-Cookie")
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.base, got, tt.want)
		}
		c.Request().Header.Set("Cookie", got[:strings.Index(got, ";")])
		if cookie.Token(c) != "abc" {
			t.Errorf("%s: the token does not come back", tt.base)
		}
		cookie.Clear(c)
		if last := rec.Header().Values("Set-Cookie")[1]; !strings.Contains(last, "Max-Age=0") {
			t.Errorf("cleared by %q", last)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	protect, err := web.SameOrigin(&url.URL{Scheme: "https", Host: "setup.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		method string
		header http.Header
		ok     bool
	}{
		{http.MethodGet, http.Header{"Sec-Fetch-Site": {"cross-site"}}, true},
		{http.MethodPost, http.Header{"Sec-Fetch-Site": {"same-origin"}}, true},
		{http.MethodPost, http.Header{"Sec-Fetch-Site": {"none"}}, true},
		{http.MethodPost, http.Header{"Origin": {"https://setup.example.com"}}, true}, // behind a proxy that changes Host
		{http.MethodPost, nil, true}, // not a browser
		{http.MethodPost, http.Header{"Sec-Fetch-Site": {"cross-site"}}, false},
		{http.MethodPost, http.Header{"Sec-Fetch-Site": {"same-site"}}, false},
		{http.MethodPost, http.Header{"Origin": {"https://evil.example"}}, false},
		{http.MethodPost, http.Header{"Origin": {"http://setup.example.com"}}, false},
		{http.MethodPost, http.Header{"Origin": {"null"}}, false},
	}
	for _, tt := range tests {
		req := httptest.NewRequest(tt.method, "http://inside:8080/panel", nil)
		req.Header = tt.header.Clone()
		if req.Header == nil {
			req.Header = http.Header{}
		}
		err := protect(func(echo.Context) error { return nil })(echo.New().NewContext(req, httptest.NewRecorder()))
		if (err == nil) != tt.ok || err != nil && !fault.Is(err, fault.CrossOrigin) {
			t.Errorf("%s with %v: got %v", tt.method, tt.header, err)
		}
	}
}

func TestReadSecrets(t *testing.T) {
	read := func(body string, secrets []string, fields ...string) (web.Form, error) {
		req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		c := echo.New().NewContext(req, httptest.NewRecorder())
		if _, err := web.Body(c); err != nil { // can be read again
			return nil, err
		}
		if secrets == nil {
			return web.ReadForm(c, fields...)
		}
		return web.ReadSecrets(c, secrets, fields...)
	}
	form, err := read("email=a&password=b", []string{"password"}, "email")
	if err != nil || form["password"] != "b" || form["email"] != "a" {
		t.Errorf("got %v, %v", form, err)
	}
	if _, err := read("password=b", nil, "password"); !fault.Is(err, fault.PasswordRefused) {
		t.Errorf("a form took a password: %v", err)
	}
	if _, err := read("password=b&passwd=c", []string{"password"}); !fault.Is(err, fault.PasswordRefused) {
		t.Errorf("a form took another password: %v", err)
	}
	if _, err := read("password=b&password=c", []string{"password"}); !fault.Is(err, fault.FormMalformed) {
		t.Errorf("a form took two passwords: %v", err)
	}
	if _, err := read("password=b&x=c", []string{"password"}); !fault.Is(err, fault.UnknownField) {
		t.Errorf("a form took an unknown field: %v", err)
	}
}
