// Package db opens SQLite and PostgreSQL and runs transactions on them. It has
// the only drivers; statements are written once, for both. The differences are
// in dialect.go, sqlite.go and postgres.go.
package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/fault"
)

// retryAfter is when to try again if the database can't be used.
const retryAfter = 30 * time.Second

// A DB is an open database. It is safe for concurrent use, and any number of
// them, in one process or several, may use one database.
type DB struct {
	kind   database
	limits timeouts
	watch  func(Call) error
	health health
}

// Open opens the database that text names, as "sqlite:PATH", "postgres://…" or
// "postgresql://…", and migrates its schema under a lock that admits one
// process at a time. The folder of PATH must exist; the file need not. Open
// refuses a schema that is newer than the program, another program's database,
// and one that is damaged, read-only or lost. The error says how to fix it, and
// nothing is changed. The caller closes the database. The maximum time of a call
// is CallTimeout if call is 0.
func Open(ctx context.Context, text string, call time.Duration) (*DB, error) {
	limits := newTimeouts(call)
	kind, err := open(ctx, text, limits)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return &DB{kind: kind, limits: limits, health: health{soon: limits.soon()}}, nil
}

// Close releases the database. Nothing may use d afterwards.
func (d *DB) Close() { d.kind.close() }

// Broken returns a channel that is closed when the disk failed to store a
// write, and a function that then returns the error. Nothing more is written,
// and the process should end soon: a later success wouldn't prove anything.
func (d *DB) Broken() (<-chan struct{}, func() error) { return d.kind.broken() }

// Watch calls fn for each statement before it runs, each job before it is
// enqueued, and each commit. If fn returns an error, that is returned instead.
// It is for tests and must be called before d is used.
func (d *DB) Watch(fn func(Call) error) { d.watch = fn }

// Transact runs fn in one transaction, which is committed if fn returns nil.
// The database may require a retry, so fn may run more than once. When ctx is
// done the error says so, unless it is a fault. If the database doesn't answer
// in time, the error is a DatabaseUnavailable fault, and the transaction may or
// may not have been committed.
func (d *DB) Transact(ctx context.Context, fn func(*Tx) error) error {
	limited, end := d.limits.limit(ctx)
	defer end()
	if ctx.Err() == nil && limited.Err() != nil { // no time is left, so nothing is learned about writes
		return d.Diagnose(limited.Err())
	}
	began := time.Now()
	err := d.kind.transact(limited, func(t *Tx) error {
		t.watch = d.watch
		if err := fn(t); err != nil {
			return err
		}
		return t.watched("", nil)
	})
	if ctx.Err() != nil {
		return because(ctx, err)
	}
	err = d.Diagnose(because(limited, err))
	d.health.note(began, err)
	return err
}

// Read is for one statement that writes nothing. It has the same time limit as
// a transaction.
func (d *DB) Read(ctx context.Context) *Tx {
	return &Tx{ctx: ctx, conn: d.kind.reader(), watch: d.watch, limits: d.limits}
}

// Taken reports whether err says that a key or unique value exists already.
func (d *DB) Taken(err error) bool { return d.kind.taken(err) }

// Dangling reports whether err says that a row would refer to one that doesn't
// exist.
func (d *DB) Dangling(err error) bool { return d.kind.dangling(err) }

// Diagnose converts the error of a database that can't be used to a StorageFull
// or DatabaseUnavailable fault. Any other error stays.
func (d *DB) Diagnose(err error) error {
	if err == nil || isFault(err) {
		return err
	}
	var f *fault.Fault
	code := d.kind.errorCode(err)
	if errors.Is(err, context.DeadlineExceeded) {
		code = fault.DatabaseUnavailable
	}
	switch code {
	case fault.StorageFull:
		f = fault.New(fault.StorageFull, "There is no space left to store this. Try again in a few minutes.")
	case fault.DatabaseUnavailable:
		f = fault.New(fault.DatabaseUnavailable, "The database can't be reached. Try again in a few minutes.")
	default:
		return err
	}
	f.RetryAfter = retryAfter
	return f.Because(err)
}

// Found is Diagnose that also converts a missing row to a NotFound fault.
func (d *DB) Found(what string, err error) error {
	if errors.Is(err, ErrNoRows) {
		err = fault.New(fault.NotFound, "There is no such %s.", what)
	}
	return d.Diagnose(err)
}

func isFault(err error) bool {
	_, ok := errors.AsType[*fault.Fault](err)
	return ok
}
