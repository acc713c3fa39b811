package store

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A tx is one transaction, or a reader for single statements. Its statements
// end with its context.
type tx struct {
	ctx  context.Context
	conn conn
	// insert is nil in a reader.
	insert inserter
	// hooks is how many webhooks the account has whose log was written.
	hooks int64
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	return t.conn.exec(t.ctx, query, args)
}

// row runs a query for one row. Scan returns sql.ErrNoRows if there is none.
func (t *tx) row(query string, args ...any) row {
	return t.conn.row(t.ctx, query, args)
}

// byKey is row for a statement that is the same each time and finds its one row
// by a key, at once.
func (t *tx) byKey(query string, args ...any) row {
	return t.conn.byKey(t.ctx, query, args)
}

// each runs a query and calls fn for every row.
func (t *tx) each(fn func(row) error, query string, args ...any) error {
	r, err := t.conn.rows(t.ctx, query, args)
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		if err := fn(r); err != nil {
			return err
		}
	}
	return r.Err()
}

// many runs a statement once for each of the lists of arguments, in their
// order, and calls found, which may be nil, with each row that the run of the
// index returns. To PostgreSQL they all go at once.
func (t *tx) many(found func(i int, r row) error, query string, runs [][]any) error {
	if len(runs) == 0 {
		return nil
	}
	if found == nil {
		found = func(int, row) error { return nil }
	}
	return t.conn.many(t.ctx, found, query, runs)
}

// A conn runs statements on one of the two databases.
type conn interface {
	exec(ctx context.Context, query string, args []any) (int64, error)
	row(ctx context.Context, query string, args []any) row
	byKey(ctx context.Context, query string, args []any) row
	rows(ctx context.Context, query string, args []any) (rows, error)
	many(ctx context.Context, found func(i int, r row) error, query string, runs [][]any) error
	// locks reports whether rows can be locked one by one. Otherwise there is
	// one writer at a time.
	locks() bool
}

type row interface {
	Scan(dest ...any) error
}

type rows interface {
	row
	Next() bool
	Err() error
	Close() error
}

// A liteConn is a conn over database/sql: a *sql.Tx or a *sql.DB.
type liteConn struct {
	db interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}
}

func (c liteConn) locks() bool { return false }

func (c liteConn) exec(ctx context.Context, query string, args []any) (int64, error) {
	r, err := c.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (c liteConn) row(ctx context.Context, query string, args []any) row {
	return c.db.QueryRowContext(ctx, query, args...)
}

func (c liteConn) byKey(ctx context.Context, query string, args []any) row {
	return c.row(ctx, query, args)
}

func (c liteConn) rows(ctx context.Context, query string, args []any) (rows, error) {
	return c.db.QueryContext(ctx, query, args...)
}

func (c liteConn) many(ctx context.Context, found func(i int, r row) error, query string, runs [][]any) error {
	stmt, err := c.db.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for i, args := range runs {
		if err := liteRun(ctx, stmt, args, func(r row) error { return found(i, r) }); err != nil {
			return err
		}
	}
	return nil
}

// liteRun does not let ctx interrupt the statement, which would cost more than
// the statement itself.
func liteRun(ctx context.Context, stmt *sql.Stmt, args []any, found func(row) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := stmt.QueryContext(context.WithoutCancel(ctx), args...)
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		if err := found(r); err != nil {
			return err
		}
	}
	return r.Err()
}

// A pgConn is a conn over pgx: a pgx.Tx or a *pgxpool.Pool.
type pgConn struct {
	db interface {
		Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
		Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
		QueryRow(ctx context.Context, query string, args ...any) pgx.Row
		SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	}
}

func (c pgConn) locks() bool { return true }

func (c pgConn) exec(ctx context.Context, query string, args []any) (int64, error) {
	tag, err := c.db.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

func (c pgConn) row(ctx context.Context, query string, args []any) row {
	return c.db.QueryRow(ctx, query, args...)
}

func (c pgConn) byKey(ctx context.Context, query string, args []any) row {
	return c.row(ctx, query, args)
}

func (c pgConn) rows(ctx context.Context, query string, args []any) (rows, error) {
	r, err := c.db.Query(ctx, query, args...)
	return pgRows{r}, err
}

func (c pgConn) many(ctx context.Context, found func(i int, r row) error, query string, runs [][]any) error {
	var b pgx.Batch
	for i, args := range runs {
		b.Queue(query, args...).Query(func(r pgx.Rows) error {
			for r.Next() {
				if err := found(i, r); err != nil {
					return err
				}
			}
			return r.Err()
		})
	}
	return c.db.SendBatch(ctx, &b).Close()
}

// pgRows are pgx.Rows with the Close of *sql.Rows.
type pgRows struct{ pgx.Rows }

func (r pgRows) Close() error {
	r.Rows.Close()
	return nil
}
