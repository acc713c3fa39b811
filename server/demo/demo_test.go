//go:build !race

// Nothing here runs at the same time as anything else.

package demo_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/demo"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// end is when the month of a test ends.
var end = time.Date(2026, 3, 1, 14, 30, 0, 0, time.UTC)

// A site is a seeded installation with a server on it.
type site struct {
	*servertest.Server
	demo     *demo.Demo
	database string
}

func config(t *testing.T, database string, end time.Time) demo.Config {
	t.Helper()
	return demo.Config{
		Database: database, Secret: servertest.Secret, LogKey: servertest.LogKey,
		BaseURL: &url.URL{Scheme: "http", Host: "setup.example.com"}, Identity: servertest.NewIdentity(t), Now: func() time.Time { return end },
	}
}

func seed(t *testing.T, database string, end time.Time) site {
	t.Helper()
	c := config(t, database, end)
	d, err := demo.Seed(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return site{demo: d, database: database, Server: servertest.New(t, database, func(s *server.Config) {
		s.Now, s.First, s.Identity = c.Now, nil, server.Fixed(c.Identity)
	})}
}

// signIn signs in with a [demo.SignIn] that Seed has returned.
func (s site) signIn(t *testing.T, with demo.SignIn) *servertest.Member {
	t.Helper()
	code, err := with.Code(s.Now())
	if err != nil {
		t.Fatal(err)
	}
	m := &servertest.Member{Email: with.Email, Server: s.Server}
	if a := m.Post("/panel/sign-in", "email", with.Email, "password", with.Password, "code", code); a.Status != http.StatusSeeOther {
		t.Fatalf("sign-in of %s: %d %s", with.Email, a.Status, a.Body)
	}
	return m
}

// TestSeed checks the demo on both databases: its sign-ins work, every page of
// the panel shows something, there are links in every state, the action log is
// valid, and the story is the same each time.
func TestSeed(t *testing.T) {
	var first []string
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := seed(t, database, end)
		story := s.story(t)
		if first == nil {
			first = story
		}
		if !slices.Equal(story, first) || len(story) < 300 {
			t.Errorf("the story of %d actions is another than that of %d", len(story), len(first))
		}
		owner := s.signIn(t, s.demo.Owner)
		t.Run("log", func(t *testing.T) { s.checkLog(t) })
		t.Run("pages", func(t *testing.T) { s.checkPages(t, owner) })
		t.Run("links", func(t *testing.T) { s.checkLinks(t, owner) })
		t.Run("notices", func(t *testing.T) { s.checkNotices(t) })
		t.Run("again", func(t *testing.T) { s.checkAgain(t) })
	})
}

// TestSeedAtMidnight checks that the month may end at any time of the day.
func TestSeedAtMidnight(t *testing.T) {
	s := seed(t, storetest.SQLite(t), end.Truncate(24*time.Hour).Add(time.Minute))
	s.checkLog(t)
	s.checkLinks(t, s.signIn(t, s.demo.Owner))
	s.checkNotices(t)
}

// story returns what has happened in the first account, and when, with one
// exception: a retry may detect that a webhook fails, and its random delay
// makes that a little earlier or later.
func (s site) story(t *testing.T) []string {
	t.Helper()
	return storetest.Column(t, s.database, `SELECT name || ' ' || mailbox || ' ' || domain || ' ' || at FROM actions
		WHERE account = '`+account.Default+`' AND name <> '`+string(audit.WebhookFailing)+`' ORDER BY seq`)
}

func (s site) checkLog(t *testing.T) {
	kept := storetest.Open(t, store.Config{Database: s.database, Now: s.Now})
	key, err := audit.NewLogKey(servertest.LogKey)
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := kept.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(accounts) != 3 {
		t.Errorf("%d accounts, want 3", len(accounts))
	}
	for _, a := range append(accounts, account.Account{ID: account.Installation}) {
		public, err := key.Public(a.ID)
		if err != nil {
			t.Fatal(err)
		}
		if report, err := audit.Verify(t.Context(), kept, a.ID, public); err != nil || report.Size == 0 {
			t.Errorf("the log of %s: %d actions, %v", a.ID, report.Size, err)
		}
		if notes, err := kept.Checkpoints(t.Context(), a.ID); err != nil || len(notes) == 0 {
			t.Errorf("the log of %s: %d checkpoints, %v", a.ID, len(notes), err)
		}
	}
	all, err := kept.Actions(t.Context(), account.Default, 0, 5000)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 300 {
		t.Errorf("%d actions", len(all))
	}
	first, last := all[0].At, all[len(all)-1].At
	if first.After(s.Now().AddDate(0, 0, -29)) || last.After(s.Now()) || last.Before(s.Now().Add(-time.Hour)) {
		t.Errorf("the log is of %s to %s, now is %s", first, last, s.Now())
	}
}

