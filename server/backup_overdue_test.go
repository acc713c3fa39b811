package server_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/backup"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestBackupOverdue lets weeks pass on two servers that check at the same time.
// Operators, and the webhooks and additional addresses of their account, are
// notified once of each last backup that gets too old, and nobody while there has
// been none.
func TestBackupOverdue(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock, sink, endpoint := storetest.NewClock(), notifytest.New(t, true), servertest.NewEndpoint(t, nil)
		change := func(c *server.Config) {
			c.Now = clock.Now
			c.Mail = &notify.RelayConfig{Server: sink.Address, From: "setup@example.org", Roots: sink.Roots}
		}
		servers := []*servertest.Server{servertest.Notifying(t, database, endpoint, change), servertest.New(t, database, change)}
		olga := servers[0].Owner("olga@example.com")
		olga.Post("/panel/security/notifications/recipients/new", "recipient", "security@example.com", "backups", "yes")
		olga.Customer("Other Ltd", "otto@example.com")
		c := servertest.NewClient(servers[0], servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		hook := servertest.NewHook(t, c, endpoint.URL, "backup.overdue")
		pass := func(d time.Duration) {
			t.Helper()
			for end := clock.Now().Add(d); clock.Now().Before(end); clock.Move(6 * time.Hour) {
				var all sync.WaitGroup
				for _, s := range servers {
					all.Go(func() {
						if err := s.RunScheduled(t.Context()); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
			}
		}
		var want []string
		says := func(when string) {
			t.Helper()
			var got []string
			for _, e := range servertest.ReadLog(t, database, account.Installation, audit.BackupOverdue) {
				got = append(got, e.Changes[0].New+" "+e.Changes[1].New)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		const day = 24 * time.Hour
		pass(10 * day)
		says("without any backup")
		for range 2 {
			at := clock.Now()
			if err := backup.Note(t.Context(), backup.Source{Database: database, Now: clock.Now}); err != nil {
				t.Fatal(err)
			}
			pass(3 * day)
			says("with a recent backup")
			want = append(want, at.UTC().Format(time.RFC3339)+" 3")
			pass(7 * day)
			says("with an old backup")
			storetest.Exec(t, database, `INSERT INTO subscriptions (account, recipient, topic, wanted)
				SELECT account, id, 'backups', 0 FROM members WHERE email = 'olga@example.com' ON CONFLICT DO NOTHING`)
		}
		for address, n := range map[string]int{"olga@example.com": 1, "security@example.com": 2, "otto@example.com": 0} {
			mails := servertest.MailsTo(t, database, sink, address, "The last backup is 3 days old")
			if len(mails) != n {
				t.Errorf("%d mails to %s, want %d", len(mails), address, n)
			}
			if n > 0 && strings.Contains(mails[0], "\nWhat: ") {
				t.Errorf("the mail repeats its title: %s", mails[0])
			}
		}
		calls := endpoint.Wait(t, 2)
		for i, call := range calls {
			if age := []byte(`{"field":"created","new":"` + strings.TrimSuffix(want[i], " 3") + `"}`); !bytes.Contains(call.Body, age) {
				t.Errorf("the call is %s, want %s in it", call.Body, age)
			}
		}
		shown := hook.Show(t, c).Deliveries
		if len(calls) != 2 || len(shown) != 2 {
			t.Fatalf("%d calls, %d shown, want 2", len(calls), len(shown))
		}
		again := "/webhooks/" + hook.ID + "/deliveries/" + shown[0].ID + "/redeliver"
		c.Want(t, http.StatusAccepted, http.MethodPost, again, "")
		if got := endpoint.Wait(t, 3)[2].Body; !bytes.Equal(got, calls[1].Body) {
			t.Errorf("called again with %s, want %s", got, calls[1].Body)
		}
		c.Want(t, http.StatusConflict, http.MethodPost, again, "")
	})
}
