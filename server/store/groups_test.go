package store_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// withTickets creates the links lnk_0 … and for each the ticket of its number.
func withTickets(t *testing.T, s *store.Store, n int) {
	t.Helper()
	withDomain(t, s)
	for i := range n {
		must(t, s.CreateLink(t.Context(), by, newLink(id("lnk", i)), nil, action(audit.LinkCreate, id("lnk", i))))
		must(t, s.CreateTicket(t.Context(), by, newTicket(id("tkt", i), id("lnk", i)), action(audit.LinkOpen, id("lnk", i))))
	}
}

func useTicket(ctx context.Context, s *store.Store, ticket string) error {
	return s.UseTicket(ctx, by, ticket, start, action(audit.ProfileDownload, ticket))
}

// useTogether uses the tickets in one group or, if they are too many, in
// several, and returns the outcomes.
func useTogether(t *testing.T, s *store.Store, tickets ...string) []error {
	t.Helper()
	release := store.HoldTurn(s)
	errs := make([]error, len(tickets))
	var wg sync.WaitGroup
	for i, ticket := range tickets {
		wg.Go(func() { errs[i] = useTicket(t.Context(), s, ticket) })
	}
	await(t, func() bool { return store.Waiting(s) == len(tickets) })
	release()
	wg.Wait()
	return errs
}

// TestGroup checks that unusable tickets fail separately: a used-up one, an
// expired one, one whose link is revoked, one that never existed.
func TestGroup(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withTickets(t, s, 6)
		storetest.Exec(t, database, `UPDATE tickets SET fetches = max_fetches WHERE id = 'tkt_1'`)
		storetest.Exec(t, database, `UPDATE tickets SET expires = $1 WHERE id = 'tkt_2'`, start.UnixMilli())
		storetest.Exec(t, database, `UPDATE links SET revoked = $1 WHERE id = 'lnk_3'`, start.UnixMilli())
		storetest.Exec(t, database, `UPDATE tickets SET fetches = 4 WHERE id = 'tkt_4'`)
		before := len(actions(t, s))
		errs := useTogether(t, s, "tkt_0", "tkt_1", "tkt_2", "tkt_3", "tkt_9", "tkt_5", "tkt_0")
		for i, want := range []fault.Code{"", fault.Gone, fault.Gone, fault.Gone, fault.NotFound, "", ""} {
			if want == "" {
				must(t, errs[i])
			} else {
				wantFault(t, errs[i], want)
			}
		}
		last := useTogether(t, s, "tkt_4", "tkt_4") // which has one fetch left
		if (last[0] == nil) == (last[1] == nil) || !fault.Is(errors.Join(last...), fault.Gone) {
			t.Errorf("the last fetch of a ticket and one more: %v", last)
		}
		if n := len(actions(t, s)) - before; n != 4 {
			t.Errorf("the log has %d actions more, want 4", n)
		}
		wantCounts(t, database, "0 2,1 5,2 0,3 0,4 5,5 1", "0 1,1 0,2 0,3 0,4 0,5 1")
		must(t, storetest.Verify(t, s))
	})
}

// wantCounts compares the fetches of the tickets and the downloads of the
// links, each after its number.
func wantCounts(t *testing.T, database, fetches, downloads string) {
	t.Helper()
	got := storetest.Column(t, database, `SELECT substr(id, 5) || ' ' || fetches FROM tickets ORDER BY id`)
	if got := strings.Join(got, ","); got != fetches {
		t.Errorf("fetches: got %s, want %s", got, fetches)
	}
	got = storetest.Column(t, database, `SELECT substr(id, 5) || ' ' || downloads FROM links ORDER BY id`)
	if got := strings.Join(got, ","); got != downloads {
		t.Errorf("downloads: got %s, want %s", got, downloads)
	}
}

// TestGroupTellsWebhooks checks that each download of a group has a delivery.
func TestGroupTellsWebhooks(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withTickets(t, s, 3)
		storetest.Exec(t, database, `UPDATE tickets SET fetches = max_fetches WHERE id = 'tkt_1'`)
		withHook(t, s, "whk_1", notify.LinkDownloaded)
		useTogether(t, s, "tkt_0", "tkt_1", "tkt_2")
		told := storetest.Column(t, database, `SELECT actions.target_id FROM deliveries
			JOIN actions ON actions.account = deliveries.account AND actions.seq = deliveries.seq ORDER BY actions.seq`)
		if !slices.Equal(told, []string{"tkt_0", "tkt_2"}) {
			t.Errorf("reported %v, want the two downloads", told)
		}
	})
}

