//go:build !race

package server_test

import (
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// Canaries are secrets that are sent to the service, and those that it hands
// out.
type canaries struct {
	all map[string]string // descriptions by text
}

// next returns a new secret to send.
func (c *canaries) next(what string) string {
	text := fmt.Sprintf("Zq7canary%03dWx9", len(c.all))
	c.all[text] = what
	return text
}

// out records a secret that was handed out.
func (c *canaries) out(what, text string) {
	for _, text := range []string{text, strings.TrimPrefix(text, "whsec_"), strings.TrimPrefix(text, "mck_")} {
		c.all[text] = what
	}
}

// look checks that the text contains none of the secrets.
func (c *canaries) look(t *testing.T, where, text string) {
	t.Helper()
	for secret, what := range c.all {
		if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
			t.Errorf("%s: %s", where, what)
		}
	}
}

// TestNotificationsCarryNoSecret sends secrets through forms, fields and
// addresses while all notifications are sent by email and webhook, and looks
// for them in emails, calls, exports, log and database.
func TestNotificationsCarryNoSecret(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		sink, e := notifytest.New(t, false), servertest.NewEndpoint(t, nil)
		s := servertest.Notifying(t, database, e, func(c *server.Config) {
			servertest.Unhurried(c)
			c.Mail = &notify.RelayConfig{Server: sink.Address, From: "setup@example.org", Roots: sink.Roots}
		})
		all := &canaries{map[string]string{}}
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		owner := s.Owner("olga@example.com")
		inPath := hooksWithTokens(t, c, e, all)
		throughFields(t, c, all)
		adam := owner.Invite("adam@example.com", "admin")
		for range 12 {
			adam.Server.Post("/panel/sign-in", "email", adam.Email, "password", all.next("a wrong password"), "code", all.next("a wrong code"))
		}
		throughForms(t, owner, all)
		for what, text := range map[string]string{"a password": servertest.Password, "a seed": owner.Seed, "a session": strings.SplitN(owner.Cookie, "=", 2)[1], "a key": c.Key} {
			all.out(what, text)
		}
		awaitNotifications(t, sink, e)
		owner.SignIn()
		for _, format := range []string{"csv", "jsonl"} {
			a := owner.Post("/panel/security/log/export", "format", format)
			if a.Status != http.StatusOK || !strings.Contains(string(a.Body), "webhook.create") {
				t.Fatalf("export: %d %.300s", a.Status, a.Body)
			}
			all.look(t, "the export as "+format, string(a.Body))
		}
		all.look(t, "the export of the command line", servertest.Lines(t, database))
		all.look(t, "the pages of the log", string(owner.Get("/panel/security/log").Body)+string(c.Do(http.MethodGet, "/actions", "").Body))
		for _, m := range sink.Mails() {
			text, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(m.Data)))
			all.look(t, "a mail", m.Data+string(text))
		}
		for _, call := range e.All() {
			all.look(t, "a call", fmt.Sprint(call.Header, string(call.Body)))
		}
		all.look(t, "the service's log", s.Log.String())
		dump := storetest.Dump(t, database)
		all.look(t, "the database", regexp.MustCompile(`(?m)^webhooks\.url=.*$`).ReplaceAllString(dump, ""))
		for _, secret := range inPath {
			if strings.Count(dump, secret) != 1 {
				t.Errorf("a webhook URL is stored %d times", strings.Count(dump, secret))
			}
		}
		if len(all.all) < 40 {
			t.Errorf("only %d secrets", len(all.all))
		}
		t.Logf("%d secrets, %d mails, %d calls", len(all.all), len(sink.Mails()), len(e.All()))
	})
}

