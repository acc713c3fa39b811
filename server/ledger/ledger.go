// Package ledger is the only way to change anything. Change checks who may do
// it, does it, appends what was done to the action log, and enqueues a delivery
// to everyone who is to be told: all in one transaction. The package also
// reads, searches, empties and signs the logs.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
)

// A Ledger keeps the action logs of all accounts. It is safe for concurrent
// use, and any number of them, in one process or in many, may work on one
// database.
type Ledger struct {
	db     *db.DB
	now    func() time.Time
	signer audit.Signer
}

// New returns the ledger in the database. The signer signs what is removed from
// the logs and how long they are kept; if it's nil, neither can be done.
func New(d *db.DB, now func() time.Time, signer audit.Signer) *Ledger {
	return &Ledger{d, now, signer}
}

// errNothing rolls back a transaction that has nothing to keep.
var errNothing = errors.New("nothing to keep")

// Change locks and checks the grant, runs fn, and appends the actions that fn
// returns to the logs, all in one transaction: everything is kept or nothing is.
// If fn returns neither an action nor an error, the transaction is rolled back
// and Change returns nil. fn may run more than once. A request of the context
// that can be repeated is done once.
func (l *Ledger) Change(ctx context.Context, by audit.Grant, fn func(*db.Tx) ([]audit.Action, error)) error {
	fn = l.claiming(ctx, fn)
	return l.transact(ctx, func(t *db.Tx) error { return l.change(t, by, fn) })
}

// Step is Change for a step of work that somebody has asked for and that may go
// on for long: the grant is checked as it is now, and the step is kept also if
// fn returns no action.
func (l *Ledger) Step(ctx context.Context, by audit.Grant, fn func(*db.Tx) ([]audit.Action, error)) error {
	return l.db.Transact(ctx, func(t *db.Tx) error {
		err := l.change(t, by, fn)
		if errors.Is(err, errNothing) {
			err = nil
		}
		return err
	})
}

// ChangeRights is Change for whatever ends or reduces a right in the account. It
// waits for the writes under way in the account and holds back new ones.
func (l *Ledger) ChangeRights(ctx context.Context, by audit.Grant, account string, fn func(*db.Tx) ([]audit.Action, error)) error {
	fn = l.claiming(ctx, fn)
	return l.transact(ctx, func(t *db.Tx) error {
		if err := lockOut(t, account); err != nil {
			return err
		}
		return l.change(t, by, fn)
	})
}

func (l *Ledger) transact(ctx context.Context, fn func(*db.Tx) error) error {
	err := l.db.Transact(ctx, fn)
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

func (l *Ledger) change(t *db.Tx, by audit.Grant, fn func(*db.Tx) ([]audit.Action, error)) error {
	if err := checkGrant(t, by, l.now()); err != nil {
		return err
	}
	actions, err := fn(t)
	if err != nil {
		return err
	}
	if len(actions) == 0 {
		return errNothing
	}
	entries := make([]Entry, len(actions))
	for i, a := range actions {
		entries[i] = Entry{by, a}
	}
	return l.Append(t, entries...)
}

// An Entry is an action and the grant that it was done by.
type Entry struct {
	By     audit.Grant
	Action audit.Action
}

// Append adds the entries to the logs of their accounts, one log after the
// other. It checks that each grant covers its action and nothing else: it is
// for [Ledger.Change], and for the few writes that don't go through it. It comes
// last in its transaction.
func (l *Ledger) Append(t *db.Tx, entries ...Entry) error {
	logs := map[string][]audit.Action{}
	for _, e := range entries {
		if err := covers(e.By, e.Action); err != nil {
			return fmt.Errorf("record: %w", err)
		}
		e.Action.Actor = e.By.Actor
		logs[e.Action.Account] = append(logs[e.Action.Account], e.Action)
	}
	for _, account := range slices.Sorted(maps.Keys(logs)) {
		if err := appendAll(t, account, logs[account], l.now()); err != nil {
			return err
		}
	}
	return nil
}

// Record appends an action that goes with no other change.
func (l *Ledger) Record(ctx context.Context, by audit.Grant, a audit.Action) error {
	err := l.Change(ctx, by, func(*db.Tx) ([]audit.Action, error) { return []audit.Action{a}, nil })
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// found turns the absence of a row into a NotFound fault.
func (l *Ledger) found(what string, err error) error {
	return fmt.Errorf("ledger: %s: %w", what, l.db.Found(what, err))
}
