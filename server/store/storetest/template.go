package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server/store"
)

// liteTemplate holds the files of an SQLite database whose schema is up to
// date. Creating one takes two seconds with the race detector, copying it
// almost nothing.
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

// migrate updates the schema of a database.
func migrate(database string) error {
	s, err := store.Open(context.Background(), store.Config{Database: database})
	if err != nil {
		return err
	}
	s.Close()
	return nil
}

// SQLite returns a new SQLite database in a folder of its own, with a current
// schema.
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

// EmptySQLite returns the name of an SQLite database that doesn't exist yet,
// in a folder of its own.
func EmptySQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), liteName)
}

// pgTemplates are the names of databases whose schema is up to date, by the
// URL of their server.
var pgTemplates sync.Map

// pgTemplate returns the name of a database on the server whose schema is up
// to date, and creates it on this binary's first call. Other binaries may use
// the server too, so this binary uses a name of its own.
func pgTemplate(admin string) (string, error) {
	made, _ := pgTemplates.LoadOrStore(admin, sync.OnceValues(func() (string, error) {
		name := "mobileconfig_template_" + strings.ToLower(rand.Text())
		if err := createDatabase(admin, name, "template0"); err != nil {
			return "", err
		}
		return name, migrate(inDatabase(admin, name))
	}))
	return made.(func() (string, error))()
}

// createDatabase copies a database by its files. On a server that doesn't
// sync, this costs a third less than by its log.
func createDatabase(admin, name, template string) error {
	db, _, err := keepOpen(admin)
	if err != nil {
		return err
	}
	var version int
	if err := db.QueryRow(`SELECT CAST(current_setting('server_version_num') AS INTEGER)`).Scan(&version); err != nil {
		return err
	}
	statement := `CREATE DATABASE ` + name + ` TEMPLATE ` + template
	if version >= 15_00_00 {
		statement += ` STRATEGY file_copy`
	}
	return command(admin, statement)
}

// Postgres returns a new PostgreSQL database with a current schema, and drops
// it when the test ends. It skips the test if there is no server.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := adminURL(t)
	template, err := pgTemplate(admin)
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
