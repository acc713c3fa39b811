package store

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/setup"
)

// An Exec runs a statement in the transaction of a change.
type Exec func(query string, args ...any) error

// Keep is change for tests outside of the package.
func (s *Store) Keep(ctx context.Context, a audit.Action, fn func(Exec) error) error {
	return s.change(ctx, program(a), a, func(t *db.Tx) error {
		return fn(func(query string, args ...any) error {
			_, err := t.Exec(query, args...)
			return err
		})
	})
}

// program grants the actor of a all permissions.
func program(a audit.Action) audit.Grant {
	return audit.Grant{Kind: audit.ProgramGrant, Actor: a.Actor}
}

// Twice records the action twice in one transaction, which the error ends.
func (s *Store) Twice(ctx context.Context, a audit.Action, end error) error {
	return s.db.Transact(ctx, func(t *db.Tx) error {
		for range 2 {
			if err := s.Append(t, ledger.Entry{By: program(a), Action: a}); err != nil {
				return err
			}
		}
		return end
	})
}

// HoldTurn prevents uses of tickets from starting until release is called.
func HoldTurn(s *Store) (release func()) {
	s.uses.turn <- struct{}{}
	return func() { <-s.uses.turn }
}

// HoldReads prevents shared reads of tickets from starting until release is
// called.
func HoldReads(s *Store) (release func()) {
	s.permits.turn <- struct{}{}
	return func() { <-s.permits.turn }
}

// Reading returns how many shared reads of tickets aren't in a group yet.
func Reading(s *Store) int {
	s.permits.mu.Lock()
	defer s.permits.mu.Unlock()
	return len(s.permits.waiting)
}

// Working reports whether a group of uses of tickets is in work.
func Working(s *Store) bool { return len(s.uses.turn) > 0 }

// Waiting returns how many uses of tickets aren't in a group yet.
func Waiting(s *Store) int {
	s.uses.mu.Lock()
	defer s.uses.mu.Unlock()
	return len(s.uses.waiting)
}

// LinksWithin is Links with a shorter reach.
func LinksWithin(ctx context.Context, s *Store, f setup.Filter, at time.Time, reach int) (setup.Found, error) {
	return s.linksWithin(ctx, f, at, reach)
}
