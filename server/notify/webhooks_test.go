package notify_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// verify checks the signature of a call as a receiver does.
func verify(t *testing.T, secret string, c servertest.Called) {
	t.Helper()
	if err := notifytest.Verify(secret, c.Header, c.Body); err != nil {
		t.Errorf("%s: %v", c.Event, err)
	}
}

const documented = "https://setup.example.com/hook"

// TestWebhooks triggers each event that a test can trigger, verifies every
// call, and compares its form with the example in the documentation.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		e := servertest.NewEndpoint(t, nil)
		s := servertest.Notifying(t, database, e, nil)
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		events := []string{}
		for _, kind := range notify.Types() {
			events = append(events, string(kind))
		}
		h := servertest.NewHook(t, c, e.URL+"/hook", events...)
		var link struct{ URL string }
		servertest.Decode(t, c.Want(t, http.StatusCreated, http.MethodPost, "/setup-links", `{"address":"jane@example.com","external_id":"mbx_812"}`), &link)
		s.Get(s.Ticket(strings.TrimPrefix(link.URL, "http://setup.example.com"), "secure"))
		c.Want(t, http.StatusCreated, http.MethodPost, "/policies", `{"name":"Board","min_length":6,"auto_lock_minutes":5,"max_failed_attempts":10}`)
		c.Want(t, http.StatusCreated, http.MethodPost, "/keys", `{"name":"other","scopes":["keys:read"]}`)
		c.Want(t, http.StatusAccepted, http.MethodPost, "/webhooks/"+h.ID+"/test", "")
		want := []string{"key.created", "link.created", "link.downloaded", "link.opened", "policy.changed", "test", "webhook.changed"}
		calls := e.Wait(t, len(want))
		var got []string
		ids := map[string]bool{}
		for _, call := range calls {
			got = append(got, call.Event)
			verify(t, h.Secret, call)
			ids[call.Header.Get("webhook-id")] = true
			if strings.Contains(call.Header.Get("webhook-id"), ".") {
				t.Error("an id with a dot")
			}
			servertest.WantExample(t, call)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || len(ids) != len(want) {
			t.Errorf("got %q with %d ids, want %q", got, len(ids), want)
		}
		servertest.Eventually(t, "the history", func() bool {
			for _, d := range h.Show(t, c).Deliveries {
				if d.State != "sent" || d.Status != http.StatusOK || !ids[d.Message] {
					return false
				}
			}
			return len(h.Show(t, c).Deliveries) == len(want)
		})
		for _, secret := range []string{h.Secret, strings.TrimPrefix(h.Secret, "whsec_")} {
			if strings.Contains(storetest.Dump(t, database), secret) || strings.Contains(s.Log.String(), secret) {
				t.Error("the secret is kept in the clear")
			}
		}
	})
}

func TestWebhookRotation(t *testing.T) {
	e := servertest.NewEndpoint(t, nil)
	database := storetest.SQLite(t)
	s := servertest.Notifying(t, database, e, nil)
	c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
	old := servertest.NewHook(t, c, e.URL, "key.created")
	var fresh servertest.Hook
	servertest.Decode(t, c.Want(t, http.StatusOK, http.MethodPost, "/webhooks/"+old.ID+"/rotate", ""), &fresh)
	if fresh.Secret == "" || fresh.Secret == old.Secret {
		t.Fatalf("the new secret is %q", fresh.Secret)
	}
	c.Want(t, http.StatusAccepted, http.MethodPost, "/webhooks/"+old.ID+"/test", "")
	call := e.Wait(t, 1)[0]
	verify(t, old.Secret, call)
	verify(t, fresh.Secret, call)
}