// TestGroupIsOneTransaction distinguishes groups by their time: the clock
// advances on each reading, and a group reads it once.
func TestGroupIsOneTransaction(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := storetest.Open(t, store.Config{Database: database, Now: func() time.Time { return clock.Move(time.Millisecond) }})
		withTickets(t, s, 14)
		before := len(actions(t, s))
		var tickets []string
		for i := range 70 {
			tickets = append(tickets, id("tkt", i%14))
		}
		must(t, errors.Join(useTogether(t, s, tickets...)...))
		var sizes []int
		var at time.Time
		for _, r := range actions(t, s)[before:] {
			if r.At != at {
				at, sizes = r.At, append(sizes, 0)
			}
			sizes[len(sizes)-1]++
		}
		if !slices.Equal(sizes, []int{64, 6}) {
			t.Errorf("groups of %d, want 64 and 6", sizes)
		}
		must(t, storetest.Verify(t, s))
	})
}

// TestGroupsRace has callers at two stores use more tickets than permitted.
func TestGroupsRace(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		const tickets = 40
		withTickets(t, s, tickets)
		before := len(actions(t, s))
		n := race(t, database, 8*tickets, fault.Gone, func(s *store.Store, i int) error {
			return useTicket(t.Context(), s, id("tkt", i*7%tickets))
		})
		if log := len(actions(t, s)) - before; n != 5*tickets || log != n {
			t.Errorf("%d succeeded of %d, the log has %d", n, 5*tickets, log)
		}
		wrong := storetest.Column(t, database, `SELECT tickets.id FROM tickets JOIN links ON links.id = link WHERE fetches <> 5 OR downloads <> 1`)
		if len(wrong) > 0 {
			t.Errorf("tickets with a wrong count: %s", wrong)
		}
		must(t, storetest.Verify(t, s))
	})
}

// TestEveryCallOfAGroupFails makes each database call fail, one at a time: all
// downloads and actions of the group are stored or none.
func TestEveryCallOfAGroupFails(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withTickets(t, s, 3)
		storetest.Exec(t, database, `UPDATE tickets SET fetches = max_fetches WHERE id = 'tkt_1'`)
		before := storetest.Fingerprint(t, database)
		for k := 1; ; k++ {
			calls := storetest.FailCalls(s, func(n int) bool { return n == k })
			errs := useTogether(t, s, "tkt_0", "tkt_1", "tkt_2", "tkt_0")
			if calls() < k {
				must(t, errors.Join(errs[0], errs[2], errs[3]))
				wantFault(t, errs[1], fault.Gone)
				t.Logf("%d calls were made to fail", k-1)
				break
			}
			for i, err := range errs {
				if err == nil || fault.Is(err, fault.Gone) {
					t.Errorf("call %d failed, and use %d got %v", k, i, err)
				}
			}
			if storetest.Fingerprint(t, database) != before {
				t.Fatalf("something was kept, though call %d failed", k)
			}
		}
		wantCounts(t, database, "0 2,1 5,2 1", "0 1,1 0,2 1")
		must(t, storetest.Verify(t, s))
	})
}

// TestUseGivesUpWaiting cancels a caller that is waiting for its turn.
func TestUseGivesUpWaiting(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withTickets(t, s, 2)
		release := store.HoldTurn(s)
		ctx, cancel := context.WithCancel(t.Context())
		gone, stays := make(chan error, 1), make(chan error, 1)
		go func() { gone <- useTicket(ctx, s, "tkt_0") }()
		go func() { stays <- useTicket(t.Context(), s, "tkt_1") }()
		await(t, func() bool { return store.Waiting(s) == 2 })
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that the context is done", err)
		}
		release()
		must(t, <-stays)
		wantCounts(t, database, "0 0,1 1", "0 0,1 1")
	})
}

