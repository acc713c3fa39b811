package server_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A called is a call of an endpoint.
type called struct {
	header http.Header
	body   []byte
	event  string
}

// An endpoint is what webhooks call.
type endpoint struct {
	*httptest.Server
	answer func(w http.ResponseWriter, n int)

	mu    sync.Mutex
	calls []called
}

func newEndpoint(t *testing.T, answer func(w http.ResponseWriter, n int)) *endpoint {
	t.Helper()
	return newEndpointAt(t, "127.0.0.1:0", answer)
}

func newEndpointAt(t *testing.T, address string, answer func(w http.ResponseWriter, n int)) *endpoint {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	e := &endpoint{answer: answer}
	e.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m notify.Message
		_ = json.Unmarshal(body, &m)
		e.mu.Lock()
		e.calls = append(e.calls, called{r.Header, body, string(m.Type)})
		n := len(e.calls)
		e.mu.Unlock()
		if e.answer != nil {
			e.answer(w, n)
		}
	}))
	e.Listener.Close()
	e.Listener = l
	e.StartTLS()
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) all() []called {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls)
}

// wait returns the calls as soon as there are n.
func (e *endpoint) wait(t *testing.T, n int) []called {
	t.Helper()
	eventually(t, fmt.Sprintf("%d calls", n), func() bool { return len(e.all()) >= n })
	return e.all()
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 600 {
		if done() {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("waited for %s", what)
}

// notifying starts a server that works on its jobs and may call the endpoint.
func notifying(t *testing.T, database string, e *endpoint, change func(*server.Config)) *servertest.Server {
	t.Helper()
	s := servertest.New(t, database, func(c *server.Config) {
		if e != nil {
			c.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			c.WebhookRoots = x509.NewCertPool()
			c.WebhookRoots.AddCert(e.Certificate())
		}
		if change != nil {
			change(c)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.RunJobs(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// A hook is a webhook as the API shows it.
type hook struct {
	ID         string
	Secret     string
	Disabled   bool
	Reason     string
	Deliveries []struct {
		ID, Message, Event, State, Failure, Again string
		Tries, Status                             int
	}
}

func newHook(t *testing.T, c client, url string, events ...string) hook {
	t.Helper()
	body, err := json.Marshal(map[string]any{"url": url, "events": events})
	if err != nil {
		t.Fatal(err)
	}
	var h hook
	decode(t, c.want(t, http.StatusCreated, http.MethodPost, "/webhooks", string(body)), &h)
	return h
}

func (h hook) show(t *testing.T, c client) hook {
	t.Helper()
	var out hook
	decode(t, c.want(t, http.StatusOK, http.MethodGet, "/webhooks/"+h.ID, ""), &out)
	return out
}

func decode(t *testing.T, a servertest.Answer, into any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, into); err != nil {
		t.Fatalf("%v in %s", err, a.Body)
	}
}

// verify checks the signature of a call as its receiver does.
func verify(t *testing.T, secret string, c called) {
	t.Helper()
	if err := notifytest.Verify(secret, c.header, c.body); err != nil {
		t.Errorf("%s: %v", c.event, err)
	}
}

const documented = "https://setup.example.com/hook"

// TestWebhooks makes one of each event that a test can make, verifies every
// call, and compares its form with the example of the documentation.
func TestWebhooks(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		e := newEndpoint(t, nil)
		s := notifying(t, database, e, nil)
		c := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
		events := []string{}
		for _, kind := range notify.Types() {
			events = append(events, string(kind))
		}
		h := newHook(t, c, e.URL+"/hook", events...)
		var link struct{ URL string }
		decode(t, c.want(t, http.StatusCreated, http.MethodPost, "/setup-links", `{"address":"jane@example.com","external_id":"mbx_812"}`), &link)
		s.Get(s.Ticket(strings.TrimPrefix(link.URL, "http://setup.example.com"), "secure"))
		c.want(t, http.StatusCreated, http.MethodPost, "/policies", `{"name":"Board","min_length":6,"auto_lock_minutes":5,"max_failed_attempts":10}`)
		c.want(t, http.StatusCreated, http.MethodPost, "/keys", `{"name":"other","scopes":["keys:read"]}`)
		c.want(t, http.StatusAccepted, http.MethodPost, "/webhooks/"+h.ID+"/test", "")
		want := []string{"key.created", "link.downloaded", "link.opened", "policy.changed", "test", "webhook.changed"}
		calls := e.wait(t, len(want))
		var got []string
		ids := map[string]bool{}
		for _, call := range calls {
			got = append(got, call.event)
			verify(t, h.Secret, call)
			ids[call.header.Get("webhook-id")] = true
			if strings.Contains(call.header.Get("webhook-id"), ".") {
				t.Error("an id with a dot")
			}
			wantExample(t, call)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || len(ids) != len(want) {
			t.Errorf("got %q with %d ids, want %q", got, len(ids), want)
		}
		eventually(t, "the history", func() bool {
			for _, d := range h.show(t, c).Deliveries {
				if d.State != "sent" || d.Status != http.StatusOK || !ids[d.ID] {
					return false
				}
			}
			return len(h.show(t, c).Deliveries) == len(want)
		})
		for _, secret := range []string{h.Secret, strings.TrimPrefix(h.Secret, "whsec_")} {
			if strings.Contains(storetest.Dump(t, database), secret) || strings.Contains(s.Log.String(), secret) {
				t.Error("the secret is kept in the clear")
			}
		}
	})
}

// wantExample wants an example in docs/webhooks.md that has the same fields.
func wantExample(t *testing.T, call called) {
	t.Helper()
	text, err := os.ReadFile("../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```json\n(.*?)\n```").FindAllSubmatch(text, -1) {
		var example notify.Message
		d := json.NewDecoder(bytes.NewReader(m[1]))
		d.DisallowUnknownFields()
		if err := d.Decode(&example); err != nil {
			t.Errorf("%v in the example %s", err, m[1])
		}
		if string(example.Type) != call.event {
			continue
		}
		if got, want := fields(t, call.body), fields(t, m[1]); !slices.Equal(got, want) {
			t.Errorf("%s: the fields are %q, of the example %q", call.event, got, want)
		}
		return
	}
	t.Errorf("docs/webhooks.md: no example of %s", call.event)
}

// fields lists the names of all fields of a message, but those of changes.
func fields(t *testing.T, body []byte) []string {
	t.Helper()
	var message any
	if err := json.Unmarshal(body, &message); err != nil {
		t.Fatal(err)
	}
	var all []string
	var walk func(path string, v any)
	walk = func(path string, v any) {
		object, ok := v.(map[string]any)
		if !ok {
			all = append(all, path)
			return
		}
		for name, v := range object {
			walk(path+"/"+name, v)
		}
	}
	walk("", message)
	slices.Sort(all)
	return all
}

func TestWebhookRotation(t *testing.T) {
	e := newEndpoint(t, nil)
	database := storetest.SQLite(t)
	s := notifying(t, database, e, nil)
	c := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
	old := newHook(t, c, e.URL, "key.created")
	var fresh hook
	decode(t, c.want(t, http.StatusOK, http.MethodPost, "/webhooks/"+old.ID+"/rotate", ""), &fresh)
	if fresh.Secret == "" || fresh.Secret == old.Secret {
		t.Fatalf("the new secret is %q", fresh.Secret)
	}
	c.want(t, http.StatusAccepted, http.MethodPost, "/webhooks/"+old.ID+"/test", "")
	call := e.wait(t, 1)[0]
	verify(t, old.Secret, call)
	verify(t, fresh.Secret, call)
}

// TestWebhookRetries has an endpoint fail, and a worker die after sending: the
// call comes again with the same id.
func TestWebhookRetries(t *testing.T) {
	e := newEndpoint(t, func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	database := storetest.SQLite(t)
	s := notifying(t, database, e, nil)
	c := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
	h := newHook(t, c, e.URL, "key.created")
	c.want(t, http.StatusAccepted, http.MethodPost, "/webhooks/"+h.ID+"/test", "")
	calls := e.wait(t, 2)
	if a, b := calls[0].header.Get("webhook-id"), calls[1].header.Get("webhook-id"); a != b {
		t.Errorf("the ids are %s and %s", a, b)
	}
	if !bytes.Equal(calls[0].body, calls[1].body) {
		t.Error("the bodies differ")
	}
	verify(t, h.Secret, calls[1])
	// What a server that died before it could say so leaves.
	eventually(t, "the end", func() bool { return h.show(t, c).Deliveries[0].State == "sent" })
	storetest.Exec(t, database, `UPDATE deliveries SET state = 'waiting'`)
	storetest.Exec(t, database, `UPDATE river_job SET state = 'available', finalized_at = NULL`)
	if calls = e.wait(t, 3); calls[2].header.Get("webhook-id") != calls[0].header.Get("webhook-id") {
		t.Error("another id after a death")
	}
}

// TestWebhookAgain makes a call again that came through: with the same
// webhook-id and body, and once.
func TestWebhookAgain(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		e := newEndpoint(t, nil)
		s := notifying(t, database, e, nil)
		c := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
		h := newHook(t, c, e.URL, "key.created")
		c.want(t, http.StatusCreated, http.MethodPost, "/keys", `{"name":"other","scopes":["keys:read"]}`)
		e.wait(t, 1)
		eventually(t, "the end", func() bool { return h.show(t, c).Deliveries[0].State == "sent" })
		old := h.show(t, c).Deliveries[0]
		again := "/webhooks/" + h.ID + "/deliveries/" + old.ID + "/redeliver"
		var made struct{ ID, Message string }
		decode(t, c.want(t, http.StatusAccepted, http.MethodPost, again, ""), &made)
		c.want(t, http.StatusConflict, http.MethodPost, again, "")
		c.want(t, http.StatusNotFound, http.MethodPost, "/webhooks/"+h.ID+"/deliveries/msg_none/redeliver", "")
		calls := e.wait(t, 2)
		if a, b := calls[0].header.Get("webhook-id"), calls[1].header.Get("webhook-id"); a != b || made.Message != a || made.ID == a {
			t.Errorf("the ids are %s and %s, of the delivery %+v", a, b, made)
		}
		if !bytes.Equal(calls[0].body, calls[1].body) {
			t.Error("the bodies differ")
		}
		verify(t, h.Secret, calls[1])
		for _, d := range h.show(t, c).Deliveries {
			if d.ID == old.ID && d.Again != made.ID {
				t.Errorf("the old one says it was made again by %q", d.Again)
			}
		}
		if dump := storetest.Dump(t, database); strings.Count(dump, "actions.name=webhook.redeliver\n") != 1 {
			t.Error("want one action of it")
		}
		c.want(t, http.StatusOK, http.MethodPut, "/webhooks/"+h.ID, `{"url":"`+e.URL+`","events":["key.created"],"disabled":true}`)
		c.want(t, http.StatusConflict, http.MethodPost, "/webhooks/"+h.ID+"/deliveries/"+made.ID+"/redeliver", "")
	})
}

func TestWebhookAnswers(t *testing.T) {
	var elsewhere atomic.Int32
	trap := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer trap.Close()
	var status atomic.Int32
	e := newEndpoint(t, func(w http.ResponseWriter, n int) {
		w.Header().Set("Location", trap.URL)
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(int(status.Load()))
		fmt.Fprint(w, strings.Repeat("canary-answer ", 1<<12))
	})
	database := storetest.SQLite(t)
	s := notifying(t, database, e, nil)
	c := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
	for i, tt := range []struct {
		status  int
		state   string
		failure string
		gone    bool
	}{
		{http.StatusNoContent, "sent", "", false},
		{http.StatusFound, "waiting", "redirect", false},
		{http.StatusPermanentRedirect, "waiting", "redirect", false},
		{http.StatusTooManyRequests, "waiting", "status", false},
		{http.StatusNotFound, "waiting", "status", false},
		{http.StatusGone, "given_up", "status", true},
	} {
		status.Store(int32(tt.status))
		h := newHook(t, c, e.URL, "key.created")
		c.want(t, http.StatusAccepted, http.MethodPost, "/webhooks/"+h.ID+"/test", "")
		e.wait(t, i+1)
		eventually(t, fmt.Sprint(tt.status), func() bool {
			got := h.show(t, c)
			d := got.Deliveries[0]
			return d.Status == tt.status && d.State == tt.state && d.Failure == tt.failure && got.Disabled == tt.gone
		})
		if tt.status == http.StatusTooManyRequests {
			wantLater(t, database, time.Hour-time.Minute)
		}
		c.want(t, http.StatusNoContent, http.MethodDelete, "/webhooks/"+h.ID, "")
	}
	if elsewhere.Load() > 0 {
		t.Error("a redirect was followed")
	}
	if strings.Contains(storetest.Dump(t, database), "canary-answer") || strings.Contains(s.Log.String(), "canary-answer") {
		t.Error("what an endpoint answers is kept")
	}
}

// wantLater wants a job that waits for as long as least.
func wantLater(t *testing.T, database string, least time.Duration) {
	t.Helper()
	eventually(t, fmt.Sprint("a job in ", least), func() bool {
		all := storetest.Column(t, database, `SELECT CAST(unixepoch(scheduled_at) AS TEXT) FROM river_job WHERE state = 'scheduled'`)
		return slices.ContainsFunc(all, func(text string) bool {
			var seconds int64
			_, err := fmt.Sscan(text, &seconds)
			return err == nil && time.Until(time.Unix(seconds, 0)) >= least
		})
	})
}

// TestWebhookChanges disables a webhook, which is called no more, and enables
// it again at another address.
func TestWebhookChanges(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		e := newEndpoint(t, nil)
		s := notifying(t, database, e, nil)
		c := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
		h := newHook(t, c, e.URL, "key.created")
		c.want(t, http.StatusOK, http.MethodPut, "/webhooks/"+h.ID, `{"url":"`+e.URL+`/old","events":["key.created"],"disabled":true}`)
		if got := h.show(t, c); !got.Disabled || got.Reason != "owner" {
			t.Errorf("got %+v, want it disabled by its owner", got)
		}
		c.want(t, http.StatusConflict, http.MethodPost, "/webhooks/"+h.ID+"/test", "")
		c.want(t, http.StatusCreated, http.MethodPost, "/keys", `{"name":"unseen","scopes":["keys:read"]}`)
		c.want(t, http.StatusOK, http.MethodPut, "/webhooks/"+h.ID, `{"url":"`+e.URL+`/new","events":["key.created"]}`)
		c.want(t, http.StatusCreated, http.MethodPost, "/keys", `{"name":"seen","scopes":["keys:read"]}`)
		calls := e.wait(t, 1)
		verify(t, h.Secret, calls[0])
		if len(calls) != 1 || !bytes.Contains(calls[0].body, []byte(`"seen"`)) || h.show(t, c).Disabled {
			t.Errorf("%d calls, the first is %s", len(calls), calls[0].body)
		}
	})
}

// TestWebhookIsTheAccounts and of no key for some domains.
func TestWebhookIsTheAccounts(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	c := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
	h := newHook(t, c, documented, "key.created")
	storetest.Exec(t, database, `INSERT INTO accounts (id, name, created) VALUES ('acc_2', 'Two', 0)`)
	storetest.Exec(t, database, `INSERT INTO logs (account, size, latest) VALUES ('acc_2', 0, 0)`)
	other := client{s, newKey(t, database, account.KeySpec{Account: "acc_2", Scopes: allScopes()})}
	body := `{"url":"https://example.com","events":["key.created"]}`
	for _, r := range [][3]string{
		{http.MethodGet, "", ""}, {http.MethodPut, "", body}, {http.MethodDelete, "", ""}, {http.MethodPost, "/test", ""}, {http.MethodPost, "/rotate", ""}, {http.MethodPost, "/deliveries/msg_1/redeliver", ""},
	} {
		other.want(t, http.StatusNotFound, r[0], "/webhooks/"+h.ID+r[1], r[2])
	}
	some := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes(), Domains: []string{"example.com"}})}
	some.want(t, http.StatusForbidden, http.MethodGet, "/webhooks", "")
	some.want(t, http.StatusForbidden, http.MethodPost, "/webhooks", body)
	for _, bad := range []string{`{"url":"http://example.com","events":["key.created"]}`, `{"url":"https://example.com","events":["no.such"]}`} {
		c.want(t, http.StatusUnprocessableEntity, http.MethodPost, "/webhooks", bad)
	}
}

