package web_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

// TestStatus checks that every code has an explicit status.
func TestStatus(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../fault/fault.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes int
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		lit, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		codes++
		code := fault.Code(strings.Trim(lit.Value, `"`))
		if s := web.Status(code); s < 400 || s == 500 && code != fault.Internal {
			t.Errorf("%s has the status %d", code, s)
		}
		return true
	})
	if codes < 20 {
		t.Fatalf("found %d codes", codes)
	}
}

func TestClientOf(t *testing.T) {
	tests := []struct {
		agent, words string
		device       web.Device
		browser      web.Browser
	}{
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1", "Safari on iPhone", web.IPhone, ""},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone", web.IPhone, web.Asks},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 Mobile/15E148 Safari/605.1.15", "Firefox on iPhone", web.IPhone, web.Saves},
		{"Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1", "Safari on iPad", web.IPad, ""},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15", "Safari on Mac", web.Mac, ""},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140 Version/11.1.1 Safari/605.1.15", "Chrome on iPad", web.IPad, web.Asks},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/143.0 Safari/605.1.15", "Firefox on iPad", web.IPad, web.Saves},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)", "unknown program on iPad", web.IPad, web.App},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) [FBAN/FBIOS;FBDV/iPad13,4]", "Facebook on iPad", web.IPad, web.App},
		{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "Chrome on Linux", web.Other, ""},
		{"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android", web.Android, ""},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0", "Edge on Windows", web.Other, ""},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows", web.Other, ""},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1 Brave/1.0", "Chrome on iPhone", web.IPhone, web.Asks},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) EdgiOS/140.0 Version/18.0 Mobile/15E148 Safari/604.1", "Edge on iPhone", web.IPhone, web.Saves},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1 OPT/6.0", "Opera on iPhone", web.IPhone, web.Saves},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15", "DuckDuckGo on iPhone", web.IPhone, web.Saves},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 Focus/140.0 Mobile/15E148", "Firefox on iPhone", web.IPhone, web.Saves},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86 [FBAN/FBIOS;FBAV/520.0;FBDV/iPhone15,2]", "Facebook on iPhone", web.IPhone, web.App},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86 Instagram 390.0 (iPhone15,2)", "Instagram on iPhone", web.IPhone, web.App},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86 [LinkedInApp]/9.31", "LinkedIn on iPhone", web.IPhone, web.App},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86 Safari Line/15.1.0", "LINE on iPhone", web.IPhone, web.App},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86 MicroMessenger/8.0.50", "WeChat on iPhone", web.IPhone, web.App},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/370.0 Mobile/15E148 Safari/604.1", "Google app on iPhone", web.IPhone, web.App},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86 KAKAOTALK 25.1.0", "KakaoTalk on iPhone", web.IPhone, web.App},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86 Snapchat/13.1", "Snapchat on iPhone", web.IPhone, web.App},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86 BytedanceWebview/d8a21c6", "TikTok on iPhone", web.IPhone, web.App},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86", "unknown program on iPhone", web.IPhone, web.App},
		{"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/140.0.0.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/520.0]", "Facebook on Android", web.Android, ""},
		{"my-secret-token", "unknown program on unknown system", web.Other, ""},
		{"", "unknown program on unknown system", web.Other, ""},
	}
	for _, tt := range tests {
		c := web.ClientOf(tt.agent)
		if c.String() != tt.words || c.Device != tt.device || c.Browser != tt.browser {
			t.Errorf("%s: %s, %s, %q; want %s, %s, %q", tt.agent, c, c.Device, c.Browser, tt.words, tt.device, tt.browser)
		}
	}
}

// context returns a request from remote with the header X-Forwarded-For.
func context(trusted []netip.Prefix, remote, forwarded string) echo.Context {
	e := echo.New()
	e.IPExtractor = web.Proxies(trusted)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = remote
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	return e.NewContext(r, httptest.NewRecorder())
}

func TestClientIP(t *testing.T) {
	proxy := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := []struct {
		name              string
		trusted           []netip.Prefix
		remote, forwarded string
		ip, network       string
	}{
		{"direct", nil, "203.0.113.5:1", "", "203.0.113.5", "203.0.113.5/32"},
		{"forged", nil, "203.0.113.5:1", "198.51.100.1", "203.0.113.5", "203.0.113.5/32"},
		{"forged from loopback", nil, "127.0.0.1:1", "198.51.100.1", "127.0.0.1", "127.0.0.1/32"},
		{"proxy", proxy, "10.1.2.3:1", "198.51.100.1", "198.51.100.1", "198.51.100.1/32"},
		{"not the proxy", proxy, "192.168.1.1:1", "198.51.100.1", "192.168.1.1", "192.168.1.1/32"},
		{"forged before the proxy", proxy, "10.1.2.3:1", "1.2.3.4, 198.51.100.1", "198.51.100.1", "198.51.100.1/32"},
		{"two proxies", proxy, "10.1.2.3:1", "198.51.100.1, 10.9.9.9", "198.51.100.1", "198.51.100.1/32"},
		{"nonsense from the proxy", proxy, "10.1.2.3:1", "<script>", "10.1.2.3", "10.1.2.3/32"},
		{"IPv6", nil, "[2001:db8:1:2:3:4:5:6]:1", "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"mapped", nil, "[::ffff:203.0.113.5]:1", "", "203.0.113.5", "203.0.113.5/32"},
		{"zone", nil, "[fe80::1%eth0]:1", "", "fe80::1", "fe80::/64"},
	}
	for _, tt := range tests {
		c := context(tt.trusted, tt.remote, tt.forwarded)
		if got := web.ClientIP(c).String(); got != tt.ip {
			t.Errorf("%s: ip %s, want %s", tt.name, got, tt.ip)
		}
		if got := web.Network(c).String(); got != tt.network {
			t.Errorf("%s: network %s, want %s", tt.name, got, tt.network)
		}
	}
}

// FuzzReadForm checks that any body gives a form or a fault, and that the form
// contains only the requested fields.
func FuzzReadForm(f *testing.F) {
	f.Add("address=a%40b&name=c")
	f.Add("a=1&a=2&%zz")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		form, err := web.ReadForm(echo.New().NewContext(r, httptest.NewRecorder()), "address", "name")
		if err != nil {
			if s := web.Status(fault.Of(err).Code); s < 400 || s >= 500 {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		for name := range form {
			if name != "address" && name != "name" {
				t.Errorf("%q: field %q", body, name)
			}
		}
	})
}

// TestPanic checks that a panic gives an error page that reveals nothing about
// it.
func TestPanic(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	e := echo.New()
	e.HTTPErrorHandler = web.ErrorHandler(logger, func(c echo.Context, f *fault.Fault) error {
		return c.String(web.Status(f.Code), string(f.Code))
	})
	e.Use(web.Log(logger), web.Recover(logger))
	e.GET("/panic", func(echo.Context) error { panic("the secret") })
	e.GET("/limited", func(echo.Context) error {
		return &fault.Fault{Code: fault.Limited, RetryAfter: 1500 * time.Millisecond}
	})
	e.GET("/error", func(echo.Context) error { return errors.New("the cause") })
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	if w := get("/panic"); w.Code != 500 || w.Body.String() != "internal" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get("/error"); w.Code != 500 || w.Body.String() != "internal" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get("/limited"); w.Code != 429 || w.Header().Get("Retry-After") != "2" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if strings.Contains(log.String(), "the secret") || !strings.Contains(log.String(), "the cause") || !strings.Contains(log.String(), "web_test.go") {
		t.Errorf("log: %s", log.String())
	}
}
