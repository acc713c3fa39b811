package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ours are tables that every database of this program has.
var ours = []string{"goose_db_version", "accounts", "logs", "actions"}

// tables returns the names that the query finds.
func tables(ctx context.Context, db *sql.DB, query string) ([]string, error) {
	found, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var names []string
	for found.Next() {
		var name string
		if err := found.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, found.Err()
}

// refuseForeign returns an error if the tables belong to another program. Only
// the first of ours is what an interrupted first start leaves.
func refuseForeign(have []string) error {
	missing := slices.ContainsFunc(ours, func(name string) bool { return !slices.Contains(have, name) })
	if len(have) == 0 || !missing || slices.Equal(have, ours[:1]) {
		return nil
	}
	if !slices.ContainsFunc(have, func(name string) bool { return !strings.HasPrefix(name, "river_") }) {
		// What the script of a backup creates first.
		return errors.New("is incomplete, because a restore to it was interrupted. Drop it, create it again, and repeat the restore")
	}
	return fmt.Errorf("belongs to another program: it has tables, but not those of this one (%s). Use a separate database", strings.Join(ours, ", "))
}

// migrate migrates the schema. The caller holds the lock. A schema that the
// program doesn't know is refused before anything is changed.
func migrate(ctx context.Context, dialect goose.Dialect, db *sql.DB) error {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	p, err := goose.NewProvider(dialect, db, folder,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	have, know, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if have > know {
		return fmt.Errorf("the schema has version %d, but this program supports %d; run the newer version that has used the database", have, know)
	}
	if have > 0 {
		if err := checkSchema(ctx, db, have); err != nil {
			return err
		}
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return noteSchema(ctx, db, know)
}

// isCurrent reports whether there is nothing to migrate, in one statement: most
// starts find that, and need neither the lock nor more connections. If it fails,
// the migration finds out why: perhaps there are no tables yet, or not all.
func isCurrent[T any](ctx context.Context, db conn, jobs riverdriver.Driver[T]) (bool, error) {
	m, err := rivermigrate.New(jobs, &rivermigrate.Config{Logger: silent()})
	if err != nil {
		return false, fmt.Errorf("migrate jobs: %w", err)
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return false, fmt.Errorf("migrate: %w", err)
	}
	hash, err := schemaHash(int64(len(files)))
	if err != nil {
		return false, err
	}
	var stored string
	var version, steps, none int
	err = db.row(ctx, `SELECT schema, (SELECT MAX(version_id) FROM goose_db_version), (SELECT COUNT(*) FROM river_migration),
		(SELECT COUNT(*) FROM accounts, logs, actions WHERE 1 = 0) FROM installation`, nil).Scan(&stored, &version, &steps, &none)
	return err == nil && stored == hash && version == len(files) && steps == len(m.AllVersions()), err
}

// schemaHash returns the hash of the migrations up to a version.
func schemaHash(version int64) (string, error) {
	sum := sha256.New()
	for n := range version {
		files, err := fs.Glob(migrations, fmt.Sprintf("migrations/%04d_*.sql", n+1))
		if err != nil || len(files) != 1 {
			return "", fmt.Errorf("migrate: %d files for version %d: %w", len(files), n+1, err)
		}
		text, err := fs.ReadFile(migrations, files[0])
		if err != nil {
			return "", fmt.Errorf("migrate: %w", err)
		}
		fmt.Fprintf(sum, "%d\n%s", len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// checkSchema refuses the schema of an unreleased version: migrations were edited
// until the first release, so only their hash tells such schemas apart.
func checkSchema(ctx context.Context, db *sql.DB, have int64) error {
	stored, known, err := storedHash(ctx, db)
	if err != nil || known && stored == "" { // a first start was interrupted
		return err
	}
	// After an interrupted upgrade, it is the hash of an earlier version.
	for version := range have {
		if hash, err := schemaHash(version + 1); err != nil || known && stored == hash {
			return err
		}
	}
	return errors.New("the database has the schema of an unreleased version, which this program can't upgrade. Nothing was changed. " +
		"Run the version that has used it, or start with a new database")
}

// storedHash returns the hash that the database stores, and false if its schema
// has no place for one.
func storedHash(ctx context.Context, db *sql.DB) (hash string, known bool, err error) {
	row, err := db.QueryContext(ctx, `SELECT * FROM installation`)
	if err != nil {
		return "", false, fmt.Errorf("migrate: %w", err)
	}
	columns, err := row.Columns()
	if err := errors.Join(err, row.Close()); err != nil || !slices.Contains(columns, "schema") {
		return "", false, err
	}
	err = db.QueryRowContext(ctx, `SELECT schema FROM installation`).Scan(&hash)
	return hash, true, err
}

// noteSchema stores the hash of the migrations up to the version.
func noteSchema(ctx context.Context, db *sql.DB, version int64) error {
	hash, err := schemaHash(version)
	if err != nil {
		return err
	}
	stored, _, err := storedHash(ctx, db)
	if err != nil || stored == hash {
		return err
	}
	if _, err = db.ExecContext(ctx, `UPDATE installation SET schema = $1`, hash); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
