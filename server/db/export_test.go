package db

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/server/fault"
)

// MigrationLock is the advisory lock for migrations.
const MigrationLock = pgMigrationLock

// Setting reads a setting of the writing connection.
func Setting(ctx context.Context, d *DB, name string) (text string, err error) {
	err = d.Transact(ctx, func(t *Tx) error {
		if !t.Locks() {
			return t.Row(`PRAGMA ` + name).Scan(&text)
		}
		return t.Row(`SELECT current_setting($1)`, name).Scan(&text)
	})
	return text, err
}

// PostgresCode returns the code for an error of PostgreSQL.
func PostgresCode(err error) fault.Code { return (*pgDB)(nil).errorCode(err) }

// ProbeNow makes the next check try a write if it is in doubt whether writes
// work.
func ProbeNow(d *DB, due bool) {
	d.health.mu.Lock()
	defer d.health.mu.Unlock()
	d.health.probed = time.Now()
	if due {
		d.health.probed = time.Time{}
	}
}

// DropConnections closes the idle connections of SQLite.
func DropConnections(d *DB) {
	l := d.kind.(*liteDB)
	l.writer.SetMaxIdleConns(0)
	l.readers.SetMaxIdleConns(0)
}
