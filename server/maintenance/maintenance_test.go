package maintenance_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A watch is a server with maintenance. It has an owner who gets email, a
// webhook, and a clock that the test sets.
type watch struct {
	*testing.T
	database string
	servers  []*servertest.Server
	store    *store.Store
	c        servertest.Client
	sink     *notifytest.Server
	hook     *servertest.Endpoint
	now      atomic.Int64 // Unix milliseconds
	days     int
}

// watching starts two servers on one database. Only one of them runs jobs.
func watching(t *testing.T, database string) *watch {
	t.Helper()
	w := &watch{T: t, database: database, sink: notifytest.New(t, true), hook: servertest.NewEndpoint(t, nil)}
	// Noon, so that jumps of an hour don't pass the time when a round is due.
	w.now.Store(time.Now().UTC().Truncate(24 * time.Hour).Add(36 * time.Hour).UnixMilli())
	now := func() time.Time { return time.UnixMilli(w.now.Load()) }
	w.store = storetest.Open(t, store.Config{Database: database, Now: now})
	one := servertest.NewIdentity(t)
	change := func(c *server.Config) {
		c.Identity = server.Fixed(one)
		c.Now = now
		c.Mail = &notify.RelayConfig{Server: w.sink.Address, From: "setup@example.org", Roots: w.sink.Roots}
	}
	w.servers = append(w.servers, servertest.Notifying(t, database, w.hook, change), servertest.New(t, database, change))
	w.servers[0].Owner("olga@example.com")
	w.c = servertest.NewClient(w.servers[0], servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
	servertest.NewHook(t, w.c, w.hook.URL, "log.checkpoint", "log.check_failed")
	return w
}

// nextDay lets a day pass, makes both servers check for work more than once,
// and waits until the work is done.
func (w *watch) nextDay() {
	w.Helper()
	w.days++
	if n := w.pass(); n != 3*w.days {
		w.Errorf("%d jobs after %d days, want a round and one for each of 2 logs", n, w.days)
	}
}

// pass is nextDay for any clock. It returns the number of jobs so far.
func (w *watch) pass() (jobs int) {
	w.Helper()
	for range 48 {
		w.now.Add((30 * time.Minute).Milliseconds())
		if err := w.store.NoteClock(w.Context()); err != nil {
			w.Fatal(err)
		}
	}
	for range 2 {
		for _, s := range w.servers {
			if err := s.RunScheduled(w.Context()); err != nil {
				w.Fatal(err)
			}
		}
	}
	var states []string
	servertest.Eventually(w.T, "maintenance", func() bool {
		states = storetest.Column(w, w.database, `SELECT CAST(state AS TEXT) FROM river_job WHERE kind LIKE 'maintenance.%'`)
		return !slices.ContainsFunc(states, func(s string) bool { return s != "completed" })
	})
	return len(states)
}

// TestClockJumps sets the clock forward and back. It checks that no content is
// erased, the logs stay valid, actions during a jump have the clock's time,
// and a checkpoint is sent within a day.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{"an hour": time.Hour, "a day": 24 * time.Hour, "400 days": 400 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			storetest.EachDatabase(t, func(t *testing.T, database string) {
				w := watching(t, database)
				key, err := audit.NewLogKey(servertest.LogKey)
				if err != nil {
					t.Fatal(err)
				}
				kept := storetest.Open(t, store.Config{Database: database, Signer: key})
				if err := kept.SetRetention(t.Context(), audit.ByOperator(), account.Default, 90, audit.Action{Outcome: audit.Done}); err != nil {
					t.Fatal(err)
				}
				w.pass()
				for i, by := range []time.Duration{jump, -jump, -jump, jump} {
					at := w.now.Add(by.Milliseconds())
					w.c.Want(t, http.StatusCreated, http.MethodPost, "/keys", `{"name":"other","scopes":["keys:read"]}`)
					all := storetest.Entries(t, w.store)
					if got := all[len(all)-1].At.UnixMilli(); got != at {
						t.Errorf("jump %d: the action is %v off", i+1, time.Duration(got-at)*time.Millisecond)
					}
					w.pass()
					if n := len(w.log(account.Default, audit.LogRetain)); n != 0 {
						t.Errorf("jump %d: %d removals", i+1, n)
					}
					if n := w.failedLogs(); n != 0 {
						t.Errorf("jump %d: %d logs are not sound", i+1, n)
					}
				}
				w.called("log.checkpoint", 5)
			})
		})
	}
}

// TestMissedRound stops all servers for three days. It checks that the first
// one to start runs one round to catch up, and that the next is due after
// 01:00 UTC.
func TestMissedRound(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		var now atomic.Pointer[time.Time]
		set := func(text string) {
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				t.Fatal(err)
			}
			now.Store(&at)
		}
		start := func() *servertest.Server {
			return servertest.New(t, database, func(c *server.Config) { c.Now = func() time.Time { return *now.Load() } })
		}
		rounds := func(servers ...*servertest.Server) string {
			t.Helper()
			for range 2 {
				for _, s := range servers {
					if err := s.RunScheduled(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			return strings.Join(storetest.Column(t, database, `SELECT CAST(args AS TEXT) FROM river_job WHERE kind = 'maintenance.round' ORDER BY id`), " ")
		}
		set("2026-03-01T12:00:00Z")
		first := start()
		want := func(got string, days ...string) {
			t.Helper()
			if n := strings.Count(got, "2026-"); n != len(days) {
				t.Errorf("%d rounds, want %d: %s", n, len(days), got)
			}
			for _, day := range days {
				if strings.Count(got, day) != 1 {
					t.Errorf("the rounds are %s, want one of %s", got, day)
				}
			}
		}
		want(rounds(first), "2026-03-01")
		set("2026-03-04T15:30:00Z")
		second := start()
		want(rounds(first, second), "2026-03-01", "2026-03-04")
		set("2026-03-05T00:59:59Z")
		want(rounds(first, second, start()), "2026-03-01", "2026-03-04")
		set("2026-03-05T01:00:00Z")
		want(rounds(second, first), "2026-03-01", "2026-03-04", "2026-03-05")
	})
}

