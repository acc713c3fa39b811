package db_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func TestMigrateTwice(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		s.Close()
		wantUnchanged(t, database, func() {
			s := storetest.Open(t, store.Config{Database: database})
			if _, err := s.Domain(t.Context(), "example.com"); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestNewDatabaseHasTheDefaultAccount(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, database string) {
		storetest.Open(t, store.Config{Database: database})
		dump := storetest.Dump(t, database)
		for _, line := range []string{"accounts.id=" + account.Default, "logs.account=" + account.Default, "logs.size=0"} {
			if !strings.Contains(dump, line+"\n") {
				t.Errorf("%s is not in:\n%s", line, dump)
			}
		}
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	storetest.EachEmpty(t, func(t *testing.T, database string) {
		storetest.Open(t, store.Config{Database: database}).Close()
		storetest.Exec(t, database, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, `+yes(database)+`)`)
		wantUnchanged(t, database, func() {
			s, err := store.Open(t.Context(), store.Config{Database: database})
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), "version 9999") || !strings.Contains(err.Error(), "newer version") {
				t.Errorf("got the error %v", err)
			}
		})
	})
}

// TestUnreleasedSchemaIsRefused opens databases of versions whose migrations were
// edited later, and one whose first start was interrupted.
func TestUnreleasedSchemaIsRefused(t *testing.T) {
	for name, statement := range map[string]string{
		"edited later":   `UPDATE installation SET schema = '0123'`,
		"without a hash": `ALTER TABLE installation DROP COLUMN schema`,
	} {
		t.Run(name, func(t *testing.T) {
			storetest.EachEmpty(t, func(t *testing.T, database string) {
				storetest.Open(t, store.Config{Database: database}).Close()
				storetest.Exec(t, database, statement)
				wantUnchanged(t, database, func() {
					s, err := store.Open(t.Context(), store.Config{Database: database})
					if err == nil {
						s.Close()
						t.Fatal("it was opened")
					}
					if !strings.Contains(err.Error(), "has the schema of an unreleased version") {
						t.Errorf("got the error %v", err)
					}
				})
			})
		})
	}
	storetest.EachEmpty(t, func(t *testing.T, database string) {
		storetest.Open(t, store.Config{Database: database}).Close()
		stored := func() string { return storetest.Column(t, database, `SELECT schema FROM installation`)[0] }
		want := stored()
		storetest.Exec(t, database, `UPDATE installation SET schema = ''`)
		storetest.Open(t, store.Config{Database: database}).Close()
		if got := stored(); got != want || len(got) != 64 {
			t.Errorf("after an interrupted start the hash is %q, want %q", got, want)
		}
	})
}

// yes is true in the table of migrations, which isn't ours.
func yes(database string) string {
	if strings.HasPrefix(database, "sqlite:") {
		return "1"
	}
	return "TRUE"
}

// An opener is another process that opens databases.
type opener struct {
	in  io.Writer
	out *bufio.Reader
}

func startOpener(t *testing.T) *opener {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "DB_TEST_OPENER=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &opener{in, bufio.NewReader(out)}
}

func (o *opener) tell(t *testing.T, database string) {
	t.Helper()
	if _, err := io.WriteString(o.in, database+"\n"); err != nil {
		t.Fatal(err)
	}
}

func (o *opener) answer(t *testing.T) string {
	t.Helper()
	line, err := o.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// A process that waits for another's migration outlasts every statement
// timeout, and ends with its context.
func TestWaitForTheMigrationLock(t *testing.T) {
	patient := storetest.EmptyPostgres(t)
	database := impatient(t, patient)
	holder, err := pgx.Connect(t.Context(), database)
	must(t, err)
	defer holder.Close(t.Context())
	_, err = holder.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, int64(db.MigrationLock))
	must(t, err)

	ended := make(chan error, 1)
	open := func(ctx context.Context) {
		s, err := store.Open(ctx, store.Config{Database: database})
		if err == nil {
			s.Close()
		}
		ended <- err
	}
	outlast := func() { // the timeouts, by the clock of the server
		await(t, func() bool {
			return storetest.Column(t, patient, `SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity WHERE datname = current_database()
				AND wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '300 ms'`)[0] == "1"
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	go open(ctx)
	outlast()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	go open(t.Context())
	outlast()
	must(t, holder.Close(t.Context()))
	must(t, <-ended)
}

// A process whose schema is current doesn't wait for another's migration. One
// whose tables are gone is refused.
func TestCurrentSchema(t *testing.T) {
	database := storetest.Postgres(t)
	holder, err := pgx.Connect(t.Context(), database)
	must(t, err)
	defer holder.Close(t.Context())
	_, err = holder.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, int64(db.MigrationLock))
	must(t, err)
	opened, waits := make(chan error, 1), false
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		s, err := store.Open(ctx, store.Config{Database: database})
		if err == nil {
			s.Close()
		}
		opened <- err
	}()
	await(t, func() bool {
		waits = storetest.Column(t, database, `SELECT CAST(COUNT(*) AS TEXT) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)[0] != "0"
		return waits || len(opened) == 1
	})
	cancel()
	if err := <-opened; err != nil || waits {
		t.Errorf("it waits for the lock: %v, %v", waits, err)
	}
	must(t, holder.Close(t.Context()))
	for _, table := range []string{"actions", "logs", "accounts"} {
		storetest.Exec(t, database, `ALTER TABLE `+table+` RENAME TO away`)
		if s, err := store.Open(t.Context(), store.Config{Database: database}); err == nil {
			s.Close()
			t.Errorf("it was opened without %s", table)
		} else if !strings.Contains(err.Error(), "belongs to another program") {
			t.Errorf("without %s: %v", table, err)
		}
		storetest.Exec(t, database, `ALTER TABLE away RENAME TO `+table)
	}
	storetest.Open(t, store.Config{Database: database}).Close()
	// Migrating, not looking, says what is wrong.
	storetest.Exec(t, database, `DELETE FROM goose_db_version`)
	if s, err := store.Open(t.Context(), store.Config{Database: database}); err == nil {
		s.Close()
		t.Error("it was opened without its version")
	} else if !strings.Contains(err.Error(), "migrate: ") {
		t.Errorf("without its version: %v", err)
	}
}

// impatient adds short timeouts to the URL of a database.
func impatient(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	must(t, err)
	q := u.Query()
	q.Set("statement_timeout", "100")
	q.Set("lock_timeout", "100")
	u.RawQuery = q.Encode()
	return u.String()
}

func TestWaitForTheFileLock(t *testing.T) {
	database := storetest.EmptySQLite(t)
	lock := flock.New(strings.TrimPrefix(database, "sqlite:") + ".lock")
	must(t, lock.Lock())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if s, err := store.Open(ctx, store.Config{Database: database}); err == nil {
		s.Close()
		t.Error("it was opened while another process held the lock")
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want context.DeadlineExceeded", err)
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = lock.Unlock() })
	storetest.Open(t, store.Config{Database: database})
}
