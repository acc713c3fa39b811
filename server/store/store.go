// Package store keeps everything in SQLite or PostgreSQL. It holds the only
// SQL, written once for both: what differs stands in dialect.go, sqlite.go
// and postgres.go.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// retryAfter is when to try again if the database cannot be used.
const retryAfter = 30 * time.Second

// How long it is kept how mails went, and from where a member signed in.
const (
	mailHistory = 90 * 24 * time.Hour
	deviceLife  = 400 * 24 * time.Hour
)

// Config is all that can be set.
type Config struct {
	// Database is "sqlite:PATH" or "postgres://…", also "postgresql://…".
	// Required. The folder of PATH must exist; the file need not.
	Database string
	// Now is the clock. The default is time.Now.
	Now func() time.Time
	// Signer signs what is removed from the action logs, and for how long they
	// are kept. Without it neither can be done.
	Signer audit.Signer
}

// A Store keeps everything. It is safe for concurrent use, and any number of
// stores, in one process or in many, may work on one database.
type Store struct {
	db     database
	now    func() time.Time
	signer audit.Signer
	uses   *uses
}

// Open opens the database and brings its schema up to date, under a lock that
// lets only one process at a time do so. It refuses a schema that is newer
// than the program, a database of another program, and one that is damaged,
// read-only or lost, says what mends it, and changes nothing there. The caller
// closes the store.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	db, err := open(ctx, cfg.Database)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return &Store{db: db, now: cfg.Now, signer: cfg.Signer, uses: newUses()}, nil
}

// Close lets go of the database. Nothing may use s afterwards.
func (s *Store) Close() { s.db.close() }

// Ping returns an error if the database does not answer.
func (s *Store) Ping(ctx context.Context) error {
	var n int64
	err := s.read(ctx).row(`SELECT COUNT(*) FROM accounts`).Scan(&n)
	if err != nil {
		return fmt.Errorf("store: ping: %w", s.diagnose(err))
	}
	return nil
}

// Prune deletes what has run out: limits whose window has passed, repeats, used
// redirects, sessions, ceremonies, invitations, old mails and devices. It is bookkeeping and leaves no action.
func (s *Store) Prune(ctx context.Context) error {
	now := s.now()
	err := s.transact(ctx, func(t *tx) error {
		for _, each := range []struct {
			statement string
			before    time.Time
		}{
			{`DELETE FROM limits WHERE ends <= $1`, now},
			{`DELETE FROM repeats WHERE expires <= $1`, now},
			{`DELETE FROM redirect_uses WHERE expires <= $1`, now},
			{`DELETE FROM deliveries WHERE webhook IS NULL AND ended > 0 AND ended <= $1`, now.Add(-mailHistory)},
			{`DELETE FROM devices WHERE seen <= $1`, now.Add(-deviceLife)},
			{`DELETE FROM ceremonies WHERE expires <= $1`, now},
			{`DELETE FROM invitations WHERE expires <= $1`, now},
			{`DELETE FROM sessions WHERE created <= $1`, now.Add(-account.AbsoluteLife)},
			{`DELETE FROM sessions WHERE last_used <= $1`, now.Add(-account.IdleLife)},
		} {
			if _, err := t.exec(each.statement, millis(each.before)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store: prune: %w", err)
	}
	return nil
}

// write checks the grant, runs fn and records the actions that fn returns, all
// in one transaction: everything is kept or nothing is. Whatever can be changed
// by anybody goes through here. fn may run more than once.
func (s *Store) write(ctx context.Context, by audit.Grant, fn func(*tx) ([]audit.Action, error)) error {
	return s.transact(ctx, func(t *tx) error { return s.writeIn(t, by, fn) })
}

// revoke is write for what ends or reduces a right in the account.
func (s *Store) revoke(ctx context.Context, by audit.Grant, account string, fn func(*tx) ([]audit.Action, error)) error {
	return s.transact(ctx, func(t *tx) error {
		if err := t.lockOut(account); err != nil {
			return err
		}
		return s.writeIn(t, by, fn)
	})
}

func (s *Store) writeIn(t *tx, by audit.Grant, fn func(*tx) ([]audit.Action, error)) error {
	now := s.now()
	if err := t.check(by, now); err != nil {
		return err
	}
	actions, err := fn(t)
	if err != nil {
		return err
	}
	if len(actions) == 0 {
		return errNoAction
	}
	for _, a := range actions {
		if err := t.record(by, a, now); err != nil {
			return err
		}
	}
	return nil
}

// errNoAction says that a change came without its action.
var errNoAction = errors.New("a change without an action")

// change is write for one action that is known beforehand.
func (s *Store) change(ctx context.Context, by audit.Grant, a audit.Action, fn func(*tx) error) error {
	return s.write(ctx, by, func(t *tx) ([]audit.Action, error) { return []audit.Action{a}, fn(t) })
}

// changeRight is revoke for one action that is known beforehand.
func (s *Store) changeRight(ctx context.Context, by audit.Grant, account string, a audit.Action, fn func(*tx) error) error {
	return s.revoke(ctx, by, account, func(t *tx) ([]audit.Action, error) { return []audit.Action{a}, fn(t) })
}

// transact runs fn in one transaction, which is kept if fn returns nil. The
// database may ask for a repetition, so fn may run more than once. When ctx is
// done the error says so, unless it is a fault.
func (s *Store) transact(ctx context.Context, fn func(*tx) error) error {
	err := s.db.transact(ctx, fn)
	if err == nil || ctx.Err() == nil || errors.Is(err, ctx.Err()) || isFault(err) {
		return s.diagnose(err)
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}

// diagnose turns the error of a database that cannot be used as it is into a
// StorageFull or DatabaseUnavailable fault. Any other error stays.
func (s *Store) diagnose(err error) error {
	if err == nil || isFault(err) {
		return err
	}
	var f *fault.Fault
	switch s.db.ailment(err) {
	case fault.StorageFull:
		f = fault.New(fault.StorageFull, "There is no space left to keep this. Try again in a few minutes.")
	case fault.DatabaseUnavailable:
		f = fault.New(fault.DatabaseUnavailable, "What is kept here cannot be reached. Try again in a few minutes.")
	default:
		return err
	}
	f.RetryAfter = retryAfter
	return f.Because(err)
}

// read is for one statement that writes nothing.
func (s *Store) read(ctx context.Context) *tx { return &tx{ctx: ctx, conn: s.db.reader()} }

// found turns the absence of a row into a NotFound fault.
func (s *Store) found(what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "There is no such %s.", what)
	}
	return fmt.Errorf("store: %s: %w", what, s.diagnose(err))
}

func isFault(err error) bool {
	_, ok := errors.AsType[*fault.Fault](err)
	return ok
}

// millis is how a time is stored. No time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment is the time that millis stored.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
