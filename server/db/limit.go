package db

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// CallTimeout is the default maximum time of a call: of a transaction, or of a
// statement outside of one, including all waits. Requests end well within their
// time, even if an unreachable database never answers.
const CallTimeout = 10 * time.Second

// timeouts are the time limits of a database. All of them follow from that of a
// call, so that what hangs has ended before those who wait for it give up.
type timeouts struct{ call time.Duration }

func newTimeouts(call time.Duration) timeouts {
	if call <= 0 {
		call = CallTimeout
	}
	return timeouts{call}
}

// turn is for the wait for SQLite's only writer, for connecting to PostgreSQL,
// and for a transaction there that does nothing.
func (t timeouts) turn() time.Duration { return t.call / 2 }

// lock is for the wait for a lock in PostgreSQL.
func (t timeouts) lock() time.Duration { return t.call * 4 / 5 }

// head is for an idle transaction that holds the row that all writers wait for,
// so that a disconnected server doesn't block them longer.
func (t timeouts) head() time.Duration { return t.call / 10 }

// soon is for a write that ends the doubt whether writes work.
func (t timeouts) soon() time.Duration { return t.call / 5 }

// slow is from when on a call counts as slow.
func (t timeouts) slow() time.Duration { return t.call / 10 }

// waits is the key of how long the latest calls of a request took, if all of
// them were slow: an *atomic.Int64 in nanoseconds.
type waits struct{}

// PerRequest returns a context whose slow calls in a row share the time of one
// call, so that a request ends in time even if each of its calls has to wait. A
// call that is fast ends the row: a long response may have slow ones in between.
func PerRequest(ctx context.Context) context.Context {
	return context.WithValue(ctx, waits{}, new(atomic.Int64))
}

// PerCall returns a context each of whose calls has all of its time, for work
// that isn't that of one request.
func PerCall(ctx context.Context) context.Context {
	return context.WithValue(ctx, waits{}, (*atomic.Int64)(nil))
}

// limit returns the context of one call and a function that ends it.
func (t timeouts) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	waited, _ := ctx.Value(waits{}).(*atomic.Int64)
	if waited == nil {
		return context.WithTimeout(ctx, t.call)
	}
	began := time.Now() // the call has all of its time, or is late
	limited, cancel := context.WithDeadline(ctx, began.Add(t.call-time.Duration(waited.Load())))
	return limited, func() {
		late := limited.Err() != nil
		cancel()
		if took := time.Since(began); late || took >= t.slow() {
			waited.Add(int64(took))
		} else {
			waited.Store(0)
		}
	}
}

// Limit returns a context that ends with the time of a call, and a function
// that ends it, for a caller that waits for a call of others.
func (d *DB) Limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return d.limits.limit(ctx)
}

// limit returns the context of one call and a function that ends it. The calls
// of a transaction have the limit of the transaction.
func (t *Tx) limit() (context.Context, context.CancelFunc) {
	if t.insert != nil {
		return t.ctx, func() {}
	}
	return t.limits.limit(t.ctx)
}

// because adds to an error that ctx is done, if it is: drivers report
// interruptions in many ways.
func because(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, ctx.Err()) || isFault(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}

// A limitedRow is a row with a time limit.
type limitedRow struct {
	Row
	ctx context.Context
	end context.CancelFunc
}

// Scan reads the row, which ends the call.
func (r limitedRow) Scan(dest ...any) error {
	defer r.end()
	return because(r.ctx, r.Row.Scan(dest...))
}
