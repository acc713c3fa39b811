package db_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// used returns the path of an SQLite database that has a link, was used by a
// store, and was closed.
func used(t *testing.T) string {
	t.Helper()
	database := storetest.EmptySQLite(t)
	s := storetest.Open(t, store.Config{Database: database})
	withLink(t, s, newLink("lnk_1"))
	s.Close()
	return database
}

// crashed returns the path of a copy of such a database in the state that a
// killed process leaves: with a write-ahead log.
func crashed(t *testing.T) string {
	t.Helper()
	alive := storetest.EmptySQLite(t)
	s := storetest.Open(t, store.Config{Database: alive})
	withLink(t, s, newLink("lnk_1"))
	copied := storetest.EmptySQLite(t)
	for _, end := range []string{"", "-wal", ".lock", ".state"} {
		data, err := os.ReadFile(file(alive) + end)
		must(t, err)
		must(t, os.WriteFile(file(copied)+end, data, 0o600))
	}
	return copied
}

func file(database string) string { return strings.TrimPrefix(database, "sqlite:") }

// foreign creates an SQLite database with the statement.
func foreign(t *testing.T, statement string) string {
	t.Helper()
	database := storetest.EmptySQLite(t)
	must(t, os.WriteFile(file(database), nil, 0o600))
	storetest.Exec(t, database, statement)
	return database
}

// wantRefused opens the database, expects an error with the words, and no
// changes of the files beside it, except locks and shared memory.
func wantRefused(t *testing.T, database string, words ...string) {
	t.Helper()
	before := files(t, database)
	s, err := store.Open(t.Context(), store.Config{Database: database})
	if err == nil {
		s.Close()
		t.Fatal("it was opened")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("got the error %q, want something with %q", err, word)
		}
	}
	after := files(t, database)
	for name := range after {
		if before[name] != after[name] {
			t.Errorf("%s has %d bytes and had %d, or other ones", name, len(after[name]), len(before[name]))
		}
	}
}

func files(t *testing.T, database string) map[string]string {
	t.Helper()
	found := map[string]string{}
	names, err := filepath.Glob(filepath.Join(filepath.Dir(file(database)), "*"))
	must(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "-shm") || strings.HasSuffix(name, ".lock") || strings.HasSuffix(name, ".users") {
			continue
		}
		data, err := os.ReadFile(name)
		must(t, err)
		found[filepath.Base(name)] = string(data)
	}
	return found
}

func TestForeignFileIsRefused(t *testing.T) {
	for name, statement := range map[string]string{
		"one table":       `CREATE TABLE things (id TEXT)`,
		"write-ahead log": `PRAGMA journal_mode = WAL; CREATE TABLE things (id TEXT)`,
		"another user of goose": `CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY, version_id INTEGER, is_applied INTEGER, tstamp TIMESTAMP);
			CREATE TABLE accounts (id TEXT)`,
		"some of our names": `CREATE TABLE accounts (id TEXT); CREATE TABLE logs (id TEXT); CREATE TABLE actions (id TEXT)`,
	} {
		t.Run(name, func(t *testing.T) {
			wantRefused(t, foreign(t, statement), "belongs to another program", "Use a separate database")
		})
	}
	for name, data := range map[string]string{
		"short text": "hello\n",
		"long text":  strings.Repeat("not a database ", 1000),
		"binary":     "\x89PNG\r\n\x1a\n" + strings.Repeat("\x00\xff", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			database := storetest.EmptySQLite(t)
			must(t, os.WriteFile(file(database), []byte(data), 0o600))
			wantRefused(t, database, "is not an SQLite database", "name another file")
		})
	}
}

func TestForeignPostgresIsRefused(t *testing.T) {
	database := storetest.EmptyPostgres(t)
	storetest.Exec(t, database, `CREATE TABLE things (id TEXT)`)
	s, err := store.Open(t.Context(), store.Config{Database: database})
	if err == nil {
		s.Close()
		t.Fatal("it was opened")
	}
	if !strings.Contains(err.Error(), "belongs to another program") {
		t.Errorf("got the error %v", err)
	}
	storetest.Exec(t, database, `DROP TABLE things`) // the only one: nothing was created beside it
	storetest.Open(t, store.Config{Database: database})
}