// called waits for n calls of a type and fails if there are more.
func (w *watch) called(kind string, n int) []notify.Message {
	w.Helper()
	var all []notify.Message
	servertest.Eventually(w.T, fmt.Sprintf("%d calls of %s", n, kind), func() bool {
		all = nil
		for _, call := range w.hook.All() {
			var m notify.Message
			if err := json.Unmarshal(call.Body, &m); err == nil && call.Event == kind {
				all = append(all, m)
			}
		}
		return len(all) >= n && w.quiet()
	})
	if len(all) != n {
		w.Errorf("%d calls of %s, want %d", len(all), kind, n)
	}
	return all
}

// quiet waits until no delivery is waiting.
func (w *watch) quiet() bool { return servertest.Quiet(w, w.database) }

// mails returns the emails to the owner with the subject.
func (w *watch) mails(subject string) []string {
	w.Helper()
	return servertest.MailsTo(w.T, w.database, w.sink, "olga@example.com", subject)
}

// log returns the actions with a name from an account's log.
func (w *watch) log(owner string, name audit.Name) []audit.Entry {
	w.Helper()
	return servertest.ReadLog(w.T, w.database, owner, name)
}

// failedLogs returns the number of logs whose check failed.
func (w *watch) failedLogs() int {
	w.Helper()
	s, err := store.Open(w.Context(), store.Config{Database: w.database, CallTimeout: storetest.CallTimeout})
	if err != nil {
		w.Fatal(err)
	}
	defer s.Close()
	n, err := s.FailedLogs(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// public returns the public key of the account's log.
func (w *watch) public(owner string) string {
	w.Helper()
	key, err := audit.NewLogKey(servertest.LogKey)
	if err != nil {
		w.Fatal(err)
	}
	public, err := key.Public(owner)
	if err != nil {
		w.Fatal(err)
	}
	return public
}

// TestCheckpoints runs nine days. It checks that a checkpoint is sent when the
// log has grown, and by email once a week.
func TestCheckpoints(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		w := watching(t, database)
		const subject = "Action log checkpoint"
		w.nextDay()
		first := w.called("log.checkpoint", 1)[0]
		mails := w.mails(subject)
		if len(mails) != 1 { // the log of the installation is empty
			t.Fatalf("%d emails, want 1", len(mails))
		}
		note := first.Data.Note
		point, err := audit.OpenCheckpoint([]byte(note), w.public(account.Default))
		if err != nil || point.Size != first.Data.Sequence || point.Size == 0 || first.Data.Account != account.Default {
			t.Errorf("%+v %+v %v", first, point, err)
		}
		root := strings.Split(note, "\n")[2]
		if !slices.ContainsFunc(mails, func(m string) bool { return strings.Count(html.UnescapeString(m), root) == 2 }) { // as text and as HTML
			t.Errorf("no mail has the root %s: %s", root, mails)
		}
		servertest.WantExample(t, w.hook.All()[0])
		w.nextDay()
		w.called("log.checkpoint", 1)
		for day := 3; day <= 9; day++ {
			w.c.Want(t, http.StatusCreated, http.MethodPost, "/keys", `{"name":"other","scopes":["keys:read"]}`)
			w.nextDay()
			w.called("log.checkpoint", day-1)
			want := 1
			if day >= 8 {
				want = 2
			}
			if n := len(w.mails(subject)); n != want {
				t.Errorf("after %d days %d emails, want %d", day, n, want)
			}
		}
		if n := len(w.mails("Action log check failed")); n != 0 {
			t.Errorf("%d emails of a sound log", n)
		}
	})
}

// TestRetention checks that old content is removed and the log stays valid.
// After a jump of the clock, nothing is removed until the clock has run for a
// day.
func TestRetention(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		w := watching(t, database)
		key, err := audit.NewLogKey(servertest.LogKey)
		if err != nil {
			t.Fatal(err)
		}
		kept := storetest.Open(t, store.Config{Database: database, Signer: key})
		if err := kept.SetRetention(t.Context(), audit.ByOperator(), account.Default, 90, audit.Action{Outcome: audit.Done}); err != nil {
			t.Fatal(err)
		}
		w.nextDay()
		if n := len(w.log(account.Default, audit.LogRetain)); n != 0 {
			t.Errorf("%d removals on the first day", n)
		}
		w.now.Add((92 * 24 * time.Hour).Milliseconds()) // content is removed by whole days
		w.nextDay()
		if n := len(w.log(account.Default, audit.LogRetain)); n != 0 {
			t.Errorf("%d removals after a jump of the clock", n)
		}
		w.nextDay()
		found := w.log(account.Default, audit.LogRetain)
		young := len(w.log(account.Default, audit.KeyUnused)) // on the same day
		if len(found) != 1 || found[0].Through() != found[0].Seq-1-int64(young) || found[0].Actor.Kind != audit.System {
			t.Fatalf("%+v, want one removal of all before it", found)
		}
		w.nextDay()
		if n := len(w.log(account.Default, audit.LogRetain)); n != 1 {
			t.Errorf("%d removals, want 1", n)
		}
		for _, point := range w.called("log.checkpoint", 2+young) {
			if _, err := audit.OpenCheckpoint([]byte(point.Data.Note), w.public(account.Default)); err != nil {
				t.Error(err)
			}
		}
		w.called("log.check_failed", 0)
	})
}
