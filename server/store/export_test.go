package store

import (
	"context"
	"errors"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
)

// An Exec runs a statement in the transaction of a change.
type Exec func(query string, args ...any) error

// Change is change for tests outside of the package.
func (s *Store) Change(ctx context.Context, a audit.Action, fn func(Exec) error) error {
	return s.change(ctx, program(a), a, func(t *db.Tx) error {
		return fn(func(query string, args ...any) error {
			_, err := t.Exec(query, args...)
			return err
		})
	})
}

// program entitles the actor of a to everything.
func program(a audit.Action) audit.Grant {
	return audit.Grant{Kind: audit.ProgramGrant, Actor: a.Actor}
}

// Twice records the action twice in one transaction, which the error ends.
func (s *Store) Twice(ctx context.Context, a audit.Action, end error) error {
	return s.db.Transact(ctx, func(t *db.Tx) error {
		for range 2 {
			if err := record(t, program(a), a, s.now()); err != nil {
				return err
			}
		}
		return end
	})
}

// SearchWithin is Search that looks at fewer actions at a time.
func SearchWithin(ctx context.Context, s *Store, f audit.Filter, rows, texts int64) (audit.Found, error) {
	return s.search(ctx, f, reach{rows, rows, texts})
}

// A Statement is one that a store has run.
type Statement = db.Call

// Listen calls heard with each statement that s reads with from now on.
func Listen(s *Store, heard func(Statement)) {
	s.db.Watch(func(c db.Call) error {
		if c.Reads {
			heard(c)
		}
		return nil
	})
}

// errCall is what a call fails with.
var errCall = errors.New("the call was made to fail")

// FailCalls makes those calls of the database in transactions of s fail whose
// number the function picks, counted from 1; a commit is a call too. It returns
// how many there were so far.
func FailCalls(s *Store, pick func(n int) bool) (calls func() int) {
	n := 0
	s.db.Watch(func(c db.Call) error {
		if c.Reads {
			return nil
		}
		if n++; pick(n) {
			return errCall
		}
		return nil
	})
	return func() int { return n }
}

// HoldTurn keeps the uses of tickets from beginning until release is called.
func HoldTurn(s *Store) (release func()) {
	s.uses.turn <- struct{}{}
	return func() { <-s.uses.turn }
}

// Waiting is how many uses of tickets are in no group yet.
func Waiting(s *Store) int {
	s.uses.mu.Lock()
	defer s.uses.mu.Unlock()
	return len(s.uses.waiting)
}