// TestLostDatabase removes files that a database needs. None of that may lead
// to a new empty one.
func TestLostDatabase(t *testing.T) {
	empty := func(path string) error { return os.WriteFile(path, nil, 0o600) }
	blank, err := os.ReadFile(file(foreign(t, `CREATE TABLE things (id TEXT); DROP TABLE things`)))
	must(t, err)
	tests := []struct {
		name   string
		make   func(*testing.T) string
		damage func(path string) error
		want   string
	}{
		{"deleted", used, os.Remove, "Put it back or restore a backup"},
		{"emptied", used, empty, "is gone or empty"},
		{"without tables", used, func(path string) error { return os.WriteFile(path, blank, 0o600) }, "has no tables"},
		{"deleted after a crash", crashed, os.Remove, "is gone or empty"},
		{"deleted with its note after a crash", crashed, func(path string) error {
			return errors.Join(os.Remove(path), os.Remove(path+".state"))
		}, "is gone or empty"},
		{"emptied after a crash", crashed, empty, "is gone or empty"},
		{"the log deleted after a crash", crashed, func(path string) error { return os.Remove(path + "-wal") }, "latest changes are lost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			database := tt.make(t)
			must(t, tt.damage(file(database)))
			wantRefused(t, database, tt.want, file(database)+".state")
			// The solution that the error names.
			for _, end := range []string{"", "-wal", ".state"} {
				if tt.want != "latest changes are lost" || end == ".state" {
					os.Remove(file(database) + end)
				}
			}
			storetest.Open(t, store.Config{Database: database})
		})
	}
}

// TestSnapshotOfACrashedDatabase checks that a backup removes nothing.
func TestSnapshotOfACrashedDatabase(t *testing.T) {
	database := crashed(t)
	if _, err := db.Snapshot(t.Context(), database, t.TempDir(), time.Now(), io.Discard); err != nil {
		t.Fatal(err)
	}
	linkOf(t, storetest.Open(t, store.Config{Database: database}), "lnk_1")
}

// TestCrashedDatabaseOpens is the opposite: what a kill leaves isn't a loss.
func TestCrashedDatabaseOpens(t *testing.T) {
	s := storetest.Open(t, store.Config{Database: crashed(t)})
	linkOf(t, s, "lnk_1")
	if n := len(actions(t, s)); n != 4 {
		t.Errorf("the log has %d entries, want 4", n)
	}
}

// TestNote checks that the note agrees with the write-ahead log, also when
// several stores use the database.
func TestNote(t *testing.T) {
	database := storetest.EmptySQLite(t)
	want := func(when, text string) {
		t.Helper()
		if note, err := os.ReadFile(file(database) + ".state"); err != nil || string(note) != text {
			t.Errorf("%s the note says %q, %v", when, note, err)
		}
		if _, err := os.Stat(file(database) + "-wal"); (err == nil) != (text == "in use\n") {
			t.Errorf("%s there is a write-ahead log: %v", when, err == nil)
		}
	}
	one := storetest.Open(t, store.Config{Database: database})
	two := storetest.Open(t, store.Config{Database: database})
	want("with two stores", "in use\n")
	one.Close()
	want("with one store", "in use\n")
	db.DropConnections(two.Database())
	want("with new connections", "in use\n")
	withLink(t, two, newLink("lnk_1"))
	reader, err := sql.Open("sqlite", "file:"+file(database))
	must(t, err)
	must(t, reader.Ping())
	var n int
	must(t, reader.QueryRow(`SELECT COUNT(*) FROM links`).Scan(&n))
	two.Close()
	if note, err := os.ReadFile(file(database) + ".state"); err != nil || string(note) != "closed\n" {
		t.Errorf("while another program looks at it the note says %q, %v", note, err)
	}
	reader.Close()
	want("closed", "closed\n")
}

// locked locks the database as another program can.
func locked(t *testing.T, database string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file(database)+"?_txlock=exclusive")
	must(t, err)
	holder, err := db.Begin()
	must(t, err)
	unlock = func() { _ = holder.Rollback(); db.Close() }
	t.Cleanup(unlock)
	return unlock
}

func TestLockedDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	database := used(t)
	unlock := locked(t, database)
	s, err := store.Open(t.Context(), store.Config{Database: database})
	if err == nil {
		s.Close()
		t.Fatal("it was opened")
	}
	if !strings.Contains(err.Error(), "another program holds") {
		t.Errorf("got the error %v", err)
	}
	unlock()
	storetest.Open(t, store.Config{Database: database})
}