func (s site) checkPages(t *testing.T, owner *servertest.Member) {
	for path, texts := range map[string][]string{
		"":                        {"Harbor Mail", demo.Harbor},
		"/domains":                {demo.Harbor, demo.Clinic, demo.Bakery},
		"/domains/" + demo.Clinic: {"Seaside Clinic", "Clinic phones"},
		"/policies":               {"Clinic phones", "Phones that travel"},
		"/links":                  {"@" + demo.Harbor},
		"/links/new":              nil,
		"/keys":                   {"Customer portal", "Migration script", "Trial of the new portal", "Roundcube"},
		"/members":                {"Maria Lind", "Jonas Weber", "Lea Brandt", "sofia@example.com"},
		"/accounts":               {"Harbor Mail", "Riverside Dental", "Fjord Outfitters"},
		"/security/log":           {"maria@example.com"},
		"/security/notifications": {"it-alerts@example.net", "security@example.com", "crm.example.net", "portal.example.com", "old.example.org"},
		"/security/sign-in":       nil,
	} {
		a := owner.Get("/panel" + path)
		if a.Status != http.StatusOK {
			t.Errorf("/panel%s: %d", path, a.Status)
		}
		for _, text := range texts {
			if !strings.Contains(strings.ReplaceAll(string(a.Body), "<wbr>", ""), text) {
				t.Errorf("/panel%s lacks %q", path, text)
			}
		}
	}
	for _, who := range []struct {
		demo.SignIn
		role account.Role
	}{{s.demo.Admin, account.Admin}, {s.demo.Auditor, account.Auditor}, {s.demo.Customer, account.Owner}} {
		m := s.signIn(t, who.SignIn)
		if a := m.Get("/panel"); a.Status != http.StatusOK || who.Role != who.role {
			t.Errorf("/panel for %s, %s: %d", who.Email, who.Role, a.Status)
		}
		if a := m.Get("/panel/accounts"); a.Status != http.StatusForbidden {
			t.Errorf("/panel/accounts for %s: %d", who.Email, a.Status)
		}
	}
}

func (s site) checkLinks(t *testing.T, owner *servertest.Member) {
	for _, state := range setup.States() {
		a := owner.Get("/panel/links?state=" + string(state))
		for _, domain := range []string{demo.Harbor, demo.Clinic, demo.Bakery} {
			if a.Status != http.StatusOK || !strings.Contains(string(a.Body), "@"+domain) {
				t.Errorf("%d, and no link of %s is %s", a.Status, domain, state)
			}
		}
		want := http.StatusNotFound
		if slices.Contains([]setup.State{setup.Waiting, setup.Opened, setup.Downloaded}, state) {
			want = http.StatusOK
		}
		if a := s.Get(s.demo.Links[state]); a.Status != want {
			t.Errorf("a link that is %s: %d, want %d", state, a.Status, want)
		}
	}
	a := s.Do(http.MethodGet, "/api/v1/setup-links", http.Header{"Authorization": {"Bearer " + s.demo.Key}}, "")
	if a.Status != http.StatusOK {
		t.Errorf("the key: %d %s", a.Status, a.Body)
	}
}

// checkNotices checks the results of deliveries: one webhook fails, one is
// gone.
func (s site) checkNotices(t *testing.T) {
	count := func(where string) int {
		t.Helper()
		return len(storetest.Column(t, s.database, `SELECT id FROM deliveries WHERE `+where))
	}
	for where, least := range map[string]int{
		`webhook IS NULL AND state = 'sent'`:     40,
		`webhook IS NULL AND state = 'given_up'`: 3,
		`webhook IN (SELECT id FROM webhooks WHERE url LIKE '%crm%') AND state = 'waiting' AND status = 503 AND tries > 1`: 2,
		`webhook IN (SELECT id FROM webhooks WHERE url LIKE '%old%') AND state = 'given_up' AND status = 410`:              1,
		`webhook IN (SELECT id FROM webhooks WHERE url LIKE '%portal%') AND state = 'sent'`:                                20,
	} {
		if n := count(where); n < least {
			t.Errorf("%d deliveries, want %d: %s", n, least, where)
		}
	}
	if n := count(`state = 'waiting' AND tries = 0`); n > 0 {
		t.Errorf("%d deliveries were never tried", n)
	}
	for name, want := range map[audit.Name]int{audit.WebhookFailing: 1, audit.WebhookDisable: 1} {
		if got := len(storetest.Column(t, s.database, `SELECT name FROM actions WHERE name = '`+string(name)+`'`)); got != want {
			t.Errorf("%s: %d times, want %d", name, got, want)
		}
	}
}

// checkAgain checks that an installation with members isn't changed.
func (s site) checkAgain(t *testing.T) {
	before := storetest.Fingerprint(t, s.database)
	if _, err := demo.Seed(t.Context(), config(t, s.database, s.Now())); !errors.Is(err, demo.ErrNotNew) {
		t.Errorf("got %v, want ErrNotNew", err)
	}
	if storetest.Fingerprint(t, s.database) != before {
		t.Error("the database is another")
	}
}
