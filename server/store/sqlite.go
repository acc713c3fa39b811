package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
)

const (
	// SQLite lets one writer in at a time; the others wait this long.
	liteBusyMillis = "10000"
	liteReaders    = 8
)

// A liteDB is an SQLite file: one connection that writes, some that read.
type liteDB struct {
	writer, readers *sql.DB
}

func openSQLite(ctx context.Context, path string) (_ *liteDB, err error) {
	if path, err = checkPath(path); err != nil {
		return nil, err
	}
	unlock, err := lockFile(ctx, path+".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := createFile(path); err != nil {
		return nil, err
	}
	l := &liteDB{}
	if err := l.open(ctx, path); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// open opens the reading connections last: they cannot turn a new file into
// one with a write-ahead log.
func (l *liteDB) open(ctx context.Context, path string) (err error) {
	l.writer, err = sql.Open("sqlite", liteDSN(path, "foreign_keys(1)", "journal_mode(WAL)", "synchronous(FULL)"))
	if err != nil {
		return err
	}
	l.writer.SetMaxOpenConns(1)
	if err := l.checkDurable(ctx); err != nil {
		return err
	}
	if err := migrate(ctx, goose.DialectSQLite3, l.writer); err != nil {
		return err
	}
	l.readers, err = sql.Open("sqlite", liteDSN(path, "query_only(1)"))
	if err != nil {
		return err
	}
	l.readers.SetMaxOpenConns(liteReaders)
	l.readers.SetMaxIdleConns(liteReaders)
	return nil
}

// checkDurable makes sure that a commit which returned outlives a power cut.
func (l *liteDB) checkDurable(ctx context.Context) error {
	var journal string
	if err := l.writer.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&journal); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	var synchronous int
	if err := l.writer.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if journal != "wal" || synchronous != 2 {
		return fmt.Errorf("sqlite: the file system allows no write-ahead log (journal %q, synchronous %d)", journal, synchronous)
	}
	return nil
}

func (l *liteDB) transact(ctx context.Context, fn func(*tx) error) error {
	t, err := l.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() // does nothing after Commit
	if err := fn(&tx{ctx, liteConn{t}}); err != nil {
		return err
	}
	return t.Commit()
}

func (l *liteDB) reader() conn { return liteConn{l.readers} }

func (l *liteDB) close() {
	for _, db := range []*sql.DB{l.readers, l.writer} {
		if db != nil {
			db.Close()
		}
	}
}

// liteDSN is how the driver is told of a file. It sets busy_timeout before
// any other pragma. Transactions lock for writing when they begin: one that
// starts by reading would fail at its first write instead of waiting.
func liteDSN(path string, pragmas ...string) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(" + liteBusyMillis + ")"}}
	q["_pragma"] = append(q["_pragma"], pragmas...)
	if path = filepath.ToSlash(path); path[0] != '/' {
		path = "/" + path // C:/…
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

func checkPath(path string) (string, error) {
	if path == "" {
		return "", errors.New("sqlite: the path of the file is missing")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("sqlite: %w", err)
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil || !folder.IsDir() {
		return "", fmt.Errorf("sqlite: there is no folder %s", filepath.Dir(path))
	}
	return path, nil
}

// createFile makes the file for this user alone, and refuses one that others
// can read. A file that exists is not opened: closing it again would drop the
// locks that SQLite holds on it elsewhere in this process.
func createFile(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
		return f.Close()
	}
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("sqlite: %s is not a file", path)
	}
	if p := info.Mode().Perm(); p&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("sqlite: others can read or write %s (mode %04o): run chmod 600", path, p)
	}
	return nil
}

// lockFile waits until no other process holds the lock.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	l := flock.New(path)
	if _, err := l.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fmt.Errorf("sqlite: lock %s: %w", path, err)
	}
	return func() { l.Close() }, nil
}
