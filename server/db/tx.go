package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrNoRows is what Scan returns if a query for one row finds none.
var ErrNoRows = sql.ErrNoRows

// A Tx is one transaction, or a reader for single statements. Its statements
// end with its context.
type Tx struct {
	ctx  context.Context
	conn conn
	// insert is nil in a reader.
	insert inserter
	// limits are those of the statements of a reader.
	limits timeouts
	watch  func(Call) error
	// last are the statements that run with the commit.
	last []statement
}

// A statement is one that runs with the commit.
type statement struct {
	query string
	args  []any
}

// A Call is a call of a Tx to the database.
type Call struct {
	// Query is a statement, or empty for a job or a commit.
	Query string
	Args  []any
	// Reads says that the statement runs outside of a transaction.
	Reads bool
}

// watched returns the watcher's error for the call, if there is one.
func (t *Tx) watched(query string, args []any) error {
	if t.watch == nil {
		return nil
	}
	return t.watch(Call{Query: query, Args: args, Reads: t.insert == nil})
}

// Exec runs a statement and returns how many rows it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	if err := t.watched(query, args); err != nil {
		return 0, err
	}
	ctx, end := t.limit()
	defer end()
	n, err := t.conn.exec(ctx, query, args)
	return n, because(ctx, err)
}

// Row runs a query for one row. Scan returns ErrNoRows if there is none.
func (t *Tx) Row(query string, args ...any) Row {
	if err := t.watched(query, args); err != nil {
		return failedRow{err}
	}
	ctx, end := t.limit()
	return limitedRow{t.conn.row(ctx, query, args), ctx, end}
}

// Head runs a query that locks the one row that all writers wait for, for
// example the head of a log. Later statements should use Finally: the row is
// then locked for only one round trip to the database. If that takes longer
// than a tenth of a call's time, PostgreSQL aborts the transaction.
func (t *Tx) Head(query string, args ...any) Row {
	if err := t.watched(query, args); err != nil {
		return failedRow{err}
	}
	return t.conn.head(t.ctx, query, args)
}

// Finally runs a statement, whose result isn't needed, at the end of the
// transaction. PostgreSQL gets all of these together with the commit.
func (t *Tx) Finally(query string, args ...any) error {
	t.last = append(t.last, statement{query, args})
	return t.watched(query, args)
}

// ByKey runs a fixed single-row query through the statement cache.
func (t *Tx) ByKey(query string, args ...any) Row {
	if err := t.watched(query, args); err != nil {
		return failedRow{err}
	}
	ctx, end := t.limit()
	return limitedRow{t.conn.byKey(ctx, query, args), ctx, end}
}

// ByKeys runs a fixed query through the statement cache and calls fn for every
// row. The query ends with a column, which must be one of the keys.
func (t *Tx) ByKeys(fn func(Row) error, query string, keys []string) error {
	query += t.conn.among()
	if err := t.watched(query, []any{keys}); err != nil {
		return err
	}
	ctx, end := t.limit()
	defer end()
	r, err := t.conn.byKeys(ctx, query, keys)
	return each(ctx, fn, r, err)
}

// Table returns a table of the values, for the FROM of a statement, and the
// argument that the statement must have at the position, starting at 1. The
// table's only column is named value.
func (t *Tx) Table(position int, values []string) (from string, arg any) {
	return t.conn.table(position, values)
}

// Each runs a query and calls fn for every row.
func (t *Tx) Each(fn func(Row) error, query string, args ...any) error {
	if err := t.watched(query, args); err != nil {
		return err
	}
	ctx, end := t.limit()
	defer end()
	r, err := t.conn.rows(ctx, query, args)
	return each(ctx, fn, r, err)
}

// each calls fn for every row of a query that has returned r and err.
func each(ctx context.Context, fn func(Row) error, r rows, err error) error {
	if err != nil {
		return because(ctx, err)
	}
	defer r.Close()
	for r.Next() {
		if err := fn(r); err != nil {
			return because(ctx, err)
		}
	}
	return because(ctx, r.Err())
}

// Many runs a statement once for each list of arguments, in order, and calls
// found, which may be nil, with each row that run i returns. PostgreSQL gets
// them all at once.
func (t *Tx) Many(found func(i int, r Row) error, query string, runs [][]any) error {
	ctx, end := t.limit()
	defer end()
	for i, args := range runs {
		if err := t.watched(query, args); err != nil { // the earlier ones were sent
			if i == 0 {
				return err
			}
			return errors.Join(err, t.conn.many(ctx, found, query, runs[:i]))
		}
	}
	if len(runs) == 0 {
		return nil
	}
	return because(ctx, t.conn.many(ctx, found, query, runs))
}

// Locks reports whether rows can be locked individually. Otherwise there is one
// writer at a time, and Share and Exclusive are empty.
func (t *Tx) Locks() bool { return t.conn.locks() }

// Share ends a SELECT whose rows must not be deleted or locked by Exclusive
// before the transaction ends. Its tables are listed in order.
func (t *Tx) Share(tables ...string) string {
	if !t.Locks() {
		return ""
	}
	return " FOR KEY SHARE OF " + strings.Join(tables, ", ")
}

// Exclusive ends a SELECT that locks its rows for this transaction only.
func (t *Tx) Exclusive() string {
	if !t.Locks() {
		return ""
	}
	return " FOR UPDATE"
}

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