// TestLockedWhileRunning checks that reads continue while another program locks
// the database, that each write is refused, and that no harm remains.
func TestLockedWhileRunning(t *testing.T) {
	t.Parallel()
	database := storetest.EmptySQLite(t)
	s := storetest.Open(t, store.Config{Database: database})
	withLink(t, s, newLink("lnk_1"))
	hurried := storetest.Open(t, store.Config{Database: database, CallTimeout: 2 * time.Second})
	unlock := locked(t, database)
	errs := make(chan error, 6)
	for i := range cap(errs) {
		go func() {
			errs <- hurried.CreateLink(t.Context(), by, newLink(id("lnk_more", i)), nil, action(audit.LinkCreate, "lnk_more"))
		}()
	}
	linkOf(t, s, "lnk_1")
	must(t, s.Check(t.Context()))
	for range cap(errs) {
		wantFault(t, <-errs, fault.DatabaseUnavailable)
	}
	unlock()
	must(t, s.CreateLink(t.Context(), by, newLink("lnk_2"), nil, action(audit.LinkCreate, "lnk_2")))
	if n := len(actions(t, s)); n != 5 {
		t.Errorf("the log has %d entries, want 5", n)
	}
}

// TestDamageWhileRunning overwrites the files of an open store.
func TestDamageWhileRunning(t *testing.T) {
	database := storetest.EmptySQLite(t)
	s := storetest.Open(t, store.Config{Database: database})
	withLink(t, s, newLink("lnk_1"))
	s.Close()
	s = storetest.Open(t, store.Config{Database: database})
	for _, end := range []string{"", "-wal"} {
		size, err := os.Stat(file(database) + end)
		must(t, err)
		f, err := os.OpenFile(file(database)+end, os.O_WRONLY, 0)
		must(t, err)
		_, err = f.Write(bytes.Repeat([]byte{0xa5}, int(size.Size())))
		must(t, errors.Join(err, f.Close()))
	}
	_, err := s.Link(t.Context(), "lnk_1")
	wantFault(t, err, fault.DatabaseUnavailable)
	s.Close()
	wantRefused(t, database, "restore a backup")
}

// TestReplacedWhileRunning checks that no change is stored in a deleted file,
// and that no new file is created.
func TestReplacedWhileRunning(t *testing.T) {
	for _, end := range []string{"", "-wal"} {
		t.Run("mobileconfig.db"+end, func(t *testing.T) {
			database := storetest.EmptySQLite(t)
			s := storetest.Open(t, store.Config{Database: database})
			withLink(t, s, newLink("lnk_1"))
			must(t, os.Rename(file(database)+end, file(database)+".away"))
			var readers sync.WaitGroup
			for range 50 { // some over connections that are opened now
				readers.Go(func() {
					if _, err := s.Link(t.Context(), "lnk_1"); err != nil && !fault.Is(err, fault.DatabaseUnavailable) {
						t.Error(err)
					}
				})
			}
			readers.Wait()
			err := s.CreateLink(t.Context(), by, newLink("lnk_2"), nil, action(audit.LinkCreate, "lnk_2"))
			wantFault(t, err, fault.DatabaseUnavailable)
			if !strings.Contains(err.Error(), file(database)+end) {
				t.Errorf("got the error %v", err)
			}
			if _, err := os.Stat(file(database)); end == "" && err == nil {
				t.Error("there is a new file")
			}
			must(t, os.Rename(file(database)+".away", file(database)+end))
			must(t, s.CreateLink(t.Context(), by, newLink("lnk_2"), nil, action(audit.LinkCreate, "lnk_2")))
		})
	}
}

func TestPostgresErrorCodes(t *testing.T) {
	answer := func(code string) error { return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code}) }
	tests := []struct {
		err  error
		want fault.Code
	}{
		{answer("53100"), fault.StorageFull},
		{answer("53300"), fault.DatabaseUnavailable},
		{answer("57P01"), fault.DatabaseUnavailable},
		{answer("57P03"), fault.DatabaseUnavailable},
		{answer("58030"), fault.DatabaseUnavailable},
		{answer("XX001"), fault.DatabaseUnavailable},
		{answer("25006"), fault.DatabaseUnavailable},
		{answer("55P03"), fault.DatabaseUnavailable},
		{answer("40001"), fault.DatabaseUnavailable},
		{answer("28P01"), fault.DatabaseUnavailable},
		{answer("3D000"), fault.DatabaseUnavailable},
		{answer("23505"), ""},
		{answer("42P01"), ""},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, fault.DatabaseUnavailable},
		{fmt.Errorf("wrapped: %w", io.ErrUnexpectedEOF), fault.DatabaseUnavailable},
		{pgconn.ErrConnClosed, fault.DatabaseUnavailable},
		{errors.New("another"), ""},
	}
	for _, tt := range tests {
		if got := db.PostgresCode(tt.err); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
	}
}