// TestGroupGoesOn cancels callers while their group waits for the database:
// the remaining ones get their download, and when all have gone nothing is
// stored.
func TestGroupGoesOn(t *testing.T) {
	const callers = 3
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withTickets(t, s, callers)
		for leaving := 1; leaving < callers; leaving++ {
			unlock, cancel, left, stayed := groupBehindLock(t, s, database, callers, leaving)
			cancel()
			for range leaving { // at once, even the one that started the group
				if err := <-left; !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want that the context is done", err)
				}
			}
			unlock()
			for range callers - leaving {
				must(t, <-stayed)
			}
		}
		before := storetest.Fingerprint(t, database)
		unlock, cancel, left, _ := groupBehindLock(t, s, database, callers, callers)
		cancel()
		for range callers {
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Errorf("all left, and one got %v", err)
			}
		}
		await(t, func() bool { return !store.Working(s) })
		unlock()
		if storetest.Fingerprint(t, database) != before {
			t.Error("all left, and something was kept")
		}
		must(t, storetest.Verify(t, s))
	})
}

// TestGroupTime has a request that runs out of time while it waits: it fails at
// once, and others don't.
func TestGroupTime(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withTickets(t, s, 2)
		release := store.HoldTurn(s)
		gone, stays := make(chan error, 1), make(chan error, 1)
		late, cancel := context.WithTimeout(store.PerRequest(t.Context()), time.Millisecond)
		defer cancel()
		go func() { gone <- useTicket(late, s, "tkt_0") }()
		wantFault(t, <-gone, fault.DatabaseUnavailable)
		go func() { stays <- useTicket(store.PerRequest(t.Context()), s, "tkt_1") }()
		await(t, func() bool { return store.Waiting(s) == 1 })
		release()
		must(t, <-stays)
		wantCounts(t, database, "0 0,1 1", "0 0,1 1")
	})
}

// TestGroupPanics has a statement of a group panic: its callers report it, and
// the next group works.
func TestGroupPanics(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withTickets(t, s, 1)
		var panics atomic.Bool
		s.Database().Watch(func(c db.Call) error {
			if panics.Load() && strings.Contains(c.Query, "tickets") {
				panic("an invented fault")
			}
			return nil
		})
		panics.Store(true)
		if err := useTicket(t.Context(), s, "tkt_0"); err == nil || !strings.Contains(err.Error(), "an invented fault") {
			t.Errorf("got %v", err)
		}
		panics.Store(false)
		must(t, useTicket(t.Context(), s, "tkt_0"))
	})
}

// groupBehindLock begins a group that waits for the log until unlock is
// called. Calling cancel makes some callers leave.
func groupBehindLock(t *testing.T, s *store.Store, database string, callers, leaving int) (unlock, cancel func(), left, stayed chan error) {
	t.Helper()
	unlock = lockLog(t, database)
	release := store.HoldTurn(s)
	ctx, cancel := context.WithCancel(t.Context())
	left, stayed = make(chan error, callers), make(chan error, callers)
	for i := range callers {
		if i < leaving {
			go func() { left <- useTicket(ctx, s, id("tkt", i)) }()
		} else {
			go func() { stayed <- useTicket(t.Context(), s, id("tkt", i)) }()
		}
	}
	await(t, func() bool { return store.Waiting(s) == callers })
	release()
	await(t, func() bool { return store.Waiting(s) == 0 })
	awaitLock(t, database)
	return unlock, cancel, left, stayed
}

// awaitLock waits until a transaction waits for another. SQLite doesn't show
// that: there it waits long enough for most, and a caller has to tolerate a
// transaction that hasn't begun.
func awaitLock(t *testing.T, database string) {
	t.Helper()
	if strings.HasPrefix(database, "sqlite:") {
		time.Sleep(50 * time.Millisecond)
		return
	}
	await(t, func() bool {
		return storetest.Column(t, database, `SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)[0] != "0"
	})
}

// lockLog locks the log of the default account until unlock is called, and
// doesn't change it.
func lockLog(t *testing.T, database string) (unlock func()) {
	t.Helper()
	other := storetest.Open(t, store.Config{Database: database})
	locked, end, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	errEnd := errors.New("the end")
	go func() {
		defer close(ended)
		_ = other.Keep(t.Context(), action("", ""), func(exec store.Exec) error {
			if err := exec(`UPDATE logs SET size = size`); err != nil {
				return err
			}
			close(locked)
			<-end
			return errEnd
		})
	}()
	<-locked
	return func() { close(end); <-ended }
}