// hooksWithTokens creates webhooks whose URLs contain tokens, as many services
// do, and changes and tests them. It returns the tokens that are stored.
func hooksWithTokens(t *testing.T, c servertest.Client, e *servertest.Endpoint, all *canaries) (kept []string) {
	t.Helper()
	events := []string{}
	for _, kind := range notify.Types() {
		events = append(events, string(kind))
	}
	changed := []string{`"key.created","webhook.changed","policy.changed"`, `"webhook.changed"`}
	for i, form := range []string{"/hooks/%s", "/hooks?token=%s", "/%s/x", "/?a=b&%s", "/x;%s", "/bot%s/send"} {
		h := servertest.NewHook(t, c, e.URL+fmt.Sprintf(form, all.next("a token in the first address")), events...)
		all.out("the secret of a webhook", h.Secret)
		kept = append(kept, all.next("a token in an address"))
		body := fmt.Sprintf(`{"url":%q,"events":[%s]}`, e.URL+fmt.Sprintf(form, kept[len(kept)-1]), changed[min(i, 1)])
		c.Want(t, http.StatusOK, http.MethodPut, "/webhooks/"+h.ID, body)
		var fresh servertest.Hook
		servertest.Decode(t, c.Want(t, http.StatusOK, http.MethodPost, "/webhooks/"+h.ID+"/rotate", ""), &fresh)
		all.out("the new secret of a webhook", fresh.Secret)
		c.Want(t, http.StatusAccepted, http.MethodPost, "/webhooks/"+h.ID+"/test", "")
	}
	for _, bad := range []string{
		`{"url":"https://u:%s@example.com","events":["key.created"]}`, `{"url":"https://%s@example.com","events":["key.created"]}`,
		`{"url":"https://example.com/#%s","events":["key.created"]}`, `{"url":"http://example.com/%s","events":["key.created"]}`,
		`{"url":"https://example.com","events":["%s"]}`, `{"url":"https://example.com","events":["key.created"],"secret":"%s"}`,
		`{"url":"https://example.com","events":["key.created"],"password":"%s"}`, `{"url":"https://example.com:%s","events":["key.created"]}`,
		`{"url":"https://example.com","events":["key.created"],"%s":1}`, `{"url":"%s","events":["key.created"]}`,
	} {
		a := c.Want(t, http.StatusUnprocessableEntity, http.MethodPost, "/webhooks", fmt.Sprintf(bad, all.next("a refused webhook")))
		all.look(t, "an answer", string(a.Body))
	}
	return kept
}

// throughFields sends secrets in fields next to requests that cause
// notifications.
func throughFields(t *testing.T, c servertest.Client, all *canaries) {
	t.Helper()
	for path, good := range map[string]string{
		"/domains":     `"name":"%s.example","imap":"imap.example.com","smtp":"smtp.example.com"`,
		"/policies":    `"name":"P%s","min_length":6,"auto_lock_minutes":5,"max_failed_attempts":10`,
		"/keys":        `"name":"K%s","scopes":["keys:read"]`,
		"/setup-links": `"address":"%s@example.com","name":"Jane"`,
		"/profiles":    `"address":"%s@example.com","name":"Jane","platform":"iphone","variant":"mail"`,
	} {
		for i, field := range []string{"password", "mail_password", "secret", "unknown", "passcode"} {
			good := fmt.Sprintf(good, fmt.Sprint("n", i))
			a := c.Do(http.MethodPost, path, fmt.Sprintf(`{%s,%q:%q}`, good, field, all.next(field+" to "+path)))
			if a.Status < 400 || a.Status >= 500 {
				t.Errorf("%s with %s: %d", path, field, a.Status)
			}
			all.look(t, "an answer", string(a.Body))
			a = c.Do(http.MethodPost, path, `{`+good+`}`)
			if a.Status >= 500 {
				t.Errorf("%s: %d %s", path, a.Status, a.Body)
			}
			if path == "/keys" {
				var k struct{ Key string }
				servertest.Decode(t, a, &k)
				all.out("a key", k.Key)
			}
		}
	}
}

// throughForms sends secrets to every form of the panel.
func throughForms(t *testing.T, owner *servertest.Member, all *canaries) {
	t.Helper()
	var forms int
	for _, route := range owner.Server.Handler().(*echo.Echo).Routes() {
		if route.Method != http.MethodPost || !strings.HasPrefix(route.Path, "/panel") || strings.HasSuffix(route.Path, "sign-out") {
			continue
		}
		forms++
		path := regexp.MustCompile(`:\w+`).ReplaceAllString(route.Path, "x")
		for _, field := range []string{"password", "code", "secret", "mail_password", "token", "url"} {
			a := owner.Post(path, field, all.next(field+" to "+path))
			if a.Status >= 500 {
				t.Errorf("%s with %s: %d", path, field, a.Status)
			}
			if field == "url" && (strings.HasSuffix(path, "/webhooks/new") || strings.HasSuffix(path, "/nanomdm")) {
				continue // this form repeats the input for correction
			}
			all.look(t, "an answer of "+path, string(a.Body))
		}
	}
	if forms < 20 {
		t.Errorf("only %d forms", forms)
	}
}

// awaitNotifications waits until all notifications are sent.
func awaitNotifications(t *testing.T, sink *notifytest.Server, e *servertest.Endpoint) {
	t.Helper()
	for _, kind := range []notify.Type{notify.KeyCreated, notify.PolicyChanged, notify.WebhookChanged, notify.TestEvent} {
		servertest.Eventually(t, "a call of "+string(kind), func() bool {
			return slices.ContainsFunc(e.All(), func(c servertest.Called) bool { return c.Event == string(kind) })
		})
	}
	sink.Wait(t, 20)
}
