package db

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/server/fault"
)

// MigrationLock is the advisory lock under which the schema changes.
const MigrationLock = pgMigrationLock

// Setting reads a setting of the connection that writes.
func Setting(ctx context.Context, d *DB, name string) (text string, err error) {
	err = d.Transact(ctx, func(t *Tx) error {
		if !t.Locks() {
			return t.Row(`PRAGMA ` + name).Scan(&text)
		}
		return t.Row(`SELECT current_setting($1)`, name).Scan(&text)
	})
	return text, err
}

// PostgresAilment is the code for an error of PostgreSQL.
func PostgresAilment(err error) fault.Code { return (*pgDB)(nil).ailment(err) }

// ProbeNow has the next check try a write if it is in doubt whether one works, or
// not yet.
func ProbeNow(d *DB, due bool) {
	d.health.mu.Lock()
	defer d.health.mu.Unlock()
	d.health.probed = time.Now()
	if due {
		d.health.probed = time.Time{}
	}
}

// DropConnections closes the connections that SQLite has open and nobody uses.
func DropConnections(d *DB) {
	l := d.kind.(*liteDB)
	l.writer.SetMaxIdleConns(0)
	l.readers.SetMaxIdleConns(0)
}