// TestWebhookRetries makes an endpoint fail, and a worker die after sending.
// It checks that the call is repeated with the same ID.
func TestWebhookRetries(t *testing.T) {
	t.Parallel()
	e := servertest.NewEndpoint(t, func(w http.ResponseWriter, n int) {
		if n == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	database := storetest.SQLite(t)
	s := servertest.Notifying(t, database, e, nil)
	c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
	h := servertest.NewHook(t, c, e.URL, "key.created")
	c.Want(t, http.StatusAccepted, http.MethodPost, "/webhooks/"+h.ID+"/test", "")
	calls := e.Wait(t, 2)
	if a, b := calls[0].Header.Get("webhook-id"), calls[1].Header.Get("webhook-id"); a != b {
		t.Errorf("the ids are %s and %s", a, b)
	}
	if !bytes.Equal(calls[0].Body, calls[1].Body) {
		t.Error("the bodies differ")
	}
	verify(t, h.Secret, calls[1])
	// The state that a server leaves if it dies before recording the result.
	servertest.Eventually(t, "the end", func() bool { return h.Show(t, c).Deliveries[0].State == "sent" })
	storetest.Exec(t, database, `UPDATE deliveries SET state = 'waiting'`)
	storetest.Exec(t, database, `UPDATE river_job SET state = 'available', finalized_at = NULL`)
	if calls = e.Wait(t, 3); calls[2].Header.Get("webhook-id") != calls[0].Header.Get("webhook-id") {
		t.Error("another id after a death")
	}
}

// TestWebhookAgain repeats a successful call: with the same webhook-id and
// body, and only once.
func TestWebhookAgain(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		e := servertest.NewEndpoint(t, nil)
		s := servertest.Notifying(t, database, e, nil)
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		h := servertest.NewHook(t, c, e.URL, "key.created")
		c.Want(t, http.StatusCreated, http.MethodPost, "/keys", `{"name":"other","scopes":["keys:read"]}`)
		e.Wait(t, 1)
		servertest.Eventually(t, "the end", func() bool { return h.Show(t, c).Deliveries[0].State == "sent" })
		old := h.Show(t, c).Deliveries[0]
		again := "/webhooks/" + h.ID + "/deliveries/" + old.ID + "/redeliver"
		var made struct{ ID, Message string }
		servertest.Decode(t, c.Want(t, http.StatusAccepted, http.MethodPost, again, ""), &made)
		c.Want(t, http.StatusConflict, http.MethodPost, again, "")
		c.Want(t, http.StatusNotFound, http.MethodPost, "/webhooks/"+h.ID+"/deliveries/msg_none/redeliver", "")
		calls := e.Wait(t, 2)
		if a, b := calls[0].Header.Get("webhook-id"), calls[1].Header.Get("webhook-id"); a != b || made.Message != a || made.ID == a {
			t.Errorf("the ids are %s and %s, of the delivery %+v", a, b, made)
		}
		if !bytes.Equal(calls[0].Body, calls[1].Body) {
			t.Error("the bodies differ")
		}
		verify(t, h.Secret, calls[1])
		for _, d := range h.Show(t, c).Deliveries {
			if d.ID == old.ID && d.Again != made.ID {
				t.Errorf("the old one says it was made again by %q", d.Again)
			}
		}
		if dump := storetest.Dump(t, database); strings.Count(dump, "actions.name=webhook.redeliver\n") != 1 {
			t.Error("want one action of it")
		}
		c.Want(t, http.StatusOK, http.MethodPut, "/webhooks/"+h.ID, `{"url":"`+e.URL+`","events":["key.created"],"disabled":true}`)
		c.Want(t, http.StatusConflict, http.MethodPost, "/webhooks/"+h.ID+"/deliveries/"+made.ID+"/redeliver", "")
	})
}

func TestWebhookAnswers(t *testing.T) {
	var elsewhere atomic.Int32
	trap := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer trap.Close()
	var status atomic.Int32
	e := servertest.NewEndpoint(t, func(w http.ResponseWriter, n int) {
		w.Header().Set("Location", trap.URL)
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(int(status.Load()))
		fmt.Fprint(w, strings.Repeat("canary-answer ", 1<<12))
	})
	database := storetest.SQLite(t)
	s := servertest.Notifying(t, database, e, nil)
	c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
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
		begun := time.Now()
		h := servertest.NewHook(t, c, e.URL, "key.created")
		c.Want(t, http.StatusAccepted, http.MethodPost, "/webhooks/"+h.ID+"/test", "")
		e.Wait(t, i+1)
		servertest.Eventually(t, fmt.Sprint(tt.status), func() bool {
			got := h.Show(t, c)
			d := got.Deliveries[0]
			return d.Status == tt.status && d.State == tt.state && d.Reason == tt.failure && got.Disabled == tt.gone
		})
		if tt.status == http.StatusTooManyRequests {
			wantLater(t, database, begun.Add(time.Hour))
		}
		c.Want(t, http.StatusNoContent, http.MethodDelete, "/webhooks/"+h.ID, "")
	}
	if elsewhere.Load() > 0 {
		t.Error("a redirect was followed")
	}
	if strings.Contains(storetest.Dump(t, database), "canary-answer") || strings.Contains(s.Log.String(), "canary-answer") {
		t.Error("what an endpoint answers is kept")
	}
}

