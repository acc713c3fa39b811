// Package ledger is the only way to change anything. Change checks who may do
// it, does it, appends what was done to the action log, and enqueues the
// notifications: all in one transaction. The package also reads, searches and
// signs the logs, and removes content from them.
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

// A Ledger manages the action logs of all accounts. It is safe for concurrent
// use, and any number of them, in one process or several, may use one database.
type Ledger struct {
	db     *db.DB
	now    func() time.Time
	signer audit.Signer
}

// New returns the ledger in the database. The signer signs removals from the
// logs and changes of their retention; if it's nil, neither is possible.
func New(d *db.DB, now func() time.Time, signer audit.Signer) *Ledger {
	return &Ledger{d, now, signer}
}

// errNothing rolls back a transaction that has changed nothing.
var errNothing = errors.New("nothing to store")

// Change locks and checks the grant, runs fn, and appends the actions that fn
// returns to the logs, all in one transaction: everything is stored or nothing
// is. If fn returns neither an action nor an error, the transaction is rolled
// back and Change returns nil. fn may run more than once. If the context has a
// request with an idempotency key, it runs once.
func (l *Ledger) Change(ctx context.Context, by audit.Grant, fn func(*db.Tx) ([]audit.Action, error)) error {
	fn = l.claimRequest(ctx, fn)
	return l.transact(ctx, func(t *db.Tx) error { return l.change(t, by, fn) })
}

// Step is Change for a step of requested work that may take long: the grant is
// checked again now, and the step is stored even if fn returns no action.
func (l *Ledger) Step(ctx context.Context, by audit.Grant, fn func(*db.Tx) ([]audit.Action, error)) error {
	return l.db.Transact(ctx, func(t *db.Tx) error {
		err := l.change(t, by, fn)
		if errors.Is(err, errNothing) {
			err = nil
		}
		return err
	})
}

// ChangeRights is Change for whatever ends or reduces a right in the account.
// It waits for running writes in the account and blocks new ones.
func (l *Ledger) ChangeRights(ctx context.Context, by audit.Grant, account string, fn func(*db.Tx) ([]audit.Action, error)) error {
	fn = l.claimRequest(ctx, fn)
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

// An Entry is an action and the grant that authorized it.
type Entry struct {
	By     audit.Grant
	Action audit.Action
}

// Append adds the entries to the logs of their accounts, one log after the
// other. It only checks that each grant covers its action: it is for
// [Ledger.Change], and for the few writes that don't use it. It comes last in
// its transaction.
func (l *Ledger) Append(t *db.Tx, entries ...Entry) error {
	logs := map[string][]audit.Action{}
	for _, e := range entries {
		if err := covers(e.By, e.Action); err != nil {
			return fmt.Errorf("record: %w", err)
		}
		e.Action.Actor = e.By.Actor
		account := e.Action.Account
		if logs[account] == nil {
			logs[account] = make([]audit.Action, 0, len(entries)) // usually all are of one account
		}
		logs[account] = append(logs[account], e.Action)
	}
	for _, account := range slices.Sorted(maps.Keys(logs)) {
		if err := appendAll(t, account, logs[account], l.now()); err != nil {
			return err
		}
	}
	return nil
}

// Record records an action without any other change.
func (l *Ledger) Record(ctx context.Context, by audit.Grant, a audit.Action) error {
	err := l.Change(ctx, by, func(*db.Tx) ([]audit.Action, error) { return []audit.Action{a}, nil })
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// found converts a missing row to a NotFound fault.
func (l *Ledger) found(what string, err error) error {
	return fmt.Errorf("ledger: %s: %w", what, l.db.Found(what, err))
}
