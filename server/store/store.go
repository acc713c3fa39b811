// Package store accesses the tables: each file reads and writes one of them,
// with SQL that is written once for SQLite and PostgreSQL. All changes go
// through the ledger.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/outbox"
	"github.com/updatecase/mobileconfig/server/setup"
)

// Config holds the settings of a Store.
type Config struct {
	// Database is "sqlite:PATH" or "postgres://…", also "postgresql://…".
	// Required. The folder of PATH must exist; the file need not.
	Database string
	// CallTimeout is the maximum time of a call to the database, including all
	// waits. The default is [db.CallTimeout].
	CallTimeout time.Duration
	// Now is the clock. The default is time.Now.
	Now func() time.Time
	// Signer signs retention removals and the retention periods of the action
	// logs. Without it neither is possible.
	Signer audit.Signer
}

// A Store accesses the tables and the ledger through which they are changed.
// It is safe for concurrent use. Any number of stores, in one process or in
// many, can use the same database.
type Store struct {
	*ledger.Ledger
	*outbox.Outbox
	db      *db.DB
	now     func() time.Time
	uses    *groups[use]
	permits *groups[setup.Permit]
}

// PerRequest returns the context of a request, whose slow calls to the database
// share the time of one call. See [db.PerRequest].
func PerRequest(ctx context.Context) context.Context { return db.PerRequest(ctx) }

// Open opens the database as [db.Open] does. If it was restored from a backup,
// the first to open it ends the links, tickets and sessions in it. The caller
// closes the store.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d, err := db.Open(ctx, cfg.Database, cfg.CallTimeout)
	if err != nil {
		return nil, err
	}
	l := ledger.New(d, cfg.Now, cfg.Signer)
	s := &Store{l, outbox.New(l, d, cfg.Now), d, cfg.Now, newGroups[use](), newGroups[setup.Permit]()}
	if err := s.endRestored(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the database. Nothing may use s afterwards.
func (s *Store) Close() { s.db.Close() }

// Check returns an error if the database doesn't answer or can't be written.
func (s *Store) Check(ctx context.Context) error {
	if err := s.db.Check(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// TryWrite writes what changes nothing, and returns why that failed.
func (s *Store) TryWrite(ctx context.Context) error {
	if err := s.db.TryWrite(ctx); err != nil {
		return fmt.Errorf("store: try a write: %w", err)
	}
	return nil
}

// Prune deletes what has expired: limits whose window has passed, replays,
// used redirects, sessions, ceremonies, challenges, invitations, old emails
// and devices. It is bookkeeping and logs no action.
func (s *Store) Prune(ctx context.Context) error {
	now := s.now()
	for _, each := range []struct {
		statement string
		before    time.Time
	}{
		{`DELETE FROM limits WHERE ends <= $1`, now},
		{`DELETE FROM replays WHERE expires <= $1`, now},
		{`DELETE FROM redirect_uses WHERE expires <= $1`, now},
		{`DELETE FROM deliveries WHERE webhook IS NULL AND ended > 0 AND ended <= $1`, now.Add(-notify.MailHistory)},
		{`DELETE FROM devices WHERE seen <= $1`, now.Add(-notify.DeviceLife)},
		{`DELETE FROM ceremonies WHERE expires <= $1`, now},
		{`DELETE FROM certificate_values WHERE expires > 0 AND expires <= $1`, now},
		{`DELETE FROM invitations WHERE expires <= $1`, now},
		{`DELETE FROM sessions WHERE created <= $1`, now.Add(-account.AbsoluteLife)},
		{`DELETE FROM sessions WHERE last_used <= $1`, now.Add(-account.IdleLife)},
	} {
		err := s.db.Transact(ctx, func(t *db.Tx) error {
			_, err := t.Exec(each.statement, db.Millis(each.before))
			return err
		})
		if err != nil {
			return fmt.Errorf("store: prune: %w", err)
		}
	}
	return nil
}

// change is Change for an action that is known in advance.
func (s *Store) change(ctx context.Context, by audit.Grant, a audit.Action, fn func(*db.Tx) error) error {
	return s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) { return []audit.Action{a}, fn(t) })
}

// changeRight is ChangeRights for an action that is known in advance.
func (s *Store) changeRight(ctx context.Context, by audit.Grant, account string, a audit.Action, fn func(*db.Tx) error) error {
	return s.ChangeRights(ctx, by, account, func(t *db.Tx) ([]audit.Action, error) { return []audit.Action{a}, fn(t) })
}

// found turns a missing row into a NotFound fault.
func (s *Store) found(what string, err error) error {
	return fmt.Errorf("store: %s: %w", what, s.db.Found(what, err))
}

func isFault(err error) bool {
	_, ok := errors.AsType[*fault.Fault](err)
	return ok
}

// Database returns the database.
func (s *Store) Database() *db.DB { return s.db }
