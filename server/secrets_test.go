//go:build !race

package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestPagesKeepNoSecret sends a possible password in every field, header and
// parameter of every route, and looks for it in everything that is stored or
// logged.
func TestPagesKeepNoSecret(t *testing.T) {
	t.Parallel()
	const canary = "hunter2-CANARY-7361945"
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
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
				for _, field := range fields[:5] { // next to valid ones
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

// TestNoTokenInLog checks that links and tickets aren't in the log.
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
