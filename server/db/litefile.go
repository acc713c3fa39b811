package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
)

// How a database was left, according to the note beside it. Both have the same
// length, so that a note is replaced in place and needs no new disk space.
const (
	noteInUse  = "in use\n"
	noteClosed = "closed\n"
)

// A liteFile is an SQLite file and the files beside it: the write-ahead log
// (-wal), which has the latest changes while the database is in use; the lock
// for opening and closing (.lock); the lock that all stores with the open file
// share (.users); and the note (.state), which exists as soon as there is
// something to lose. Some space is reserved for a start on a full disk
// (.reserve).
type liteFile struct {
	path  string
	users *flock.Flock
	// main and log are the files as they were when the database was opened.
	main, log fs.FileInfo
}

func newLiteFile(path string) (*liteFile, error) {
	path, err := checkPath(path)
	return &liteFile{path: path, users: flock.New(path + ".users")}, err
}

// checkPath returns the absolute path of a database. Its folder must exist.
func checkPath(path string) (string, error) {
	if path == "" {
		return "", errors.New("sqlite: the path of the file is missing")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("sqlite: %w", err)
	}
	folder, err := os.Stat(filepath.Dir(path))
	if errors.Is(err, fs.ErrPermission) {
		return "", fmt.Errorf("sqlite: this user may not enter the folder of %s; allow it, or run as its owner: %w", path, err)
	}
	if err != nil || !folder.IsDir() {
		return "", fmt.Errorf("sqlite: there is no folder %s", filepath.Dir(path))
	}
	return path, nil
}

func (f *liteFile) wal() string   { return f.path + "-wal" }
func (f *liteFile) state() string { return f.path + ".state" }

// lock waits until no other process opens or closes the database.
func (f *liteFile) lock(ctx context.Context) (unlock func(), err error) {
	l := flock.New(f.path + ".lock")
	if _, err := l.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fmt.Errorf("sqlite: the lock %s: %w", l.Path(), err)
	}
	return func() { l.Close() }, nil
}

// join makes this store one of the users. The caller holds the lock.
func (f *liteFile) join() error {
	ok, err := f.users.TryRLock()
	if err == nil && !ok {
		err = errors.New("another program has locked it")
	}
	if err != nil {
		return fmt.Errorf("the lock %s: %w", f.users.Path(), err)
	}
	return nil
}

// leave reports whether no user is left. The caller holds the lock.
func (f *liteFile) leave() (last bool) {
	f.users.Close()
	last, err := f.users.TryLock()
	f.users.Close()
	return last && err == nil
}

// note reads the note; it is empty if there is none.
func (f *liteFile) note() string {
	text, err := os.ReadFile(f.state())
	if err != nil {
		return ""
	}
	return string(text)
}

func (f *liteFile) write(note string) error {
	w, err := os.OpenFile(f.state(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("the note beside the database: %w", err)
	}
	_, err = w.WriteAt([]byte(note), 0)
	if err := errors.Join(err, w.Sync(), w.Close()); err != nil {
		return fmt.Errorf("the note beside the database: %w", err)
	}
	return nil
}

// prepare creates the file, accessible only to this user, if there was none
// before, and refuses one that is lost or that others can read. The caller
// holds the lock.
func (f *liteFile) prepare() error {
	if err := f.refuseLost(); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	return createFile(f.path)
}

// refuseLost returns an error if the database, or its latest changes, should
// exist and don't: a new file in its place would hide the loss.
func (f *liteFile) refuseLost() error {
	note, size, logSize := f.note(), sizeOf(f.path), sizeOf(f.wal())
	switch {
	case size <= 0 && (note != "" || logSize > 0):
		return f.lost("is gone or empty, and it was in use before")
	case logSize < 0 && note == noteInUse:
		return fmt.Errorf("%s is missing, and the database wasn't closed after its last use: if that file was deleted, its latest changes are lost. "+
			"Put it back. If you have just restored a backup, or have opened the database with another program since then, nothing is lost: delete %s and start again", f.wal(), f.state())
	}
	return nil
}

func (f *liteFile) lost(what string) error {
	return fmt.Errorf("the database %s %s. Put it back or restore a backup. "+
		"To start with a new, empty database, delete it, %[1]s-wal and %[3]s, if they exist", f.path, what, f.state())
}

// sizeOf returns -1 for a missing file.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// createFile creates the file, accessible only to this user, and refuses one
// that others can read. An existing file isn't opened: closing it again would
// release the locks that SQLite holds on it elsewhere in this process.
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

// opened remembers the files that SQLite has opened.
func (f *liteFile) opened() (err error) {
	if f.main, err = os.Stat(f.path); err != nil {
		return err
	}
	f.log, err = os.Stat(f.wal())
	return err
}

// check returns an error if these are no longer the files that SQLite has open.
// SQLite would continue and store changes in a deleted file.
func (f *liteFile) check() error {
	for _, file := range []struct {
		path string
		was  fs.FileInfo
	}{{f.path, f.main}, {f.wal(), f.log}} {
		is, err := os.Stat(file.path)
		switch {
		case errors.Is(err, fs.ErrPermission):
			return unavailableError("this user may not enter the folder of " + file.path + " any more; allow it, and the service continues")
		case err != nil || !os.SameFile(file.was, is):
			return unavailableError(file.path + " was deleted or replaced while the service used it: stop the service, and restore a backup if it doesn't start again")
		}
	}
	return nil
}

// reserveSize is more than SQLite needs to open a database with a write-ahead
// log: it creates an index of it in shared memory, which is a file (-shm).
const reserveSize = 256 << 10

func (f *liteFile) reserve() string { return f.path + ".reserve" }

// keepReserve reserves some space for the next start, which may find the disk
// full. If there is none now, it does nothing.
func (f *liteFile) keepReserve() {
	if sizeOf(f.reserve()) == reserveSize {
		return
	}
	if err := os.WriteFile(f.reserve(), make([]byte, reserveSize), 0o600); err != nil {
		os.Remove(f.reserve())
	}
}

// spendReserve frees the reserved space. It reports whether there was any.
func (f *liteFile) spendReserve() bool { return os.Remove(f.reserve()) == nil }
