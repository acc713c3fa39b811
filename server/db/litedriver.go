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

// A fuse blows when the disk did not keep what it was given to keep. The system
// then forgets that it has to, so what is read back proves nothing, and neither
// does a later write that succeeds.
type fuse struct {
	once  sync.Once
	blown chan struct{} // closed then
	err   error         // and why, from then on
}

// see takes in an error of a connection that writes to the path.
func (f *fuse) see(path string, err error) {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok || e.Code() != sqlite3.SQLITE_IOERR_FSYNC && e.Code() != sqlite3.SQLITE_IOERR_DIR_FSYNC {
		return
	}
	f.once.Do(func() {
		f.err = awayError(fmt.Sprintf("the disk did not keep what was written to %s (%v), and nothing more is written. "+
			"Look after the disk and its file system, then start the service again: it writes the latest changes anew before it serves. "+
			"If it doesn't start, restore a backup", path, err))
		close(f.blown)
	})
}

// check returns an error when the fuse has blown.
func (f *fuse) check() error {
	select {
	case <-f.blown:
		return f.err
	default:
		return nil
	}
}

// A fused connector opens connections that no statement passes once the fuse has
// blown, whoever runs it.
type fusedConnector struct {
	driver.Connector
	path string
	fuse *fuse
}

// openFused opens the file to write to it.
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
	return fusedConn{conn.(wholeConn), c}, nil
}

func (c fusedConnector) seen(err error) error {
	c.fuse.see(c.path, err)
	return err
}

// A wholeConn is all that database/sql asks of a connection.
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
}

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

// fusedRows are rows after the last of which a statement outside of a
// transaction is kept.
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

// Commit keeps the transaction.
func (t fusedTx) Commit() error {
	if err := t.from.fuse.check(); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	return t.from.seen(t.Tx.Commit())
}
