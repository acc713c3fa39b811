package server_test

import (
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func loopback(t *testing.T) []netip.Prefix {
	t.Helper()
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// eachPair runs f with two servers on one database, of each kind.
func eachPair(t *testing.T, f func(t *testing.T, servers [2]*servertest.Server, database string)) {
	t.Helper()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		f(t, [2]*servertest.Server{servertest.New(t, database, nil), servertest.New(t, database, nil)}, database)
	})
}

// TestLookingChangesNothing sends 1,000 requests of people, previews and
// scanners to a link.
func TestLookingChangesNothing(t *testing.T) {
	agents := []string{
		servertest.IPhone, "Slackbot-LinkExpanding 1.0", "TelegramBot (like TwitterBot)", "WhatsApp/2.23", "facebookexternalhit/1.1",
		"Twitterbot/1.0", "LinkedInBot/1.0", "SkypeUriPreview Preview/0.5", "Discordbot/2.0", "Google-Read-Aloud", "curl/8", "",
	}
	eachPair(t, func(t *testing.T, servers [2]*servertest.Server, database string) {
		link := servers[0].Link("jane@example.com")
		before := storetest.Fingerprint(t, database)
		for i := range 1000 {
			s := servers[i%2]
			method := []string{http.MethodGet, http.MethodHead, http.MethodOptions}[i%3]
			header := http.Header{"User-Agent": {agents[i%len(agents)]}}
			if i%4 == 0 {
				header.Set("Sec-Purpose", "prefetch")
				header.Set("Purpose", "prefetch")
			}
			s.Do(method, []string{link, link + "/qr.svg", link + "/qr.png", "/"}[i%4], header, "")
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("looking at a link changed the database")
		}
	})
}

// TestTicketRace has 200 clients fetch one ticket at once from two servers.
func TestTicketRace(t *testing.T) {
	eachPair(t, func(t *testing.T, servers [2]*servertest.Server, database string) {
		ticket := servers[0].Ticket(servers[0].Link("jane@example.com"), "mail")
		var good, gone, other atomic.Int32
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				switch servers[i%2].Get(ticket).Status {
				case http.StatusOK:
					good.Add(1)
				case http.StatusGone:
					gone.Add(1)
				default:
					other.Add(1)
				}
			})
		}
		wg.Wait()
		if good.Load() != 5 || gone.Load() != 195 {
			t.Errorf("%d downloads, %d gone, %d other", good.Load(), gone.Load(), other.Load())
		}
	})
}

// TestCanary sends what could be a password in every field, header and
// parameter of every route, and looks for it in all that is left behind.
func TestCanary(t *testing.T) {
	const canary = "hunter2-CANARY-7361945"
	each(t, func(t *testing.T, s *servertest.Server, database string) {
		link := s.Link("jane@example.com")
		ticket := s.Ticket(link, "mail")
		paths := []string{"/", "/start", link, link + "/qr.svg", link + "/qr.png", link + "/profile", ticket, "/healthz", "/readyz", "/static/x.css", "/nowhere", "/s/" + canary, "/d/" + canary + "/" + canary}
		fields := []string{"address", "name", "variant", "platform", "agree", "lang", "password", "imap_password", "Passwort", "unknown", canary}
		headers := []string{"User-Agent", "Referer", "Accept-Language", "Accept", "Cookie", "Authorization", "X-Request-Id", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Origin", "Idempotency-Key", "Content-Type", "X-Http-Method-Override"}
		var seen int
		look := func(what string, a servertest.Answer) {
			t.Helper()
			seen++
			if strings.Contains(string(a.Body), canary) {
				t.Errorf("%s: in the answer", what)
			}
			for name, values := range a.Header {
				if strings.Contains(strings.Join(values, " "), canary) {
					t.Errorf("%s: in the header %s of the answer", what, name)
				}
			}
			if a.Status >= 500 {
				t.Errorf("%s: %d", what, a.Status)
			}
		}
		for _, path := range paths {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS", "CANARY7361945"} {
				for _, field := range fields {
					query := "?" + field + "=" + canary
					look(method+" "+path+query, s.Do(method, path+query, nil, field+"="+canary))
				}
				for _, field := range fields[:5] { // beside good ones
					body := strings.Replace("address=jane%40example.com&name=Jane&variant=secure&platform=iphone&agree=yes", field+"=", field+"="+canary, 1)
					look(method+" "+path+" "+field, s.Do(method, path, nil, body))
				}
				for _, name := range headers {
					look(method+" "+path+" "+name, s.Do(method, path, http.Header{name: {canary}}, "address="+canary))
				}
				look(method+" "+path+" json", s.Do(method, path, http.Header{"Content-Type": {"application/json"}}, `{"password":"`+canary+`"}`))
			}
		}
		if strings.Contains(s.Log.String(), canary) || strings.Contains(s.Log.String(), "CANARY7361945") {
			t.Error("in the log")
		}
		if strings.Contains(storetest.Dump(t, database), canary) {
			t.Error("in the database")
		}
		t.Logf("%d requests", seen)
	})
}

// TestNoTokenInLog wants links and tickets kept out of the log.
func TestNoTokenInLog(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	link := s.Link("jane@example.com")
	s.Get(link)
	ticket := s.Ticket(link, "mail")
	s.Get(ticket)
	for _, secret := range []string{strings.TrimPrefix(link, "/s/"), strings.Split(ticket, "/")[2], "jane@"} {
		if strings.Contains(s.Log.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// TestHeaders walks over the table of routes, with each method, and wants the
// protecting headers on every answer.
func TestHeaders(t *testing.T) {
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

// embedded is from where an answer may be shown: a QR code on a panel's page.
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
			t.Errorf("%s: the policy lacks %s", what, part)
		}
	}
	if got := a.Header.Get("Cache-Control"); got != "no-store" && !strings.Contains(what, " /static/") {
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
		t.Errorf("%s leads to %q", what, to)
	}
}
