package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A fuse blows when the disk failed to store a write. The system then forgets
// the failure, so reading the data back proves nothing, and neither does a
// later write that succeeds.
type fuse struct {
	once  sync.Once
	blown chan struct{} // closed when it blows
	err   error         // the cause, from then on
}

// see checks an error of a connection that writes to the path.
func (f *fuse) see(path string, err error) {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok || e.Code() != sqlite3.SQLITE_IOERR_FSYNC && e.Code() != sqlite3.SQLITE_IOERR_DIR_FSYNC {
		return
	}
	f.once.Do(func() {
		f.err = unavailableError(fmt.Sprintf("the disk failed to store what was written to %s (%v), and nothing more is written. "+
			"Check the disk and its file system, then start the service again: it rewrites the latest changes before it serves. "+
			"If it doesn't start, restore a backup", path, err))
		close(f.blown)
	})
}

// check returns an error if the fuse has blown.
func (f *fuse) check() error {
	select {
	case <-f.blown:
		return f.err
	default:
		return nil
	}
}

// A fused connector opens connections that refuse every statement once the fuse
// has blown.
type fusedConnector struct {
	driver.Connector
	path string
	fuse *fuse
}

// openFused opens the file for writing.
func openFused(path, dsn string, f *fuse) (*sql.DB, error) {
	base, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(fusedConnector{base, path, f}), nil
}

// Connect opens a connection.
func (c fusedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, c.seen(err)
	}
	return fusedConn{conn.(wholeConn), c, kept{}}, nil
}

func (c fusedConnector) seen(err error) error {
	c.fuse.see(c.path, err)
	return err
}

// A wholeConn is everything that database/sql uses of a connection.
type wholeConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type fusedConn struct {
	wholeConn
	from fusedConnector
	kept kept
}

// PrepareContext returns a parsed statement. It is for statements of
// transactions: their commit checks the fuse.
func (c fusedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.kept.statement(ctx, c.wholeConn, query)
}

// Close closes the connection.
func (c fusedConn) Close() error { return errors.Join(c.kept.close(), c.wholeConn.Close()) }

// BeginTx begins a transaction.
func (c fusedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.from.fuse.check(); err != nil {
		return nil, err
	}
	t, err := c.wholeConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, c.from.seen(err)
	}
	return fusedTx{t, c.from}, nil
}

// ExecContext runs a statement.
func (c fusedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.from.fuse.check(); err != nil {
		return nil, err
	}
	r, err := c.wholeConn.ExecContext(ctx, query, args)
	return r, c.from.seen(err)
}

// QueryContext runs a query.
func (c fusedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.from.fuse.check(); err != nil {
		return nil, err
	}
	r, err := c.wholeConn.QueryContext(ctx, query, args)
	if err != nil {
		return nil, c.from.seen(err)
	}
	return fusedRows{r, c.from}, nil
}

// fusedRows are rows that end a statement outside of a transaction: it commits
// after the last one.
type fusedRows struct {
	driver.Rows
	from fusedConnector
}

// Next reads a row.
func (r fusedRows) Next(dest []driver.Value) error { return r.from.seen(r.Rows.Next(dest)) }

// Close ends the statement.
func (r fusedRows) Close() error { return r.from.seen(r.Rows.Close()) }

type fusedTx struct {
	driver.Tx
	from fusedConnector
}

// Commit commits the transaction.
func (t fusedTx) Commit() error {
	if err := t.from.fuse.check(); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	return t.from.seen(t.Tx.Commit())
}
