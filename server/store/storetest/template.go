package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server/store"
)

// liteTemplate are the files of an SQLite database whose schema is up to date.
// To make one takes two seconds under the race detector, to copy it nothing.
var liteTemplate = sync.OnceValues(func() (files map[string][]byte, err error) {
	dir, err := os.MkdirTemp("", "mobileconfig-sqlite")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := migrate("sqlite:" + filepath.Join(dir, liteName)); err != nil {
		return nil, err
	}
	files = map[string][]byte{}
	for _, ending := range []string{"", ".state"} {
		if files[liteName+ending], err = os.ReadFile(filepath.Join(dir, liteName+ending)); err != nil {
			return nil, err
		}
	}
	return files, nil
})

const liteName = "mobileconfig.db"

// migrate brings the schema of a database up to date.
func migrate(database string) error {
	s, err := store.Open(context.Background(), store.Config{Database: database})
	if err != nil {
		return err
	}
	s.Close()
	return nil
}

// SQLite names a new SQLite database in a folder of its own. Its schema is up
// to date.
func SQLite(t testing.TB) string {
	t.Helper()
	files, err := liteTemplate()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "sqlite:" + filepath.Join(dir, liteName)
}

// EmptySQLite names an SQLite database that does not exist yet, in a folder of
// its own.
func EmptySQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), liteName)
}

// pgTemplate is the name of a database on this binary's own server whose schema
// is up to date.
var pgTemplate = sync.OnceValues(func() (string, error) {
	s, err := cluster()
	if err != nil {
		return "", err
	}
	const name = "mobileconfig_template"
	if err := command(s.url, `CREATE DATABASE `+name+` TEMPLATE template0`); err != nil {
		return "", err
	}
	return name, migrate(inDatabase(s.url, name))
})

// Postgres names a new PostgreSQL database, which is dropped when the test
// ends. Its schema is up to date. It skips the test where there is no server.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := adminURL(t)
	if os.Getenv("TEST_POSTGRES") != "" { // that server keeps nothing of ours
		database := newPostgres(t, admin, "template0")
		if err := migrate(database); err != nil {
			t.Fatal(err)
		}
		return database
	}
	template, err := pgTemplate()
	if err != nil {
		t.Fatal(err)
	}
	return newPostgres(t, admin, template)
}

// EmptyPostgres is Postgres without a schema.
func EmptyPostgres(t testing.TB) string {
	t.Helper()
	return newPostgres(t, adminURL(t), "template0")
}

// EachEmpty is EachDatabase for databases without a schema.
func EachEmpty(t *testing.T, f func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, EmptySQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, EmptyPostgres(t)) })
}
