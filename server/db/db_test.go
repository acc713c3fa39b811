package db_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestMain is also the other process of TestTwoProcesses: one that opens the
// databases that it is given.
func TestMain(m *testing.M) {
	if os.Getenv("DB_TEST_OPENER") == "" {
		os.Exit(m.Run())
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(openOnce(in.Text()))
	}
}

func openOnce(database string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := store.Open(ctx, store.Config{Database: database})
	if err != nil {
		return err.Error()
	}
	defer s.Close()
	if err := s.Check(ctx); err != nil {
		return err.Error()
	}
	return "ok"
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	wide := filepath.Join(dir, "wide.db")
	must(t, os.WriteFile(wide, nil, 0o600))
	must(t, os.Chmod(wide, 0o640))
	text := filepath.Join(dir, "text.db")
	must(t, os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600))
	tests := []struct{ name, database, want string }{
		{"nothing", "", "sqlite:PATH"},
		{"unknown scheme", "mysql://u:hunter2@host/db", "sqlite:PATH"},
		{"no path", "sqlite:", "path"},
		{"no folder", "sqlite:" + filepath.Join(dir, "none", "a.db"), "there is no folder " + filepath.Join(dir, "none")},
		{"a folder", "sqlite:" + dir, "is not a file"},
		{"readable by others", "sqlite:" + wide, "chmod 600"},
		{"not a database", "sqlite:" + text, "not a database"},
		{"malformed URL", "postgres://u:hunter2@host:port/db", "postgres"},
		{"simple protocol", "postgres://u:hunter2@host/db?default_query_exec_mode=simple_protocol", "simple_protocol"},
		{"no server", "postgresql://u:hunter2@127.0.0.1:1/db?sslmode=disable", "connect"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := store.Open(t.Context(), store.Config{Database: tt.database})
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !strings.HasPrefix(err.Error(), "database: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want something with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}

func TestFileIsPrivate(t *testing.T) {
	database := storetest.SQLite(t)
	s := storetest.Open(t, store.Config{Database: database})
	withDomain(t, s)
	path := strings.TrimPrefix(database, "sqlite:")
	for _, name := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		info, err := os.Stat(name)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %04o", filepath.Base(name), info.Mode().Perm())
		}
	}
}

func TestPathWithSpecialCharacters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c=d&e#f%41")
	must(t, os.Mkdir(dir, 0o700))
	storetest.Open(t, store.Config{Database: "sqlite:" + filepath.Join(dir, "x.db")})
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) < 2 {
		t.Errorf("the folder holds %v", entries)
	}
}

func TestSettings(t *testing.T) {
	want := map[string]map[string]string{
		"sqlite": {"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"},
		"postgres": {"synchronous_commit": "on", "statement_timeout": "10s", "lock_timeout": "8s",
			"idle_in_transaction_session_timeout": "5s", "transaction_isolation": "read committed"},
	}
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database, CallTimeout: db.CallTimeout})
		for name, value := range want[filepath.Base(t.Name())] {
			got, err := db.Setting(t.Context(), s.Database(), name)
			must(t, err)
			if got != value {
				t.Errorf("%s is %q, want %q", name, got, value)
			}
		}
	})
}
