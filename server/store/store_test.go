package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func TestPing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		must(t, s.Check(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Check(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

func TestChangeKeepsBothOrNeither(t *testing.T) {
	broken := errors.New("broken")
	stranger := action(audit.LinkCreate, "lnk_1")
	stranger.Account = "acc_unknown"
	nameless := action("", "lnk_1")
	tests := []struct {
		name string
		a    audit.Action
		err  error
	}{
		{"fn fails", action(audit.LinkCreate, "lnk_1"), broken},
		{"the account has no log", stranger, nil},
		{"the action cannot be stored", nameless, nil},
	}
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				wantUnchanged(t, database, func() {
					err := s.Keep(t.Context(), tt.a, func(exec store.Exec) error {
						must(t, exec(`UPDATE domains SET policy = 'off'`))
						return tt.err
					})
					if err == nil || tt.err != nil && !errors.Is(err, tt.err) {
						t.Errorf("got the error %v", err)
					}
				})
			})
		}
		must(t, s.Keep(t.Context(), action(audit.LinkCreate, "lnk_1"), func(exec store.Exec) error {
			return exec(`UPDATE domains SET policy = 'off'`)
		}))
		if n := len(actions(t, s)); n != 2 {
			t.Errorf("the log has %d entries, want 2", n)
		}
	})
}

func TestCanceledChangeIsRolledBack(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		wantUnchanged(t, database, func() {
			for range 20 { // more than there are connections
				ctx, cancel := context.WithCancel(t.Context())
				err := s.Keep(ctx, action(audit.LinkCreate, "lnk_1"), func(exec store.Exec) error {
					must(t, exec(`UPDATE domains SET policy = 'off'`))
					cancel()
					return nil
				})
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("got %v, want context.Canceled", err)
				}
			}
		})
		withLink(t, s, newLink("lnk_1"))
	})
}

func TestPanicLeaksNoConnection(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		wantUnchanged(t, database, func() {
			for range 20 {
				panics(t, s)
			}
		})
		withLink(t, s, newLink("lnk_1"))
	})
}

// panics doesn't wait forever: a leaked connection shows as an error.
func panics(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	defer func() {
		if recover() == nil {
			t.Fatal("the panic did not come through")
		}
	}()
	err := s.Keep(ctx, action(audit.LinkCreate, "lnk_1"), func(exec store.Exec) error {
		must(t, exec(`UPDATE domains SET policy = 'off'`))
		panic("in fn")
	})
	t.Errorf("got the error %v", err)
}

// Two transactions lock two rows in opposite order. PostgreSQL aborts one of
// them, and it must be run again.
func TestDeadlockIsRunAgain(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, store.Config{Database: storetest.Postgres(t)})
	must(t, s.SetDomain(t.Context(), by, newDomain("example.com"), action("", "")))
	must(t, s.SetDomain(t.Context(), by, newDomain("example.org"), action("", "")))
	locked := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	names := [2]string{"example.com", "example.org"}
	errs := make(chan error, 2)
	runs := make(chan int, 20)
	for i := range 2 {
		go func() {
			first := true
			errs <- s.Keep(t.Context(), action(audit.DomainUpdate, names[i]), func(exec store.Exec) error {
				runs <- i
				if err := exec(`UPDATE domains SET updated = 1 WHERE name = $1`, names[i]); err != nil {
					return err
				}
				if first {
					first = false
					close(locked[i])
					<-locked[1-i]
				}
				return exec(`UPDATE domains SET updated = 1 WHERE name = $1`, names[1-i])
			})
		}()
	}
	must(t, errors.Join(<-errs, <-errs))
	if len(runs) < 3 { // the aborted one may come too early once more
		t.Errorf("the transactions ran %d times, want 3", len(runs))
	}
	if n := len(actions(t, s)); n != 4 {
		t.Errorf("the log has %d entries, want 4", n)
	}
}

func TestPrune(t *testing.T) {
	clock := storetest.NewClock()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		withDomain(t, s)
		l := newLink("lnk_1")
		l.Created = clock.Now()
		must(t, s.CreateLink(t.Context(), by, l, []admission.Limit{
			{Key: "short", Max: 5, Window: time.Minute}, {Key: "long", Max: 5, Window: time.Hour},
		}, action(audit.LinkCreate, l.ID)))
		wantUnchanged(t, database, func() {
			clock.Move(time.Minute - time.Millisecond)
			must(t, s.Prune(t.Context()))
		})
		clock.Move(time.Millisecond)
		must(t, s.Prune(t.Context()))
		dump := storetest.Dump(t, database)
		if strings.Contains(dump, "limits.key=short\n") || !strings.Contains(dump, "limits.key=long\n") {
			t.Errorf("after a minute there is:\n%s", dump)
		}
		if n := len(actions(t, s)); n != 2 {
			t.Errorf("the log has %d entries, want 2", n)
		}
	})
}

// Changes that read before they write wait for each other too.
func TestReadThenWrite(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		withDomain(t, storetest.Open(t, store.Config{Database: database}))
		n := race(t, database, 60, "", func(s *store.Store, _ int) error {
			return s.Keep(t.Context(), action(audit.DomainUpdate, "dom_1"), func(exec store.Exec) error {
				if err := exec(`SELECT updated FROM domains`); err != nil {
					return err
				}
				return exec(`UPDATE domains SET updated = updated + 1`)
			})
		})
		if log := len(actions(t, storetest.Open(t, store.Config{Database: database}))); log != n+1 {
			t.Errorf("%d changes left %d actions", n+1, log)
		}
	})
}