// wantLater checks that a job waits until then, or longer.
func wantLater(t *testing.T, database string, then time.Time) {
	t.Helper()
	servertest.Eventually(t, fmt.Sprint("a job at ", then), func() bool {
		all := storetest.Column(t, database, `SELECT CAST(unixepoch(scheduled_at) AS TEXT) FROM river_job WHERE state = 'scheduled'`)
		return slices.ContainsFunc(all, func(text string) bool {
			var seconds int64
			_, err := fmt.Sscan(text, &seconds)
			return err == nil && seconds >= then.Unix()
		})
	})
}

// TestWebhookChanges disables a webhook, checks that it isn't called, and
// enables it again with another URL.
func TestWebhookChanges(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		e := servertest.NewEndpoint(t, nil)
		s := servertest.Notifying(t, database, e, nil)
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		h := servertest.NewHook(t, c, e.URL, "key.created")
		c.Want(t, http.StatusOK, http.MethodPut, "/webhooks/"+h.ID, `{"url":"`+e.URL+`/old","events":["key.created"],"disabled":true}`)
		if got := h.Show(t, c); !got.Disabled || got.Reason != "owner" {
			t.Errorf("got %+v, want it disabled by its owner", got)
		}
		c.Want(t, http.StatusConflict, http.MethodPost, "/webhooks/"+h.ID+"/test", "")
		c.Want(t, http.StatusCreated, http.MethodPost, "/keys", `{"name":"unseen","scopes":["keys:read"]}`)
		c.Want(t, http.StatusOK, http.MethodPut, "/webhooks/"+h.ID, `{"url":"`+e.URL+`/new","events":["key.created"]}`)
		c.Want(t, http.StatusCreated, http.MethodPost, "/keys", `{"name":"seen","scopes":["keys:read"]}`)
		calls := e.Wait(t, 1)
		verify(t, h.Secret, calls[0])
		if len(calls) != 1 || !bytes.Contains(calls[0].Body, []byte(`"seen"`)) || h.Show(t, c).Disabled {
			t.Errorf("%d calls, the first is %s", len(calls), calls[0].Body)
		}
	})
}

// TestWebhookIsTheAccounts checks that other accounts, and keys limited to
// some domains, have no access.
func TestWebhookIsTheAccounts(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
	h := servertest.NewHook(t, c, documented, "key.created")
	storetest.Exec(t, database, `INSERT INTO accounts (id, name, created) VALUES ('acc_2', 'Two', 0)`)
	storetest.Exec(t, database, `INSERT INTO logs (account, size, latest) VALUES ('acc_2', 0, 0)`)
	other := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Account: "acc_2", Scopes: servertest.AllScopes()}))
	body := `{"url":"https://example.com","events":["key.created"]}`
	for _, r := range [][3]string{
		{http.MethodGet, "", ""}, {http.MethodPut, "", body}, {http.MethodDelete, "", ""}, {http.MethodPost, "/test", ""}, {http.MethodPost, "/rotate", ""}, {http.MethodPost, "/deliveries/msg_1/redeliver", ""},
	} {
		other.Want(t, http.StatusNotFound, r[0], "/webhooks/"+h.ID+r[1], r[2])
	}
	some := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes(), Domains: []string{"example.com"}}))
	some.Want(t, http.StatusForbidden, http.MethodGet, "/webhooks", "")
	some.Want(t, http.StatusForbidden, http.MethodPost, "/webhooks", body)
	for _, bad := range []string{`{"url":"http://example.com","events":["key.created"]}`, `{"url":"https://example.com","events":["no.such"]}`} {
		c.Want(t, http.StatusUnprocessableEntity, http.MethodPost, "/webhooks", bad)
	}
}
