package store

import (
	"context"
	"errors"

	"github.com/riverqueue/river"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// MigrationLock is the advisory lock under which the schema changes.
const MigrationLock = pgMigrationLock

// An Exec runs a statement in the transaction of a change.
type Exec func(query string, args ...any) error

// Change is change for tests outside of the package.
func (s *Store) Change(ctx context.Context, a audit.Action, fn func(Exec) error) error {
	return s.change(ctx, program(a), a, func(t *tx) error {
		return fn(func(query string, args ...any) error {
			_, err := t.exec(query, args...)
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
	return s.transact(ctx, func(t *tx) error {
		for range 2 {
			if err := t.record(program(a), a, s.now()); err != nil {
				return err
			}
		}
		return end
	})
}

// Setting reads a setting of the connection that writes.
func (s *Store) Setting(ctx context.Context, name string) (text string, err error) {
	err = s.db.transact(ctx, func(t *tx) error {
		if _, ok := s.db.(*liteDB); ok {
			return t.row(`PRAGMA ` + name).Scan(&text)
		}
		return t.row(`SELECT current_setting($1)`, name).Scan(&text)
	})
	return text, err
}

// PostgresAilment is the code for an error of PostgreSQL.
func PostgresAilment(err error) fault.Code { return (*pgDB)(nil).ailment(err) }

// DropConnections closes the connections that SQLite has open and nobody uses.
func DropConnections(s *Store) {
	l := s.db.(*liteDB)
	l.writer.SetMaxIdleConns(0)
	l.readers.SetMaxIdleConns(0)
}

// SearchWithin is Search that looks at fewer actions at a time.
func SearchWithin(ctx context.Context, s *Store, f audit.Filter, rows, texts int64) (audit.Found, error) {
	return s.search(ctx, f, reach{rows, rows, texts})
}

// A Statement is one that a store has run.
type Statement struct {
	Query string
	Args  []any
}

// Listen calls heard with each statement that s reads with from now on.
func Listen(s *Store, heard func(Statement)) { s.db = listener{s.db, heard} }

type listener struct {
	database
	heard func(Statement)
}

func (l listener) reader() conn { return listening{l.database.reader(), l.heard} }

type listening struct {
	conn
	heard func(Statement)
}

func (l listening) row(ctx context.Context, query string, args []any) row {
	l.heard(Statement{query, args})
	return l.conn.row(ctx, query, args)
}

func (l listening) rows(ctx context.Context, query string, args []any) (rows, error) {
	l.heard(Statement{query, args})
	return l.conn.rows(ctx, query, args)
}

// FailCalls makes those calls of the database in transactions of s fail whose
// number the function picks, counted from 1; a commit is a call too. It returns
// how many there were so far.
func FailCalls(s *Store, pick func(n int) bool) (calls func() int) {
	f := &failing{s.db, pick, new(int)}
	if inner, ok := s.db.(*failing); ok {
		f.database = inner.database
	}
	s.db = f
	return func() int { return *f.n }
}

// errCall is what a call fails with.
var errCall = errors.New("the call was made to fail")

type failing struct {
	database
	pick func(n int) bool
	n    *int
}

func (f *failing) transact(ctx context.Context, fn func(*tx) error) error {
	return f.database.transact(ctx, func(t *tx) error {
		inner := *t
		inner.conn = failingConn{t.conn, f}
		if t.insert != nil {
			inner.insert = func(ctx context.Context, job river.JobArgs, opts *river.InsertOpts) error {
				if err := f.call(); err != nil {
					return err
				}
				return t.insert(ctx, job, opts)
			}
		}
		if err := fn(&inner); err != nil {
			return err
		}
		return f.call()
	})
}

func (f *failing) call() error {
	*f.n++
	if f.pick(*f.n) {
		return errCall
	}
	return nil
}

type failingConn struct {
	conn
	f *failing
}

func (c failingConn) exec(ctx context.Context, query string, args []any) (int64, error) {
	if err := c.f.call(); err != nil {
		return 0, err
	}
	return c.conn.exec(ctx, query, args)
}

func (c failingConn) row(ctx context.Context, query string, args []any) row {
	if err := c.f.call(); err != nil {
		return failedRow{err}
	}
	return c.conn.row(ctx, query, args)
}

func (c failingConn) rows(ctx context.Context, query string, args []any) (rows, error) {
	if err := c.f.call(); err != nil {
		return nil, err
	}
	return c.conn.rows(ctx, query, args)
}

// many counts a call for each run; those before the one that fails are made.
func (c failingConn) many(ctx context.Context, found func(int, row) error, query string, runs [][]any) error {
	for i := range runs {
		if err := c.f.call(); err != nil {
			return errors.Join(err, c.conn.many(ctx, found, query, runs[:i]))
		}
	}
	return c.conn.many(ctx, found, query, runs)
}

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

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
