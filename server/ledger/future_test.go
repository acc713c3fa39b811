package ledger_test

import (
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

const year = 365 * 24 * time.Hour

// TestFutureReport checks that a finding that a wrong clock reported is
// reported again, once, by a right one.
func TestFutureReport(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		report := func() int {
			t.Helper()
			f := &audit.Finding{First: 1, Last: 1, Detail: "it was changed"}
			must(t, s.ReportLog(t.Context(), audit.ByProgram(), f, clock.Now().Add(-7*24*time.Hour), action(audit.LogCheckFailed, account.Default)))
			return len(actions(t, s))
		}
		clock.Move(year)
		first := report()
		clock.Move(-year)
		if n := report(); n != first+1 {
			t.Errorf("%d actions after the clock was corrected, want %d", n, first+1)
		}
		clock.Move(24 * time.Hour)
		if n := report(); n != first+1 {
			t.Errorf("%d actions a day later, want %d", n, first+1)
		}
	})
}

// TestFutureMail checks that a checkpoint is emailed although a wrong clock
// says that one was.
func TestFutureMail(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		must(t, s.SetMail(t.Context(), true))
		must(t, s.CreateMember(t.Context(), by, account.Member{ID: "mem_owner", Account: account.Default, Email: "olga@example.com", Role: account.Owner, Created: clock.Now(), Operator: true}, "", action(audit.MemberJoin, "mem_owner")))
		size := int64(1)
		mailed := func() int {
			t.Helper()
			size++
			must(t, s.SendCheckpoint(t.Context(), account.Default, size, []byte("note"), clock.Now().Add(-7*24*time.Hour)))
			return len(storetest.Column(t, database, `SELECT id FROM deliveries WHERE type = 'log.checkpoint' AND webhook IS NULL`))
		}
		clock.Move(year)
		first := mailed()
		clock.Move(-year)
		if n := mailed(); first != 1 || n != 2 {
			t.Errorf("%d mails, then %d after the clock was corrected", first, n)
		}
		clock.Move(24 * time.Hour)
		if n := mailed(); n != 2 {
			t.Errorf("%d mails a day later, want 2", n)
		}
	})
}

// TestFutureAction checks that retention ignores the time of an action with a
// wrong clock: it is removed with those before it.
func TestFutureAction(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		must(t, s.SetRetention(t.Context(), by, account.Default, 90, audit.Action{Outcome: audit.Done}))
		add := func(n int) {
			t.Helper()
			for range n {
				must(t, record(t.Context(), s, action(audit.DomainUpdate, "example.com")))
			}
		}
		add(2)
		clock.Move(10 * year)
		add(2)
		clock.Move(24*time.Hour - 10*year)
		add(2)
		clock.Move(100 * 24 * time.Hour)
		add(2)
		if r := storetest.Due(t, s, clock); r.Through != 7 {
			t.Errorf("%d actions are due, want the 7 of before", r.Through)
		}
	})
}
