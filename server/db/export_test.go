package db

import (
	"context"
	"sync/atomic"
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

// LimitOf is the limit of a call if that may take as long.
func LimitOf(call time.Duration, ctx context.Context) (context.Context, context.CancelFunc) {
	return newTimeouts(call).limit(ctx)
}

// Used returns how long the slow calls of the request took.
func Used(ctx context.Context) time.Duration {
	return time.Duration(ctx.Value(waits{}).(*atomic.Int64).Load())
}

// UsedUp returns a context of a request that has no time left.
func UsedUp(ctx context.Context) context.Context {
	ctx = PerRequest(ctx)
	ctx.Value(waits{}).(*atomic.Int64).Store(int64(365 * 24 * time.Hour))
	return ctx
}
