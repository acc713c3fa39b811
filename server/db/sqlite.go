package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/updatecase/mobileconfig/server/fault"
)

const (
	liteReaders = 8
	// liteCheckSize is the maximum size of a file that is checked completely at
	// start.
	liteCheckSize = 64 << 20
	// liteLogSize is the size at which the write-ahead log is copied into the
	// file. SQLite would do so by itself, but without reporting failures.
	liteLogSize = 8 << 20
)

// A liteDB is an SQLite file: one connection that writes, some that read.
type liteDB struct {
	file            *liteFile
	limits          timeouts
	writer, readers *sql.DB
	kept            *liteReader // over readers
	// anchor is a connection that stays open: SQLite deletes the write-ahead
	// log when the last connection closes, and others come and go.
	anchor *sql.Conn
	jobs   *river.Client[*sql.Tx]
	fuse   fuse // of the writer
}

func openSQLite(ctx context.Context, path string, limits timeouts) (*liteDB, error) {
	file, err := newLiteFile(path)
	if err != nil {
		return nil, err
	}
	unlock, err := file.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := file.prepare(); err != nil {
		return nil, err
	}
	l, err := openLite(ctx, file, limits)
	if liteFull(err) && file.spendReserve() {
		// Reads are served, and writes fail until there is space.
		l, err = openLite(ctx, file, limits)
	} else if err == nil {
		file.keepReserve()
	}
	return l, err
}

func openLite(ctx context.Context, file *liteFile, limits timeouts) (*liteDB, error) {
	l := &liteDB{file: file, limits: limits, fuse: fuse{blown: make(chan struct{})}}
	if err := l.open(ctx); err != nil {
		l.disconnect()
		return nil, l.explain(err)
	}
	return l, nil
}

// open doesn't change a foreign or damaged file. With secure_delete, deleted
// content is overwritten in the file.
func (l *liteDB) open(ctx context.Context) (err error) {
	l.writer, err = openFused(l.file.path, liteDSN(l.file.path, readWrite, l.limits, "foreign_keys(1)", "synchronous(FULL)", "cache_spill(0)", "secure_delete(FAST)",
		"wal_autocheckpoint(0)", fmt.Sprintf("journal_size_limit(%d)", liteLogSize)), &l.fuse)
	if err != nil {
		return err
	}
	l.writer.SetMaxOpenConns(1)
	for _, step := range []func(context.Context) error{
		l.checkContent, l.checkDurable, l.migrate, l.checkWritable, l.openReaders, l.rewrite,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return errors.Join(l.file.opened(), l.file.join(), l.file.write(noteInUse))
}

// checkContent refuses another program's database, a damaged one, and one that
// has lost its tables.
func (l *liteDB) checkContent(ctx context.Context) error {
	have, err := tables(ctx, l.writer, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`)
	if err != nil {
		return err
	}
	if err := refuseForeign(have); err != nil {
		return fmt.Errorf("%s %w", l.file.path, err)
	}
	if len(have) == 0 && l.file.note() != "" {
		return l.file.lost("has no tables, and it was in use before")
	}
	if sizeOf(l.file.path) > liteCheckSize {
		return nil
	}
	var found string
	if err := l.writer.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return errDamaged
	}
	return nil
}

// checkDurable ensures that a commit that returned survives a power loss.
func (l *liteDB) checkDurable(ctx context.Context) error {
	var journal string
	if err := l.writer.QueryRowContext(ctx, `PRAGMA journal_mode = WAL`).Scan(&journal); err != nil {
		return err
	}
	var synchronous int
	if err := l.writer.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous); err != nil {
		return err
	}
	if journal != "wal" || synchronous != 2 {
		return fmt.Errorf("the file system allows no write-ahead log (journal %q, synchronous %d)", journal, synchronous)
	}
	return nil
}

func (l *liteDB) migrate(ctx context.Context) (err error) {
	driver := riversqlite.New(l.writer)
	if current, _ := isCurrent(ctx, liteConn{l.writer}, driver); !current {
		if err := migrate(ctx, goose.DialectSQLite3, l.writer); err != nil {
			return err
		}
		if err := migrateJobs(ctx, driver); err != nil {
			return err
		}
	}
	l.jobs, err = newInserter(driver)
	return err
}

// runner uses the writing connection: it takes its turn between the
// transactions of the store, for one or two statements.
func (l *liteDB) runner(_ context.Context, config *river.Config) (runner, func(), error) {
	client, err := river.NewClient(riversqlite.New(l.writer), config)
	return client, func() {}, err
}

// checkWritable writes nothing, in a way that works only in a writable
// database.
func (l *liteDB) checkWritable(ctx context.Context) error {
	return l.transact(ctx, func(t *Tx) error {
		_, err := t.Exec(`DELETE FROM limits WHERE key IS NULL`)
		return err
	})
}

// openReaders opens the reading connections. They can't enable the write-ahead
// log in a new file and therefore come last.
func (l *liteDB) openReaders(ctx context.Context) (err error) {
	l.readers, err = sql.Open("sqlite", liteDSN(l.file.path, readWrite, l.limits, "query_only(1)"))
	if err != nil {
		return err
	}
	l.readers.SetMaxOpenConns(liteReaders + 1) // one is the anchor
	l.readers.SetMaxIdleConns(liteReaders + 1)
	l.kept = newLiteReader(l.readers)
	if l.anchor, err = l.readers.Conn(ctx); err != nil {
		return err
	}
	var n int
	return l.anchor.QueryRowContext(ctx, `SELECT COUNT(*) FROM accounts`).Scan(&n)
}

// rewrite moves the latest changes from the write-ahead log into the file after
// a process that didn't close it. Before, no one knows whether all of the log
// is on the disk. It matters if the disk failed, and costs nothing otherwise. A
// full disk postpones it.
func (l *liteDB) rewrite(ctx context.Context) error {
	if l.file.note() != noteInUse {
		return nil
	}
	if _, err := l.writer.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil && l.errorCode(err) != fault.StorageFull {
		return errors.Join(l.fuse.check(), err)
	}
	return nil
}

func (l *liteDB) transact(ctx context.Context, fn func(*Tx) error) error {
	conn, err := l.turn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	t, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() // no effect after Commit
	x := &Tx{ctx: ctx, conn: liteConn{t}, insert: insertInto(l.jobs, t)}
	if err := fn(x); err != nil {
		return err
	}
	if err := x.finish(); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return err
	}
	if sizeOf(l.file.wal()) > liteLogSize {
		// The transaction is committed. A failure here happens again, or blows
		// the fuse.
		_, _ = conn.ExecContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`)
	}
	return nil
}

