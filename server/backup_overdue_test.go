package server_test

import (
	"slices"
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
// Operators are notified once of each last backup that gets too old, and nobody
// while there has been none.
func TestBackupOverdue(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock, sink := storetest.NewClock(), notifytest.New(t, true)
		change := func(c *server.Config) {
			c.Now = clock.Now
			c.Mail = &notify.RelayConfig{Server: sink.Address, From: "setup@example.org", Roots: sink.Roots}
		}
		servers := []*servertest.Server{servertest.Notifying(t, database, nil, change), servertest.New(t, database, change)}
		servers[0].Owner("olga@example.com").Customer("Other Ltd", "otto@example.com")
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
		}
		for address, n := range map[string]int{"olga@example.com": len(want), "otto@example.com": 0} {
			mails := servertest.MailsTo(t, database, sink, address, "The last backup is 3 days old")
			if len(mails) != n {
				t.Errorf("%d mails to %s, want %d", len(mails), address, n)
			}
		}
	})
}
