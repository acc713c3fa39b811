package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
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
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