// finish runs the statements that were left for the end. Repeated ones are
// parsed once.
func (t *Tx) finish() error {
	for rest := t.last; len(rest) > 0; {
		var runs [][]any
		query := rest[0].query
		for ; len(rest) > 0 && rest[0].query == query; rest = rest[1:] {
			runs = append(runs, rest[0].args)
		}
		if err := t.conn.many(t.ctx, nil, query, runs); err != nil {
			return err
		}
	}
	return nil
}

// turn waits for the writing connection, but no longer than it would wait for
// another process.
func (l *liteDB) turn(ctx context.Context) (*sql.Conn, error) {
	if l.file.main != nil {
		if err := l.file.check(); err != nil {
			return nil, err
		}
	}
	wait, cancel := context.WithTimeout(ctx, l.limits.turn())
	defer cancel()
	conn, err := l.writer.Conn(wait)
	if err != nil && ctx.Err() == nil && wait.Err() != nil {
		return nil, unavailableError("writes are waiting for one that doesn't end")
	}
	return conn, err
}

func (l *liteDB) reader() conn { return l.kept }

func (l *liteDB) ping(ctx context.Context) error {
	if err := errors.Join(l.fuse.check(), l.file.check()); err != nil {
		return err
	}
	var n int64
	return l.anchor.QueryRowContext(ctx, `SELECT id FROM installation`).Scan(&n)
}

func (l *liteDB) touch(ctx context.Context) error {
	return l.transact(ctx, func(t *Tx) error {
		_, err := t.Exec(touch)
		return err
	})
}

func (l *liteDB) broken() (<-chan struct{}, func() error) { return l.fuse.blown, l.fuse.check }

// close waits for the lock: a process that opens the database at this moment
// must find a note that agrees with the write-ahead log.
func (l *liteDB) close() {
	if l.fuse.check() != nil {
		return // the process ends: closing the file would write to it
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.limits.turn())
	defer cancel()
	if unlock, err := l.file.lock(ctx); err == nil {
		defer unlock()
	}
	l.disconnect()
}

// disconnect closes the connections. With the last one SQLite deletes the
// write-ahead log, so the last user updates the note first.
func (l *liteDB) disconnect() {
	if l.file.leave() && l.file.note() == noteInUse {
		_ = l.file.write(noteClosed) // or the next start expects the log
	}
	if l.anchor != nil {
		l.anchor.Close()
	}
	for _, db := range []*sql.DB{l.readers, l.writer} {
		if db != nil {
			db.Close()
		}
	}
}

// Modes of opening a file: none of them creates one.
const (
	readWrite = "rw"
	// readOnly also keeps the write-ahead log when the last connection closes.
	readOnly = "ro"
)

// liteDSN returns the driver's name for a file. It sets busy_timeout before any
// other pragma. Transactions take the write lock when they begin: one that
// starts by reading would fail at its first write instead of waiting.
func liteDSN(path, mode string, limits timeouts, pragmas ...string) string {
	q := url.Values{"mode": {mode}, "_txlock": {"immediate"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", limits.turn().Milliseconds())}}
	q["_pragma"] = append(q["_pragma"], pragmas...)
	if path = filepath.ToSlash(path); path[0] != '/' {
		path = "/" + path // C:/…
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}
