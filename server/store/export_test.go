package store

import (
	"context"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// MigrationLock is the advisory lock under which the schema changes.
const MigrationLock = pgMigrationLock

// An Exec runs a statement in the transaction of a change.
type Exec func(query string, args ...any) error

// Change is change for tests outside of the package.
func (s *Store) Change(ctx context.Context, a audit.Action, fn func(Exec) error) error {
	return s.change(ctx, a, func(t *tx) error {
		return fn(func(query string, args ...any) error {
			_, err := t.exec(query, args...)
			return err
		})
	})
}

// Setting reads a setting of the connection that writes.
func (s *Store) Setting(ctx context.Context, name string) (text string, err error) {
	err = s.db.transact(ctx, func(t *tx) error {
		if _, ok := s.db.(*liteDB); ok {
			return t.row(`PRAGMA ` + name).Scan(&text)
		}
		return t.row(`SELECT current_setting($1)`, name).Scan(&text)
	})
	return text, err
}

// PostgresAilment is the code for an error of PostgreSQL.
func PostgresAilment(err error) fault.Code { return (*pgDB)(nil).ailment(err) }

// DropConnections closes the connections that SQLite has open and nobody uses.
func DropConnections(s *Store) {
	l := s.db.(*liteDB)
	l.writer.SetMaxIdleConns(0)
	l.readers.SetMaxIdleConns(0)
}