// TestMails invites a member, who joins by the link of the mail, and wants the
// owner to be told.
func TestMails(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		sink := notifytest.New(t, true)
		s := notifying(t, database, nil, func(c *server.Config) {
			c.Mail = &notify.RelayConfig{Server: sink.Address, From: "setup@example.org", Roots: sink.Roots}
		})
		owner := s.Owner("olga@example.com")
		sink.Wait(t, 2) // a member, a factor
		before := len(sink.Mails())
		owner.Post("/panel/members/invite", "email", "new@example.com", "role", "admin")
		var link string
		eventually(t, "the invitation", func() bool {
			for _, m := range sink.Mails()[before:] {
				if found := regexp.MustCompile(`/panel/invitation/[a-z0-9]+`).FindString(strings.ReplaceAll(m.Data, "=\r\n", "")); found != "" {
					link = found
					if !slices.Equal(m.To, []string{"<new@example.com>"}) {
						t.Errorf("the link went to %q", m.To)
					}
				}
			}
			return link != ""
		})
		if strings.Contains(storetest.Dump(t, database), strings.TrimPrefix(link, "/panel/invitation/")) {
			t.Error("the link is kept")
		}
		s.Join("new@example.com", link)
		eventually(t, "both to be told of the member", func() bool {
			told := map[string]bool{}
			for _, m := range sink.Mails() {
				if strings.Contains(m.Data, "Subject: New member") {
					told[m.To[0]] = true
				}
			}
			return told["<olga@example.com>"] && told["<new@example.com>"]
		})
		for _, m := range sink.Mails() {
			for _, secret := range []string{servertest.Password, owner.Seed, owner.Cookie} {
				if strings.Contains(m.Data, secret) {
					t.Errorf("%q in\n%s", secret, m.Data)
				}
			}
		}
		if strings.Contains(s.Log.String(), strings.TrimPrefix(link, "/panel/invitation/")) {
			t.Error("the link is in the log")
		}
	})
}
