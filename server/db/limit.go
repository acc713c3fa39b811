package db

import (
	"context"
	"errors"
	"fmt"
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

// limit returns the context of one call and a function that ends it. The calls
// of a transaction have the limit of the transaction.
func (t *Tx) limit() (context.Context, context.CancelFunc) {
	if t.insert != nil {
		return t.ctx, func() {}
	}
	return context.WithTimeout(t.ctx, t.timeout)
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