// A conn runs statements on one of the two databases.
type conn interface {
	exec(ctx context.Context, query string, args []any) (int64, error)
	row(ctx context.Context, query string, args []any) Row
	byKey(ctx context.Context, query string, args []any) Row
	// byKeys runs a query that ends with among().
	byKeys(ctx context.Context, query string, keys []string) (rows, error)
	// among is the condition, after a column, that it is one of the keys in $1.
	among() string
	// table is [Tx.Table].
	table(position int, values []string) (from string, arg any)
	// head is row for the last lock of a transaction.
	head(ctx context.Context, query string, args []any) Row
	rows(ctx context.Context, query string, args []any) (rows, error)
	// many is [Tx.Many]. found may be nil.
	many(ctx context.Context, found func(i int, r Row) error, query string, runs [][]any) error
	// rowsAtOnce is the best number of rows for one INSERT.
	rowsAtOnce() int
	// locks reports whether rows can be locked individually. Otherwise there is
	// one writer at a time.
	locks() bool
}

// A Row is a row that a query found.
type Row interface {
	Scan(dest ...any) error
}

type rows interface {
	Row
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

// rowsAtOnce is one: a statement for several rows takes as long as one for each.
func (c liteConn) rowsAtOnce() int { return 1 }

func (c liteConn) exec(ctx context.Context, query string, args []any) (int64, error) {
	r, err := c.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (c liteConn) row(ctx context.Context, query string, args []any) Row {
	return c.db.QueryRowContext(ctx, query, args...)
}

func (c liteConn) byKey(ctx context.Context, query string, args []any) Row {
	return c.row(ctx, query, args)
}

func (c liteConn) among() string { return ` IN (SELECT value FROM json_each($1))` }

func (c liteConn) table(position int, values []string) (from string, arg any) {
	list, _ := json.Marshal(append([]string{}, values...)) // of strings it can't fail; nil would be one NULL
	return fmt.Sprintf("json_each($%d)", position), string(list)
}

func (c liteConn) byKeys(ctx context.Context, query string, keys []string) (rows, error) {
	_, list := c.table(1, keys)
	return c.rows(ctx, query, []any{list})
}

func (c liteConn) head(ctx context.Context, query string, args []any) Row {
	stmt, err := c.db.PrepareContext(ctx, query)
	if err != nil {
		return failedRow{err}
	}
	return stmtRow{stmt.QueryRowContext(context.WithoutCancel(ctx), args...), stmt}
}

// A stmtRow is the row of a statement that isn't used again.
type stmtRow struct {
	*sql.Row
	stmt *sql.Stmt
}

// Scan reads the row.
func (r stmtRow) Scan(dest ...any) error {
	defer r.stmt.Close()
	return r.Row.Scan(dest...)
}

func (c liteConn) rows(ctx context.Context, query string, args []any) (rows, error) {
	return c.db.QueryContext(ctx, query, args...)
}

func (c liteConn) many(ctx context.Context, found func(i int, r Row) error, query string, runs [][]any) error {
	stmt, err := c.db.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer stmt.Close()
	// ctx doesn't interrupt a statement: that would cost more than the statement
	// itself.
	whole := context.WithoutCancel(ctx)
	for i, args := range runs {
		if err = ctx.Err(); err != nil {
			return err
		}
		if found == nil {
			_, err = stmt.ExecContext(whole, args...)
		} else {
			err = liteRows(whole, stmt, args, func(r Row) error { return found(i, r) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func liteRows(ctx context.Context, stmt *sql.Stmt, args []any, found func(Row) error) error {
	r, err := stmt.QueryContext(ctx, args...)
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
	headTimeout time.Duration // of a transaction
}

func (c pgConn) locks() bool { return true }

func (c pgConn) rowsAtOnce() int { return 100 }

func (c pgConn) exec(ctx context.Context, query string, args []any) (int64, error) {
	tag, err := c.db.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

func (c pgConn) row(ctx context.Context, query string, args []any) Row {
	return c.db.QueryRow(ctx, query, args...)
}

func (c pgConn) byKey(ctx context.Context, query string, args []any) Row {
	return c.row(ctx, query, args)
}

func (c pgConn) among() string { return ` = ANY($1)` }

func (c pgConn) table(position int, values []string) (from string, arg any) {
	return fmt.Sprintf("unnest($%d::text[]) AS given (value)", position), values
}

func (c pgConn) byKeys(ctx context.Context, query string, keys []string) (rows, error) {
	return c.rows(ctx, query, []any{keys})
}

// head makes PostgreSQL abort the transaction soon if this process is
// disconnected: everyone else waits meanwhile.
func (c pgConn) head(ctx context.Context, query string, args []any) Row {
	var b pgx.Batch
	b.Queue(`SELECT set_config('idle_in_transaction_session_timeout', $1, true)`, pgTime(c.headTimeout))
	b.Queue(query, args...)
	return headRow{c.db.SendBatch(ctx, &b)}
}

// A headRow is the row of the second of two statements.
type headRow struct{ pgx.BatchResults }

// Scan reads the row.
func (r headRow) Scan(dest ...any) error {
	_, err := r.Exec()
	if err == nil {
		err = r.QueryRow().Scan(dest...)
	}
	if closed := r.Close(); err == nil {
		err = closed
	}
	return err
}

func (c pgConn) rows(ctx context.Context, query string, args []any) (rows, error) {
	r, err := c.db.Query(ctx, query, args...)
	return pgRows{r}, err
}

func (c pgConn) many(ctx context.Context, found func(i int, r Row) error, query string, runs [][]any) error {
	var b pgx.Batch
	for i, args := range runs {
		queued := b.Queue(query, args...)
		if found == nil {
			queued.Exec(func(pgconn.CommandTag) error { return nil })
			continue
		}
		queued.Query(func(r pgx.Rows) error {
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
