package db

import (
	"context"
	"database/sql"
	"embed"
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

// refuseForeign returns an error if the tables are those of another program.
// The first of ours alone is what a first start leaves that was cut off.
func refuseForeign(have []string) error {
	missing := slices.ContainsFunc(ours, func(name string) bool { return !slices.Contains(have, name) })
	if len(have) == 0 || !missing || slices.Equal(have, ours[:1]) {
		return nil
	}
	return fmt.Errorf("belongs to another program: it has tables, but not those of this one (%s). Name a database of its own", strings.Join(ours, ", "))
}

// migrate brings the schema up to date. The caller holds the lock. A schema
// that the program does not know yet is refused before anything is changed.
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
		return fmt.Errorf("the schema has version %d and this program knows %d: a newer program has used the database; run that one", have, know)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
