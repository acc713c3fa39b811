package db

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// callTimeout is the maximum time of a transaction, or of a statement outside
// of one, including all waits. Requests end well within their time, even if an
// unreachable database never answers.
const callTimeout = 10 * time.Second

// limit returns the context of one call and a function that ends it. The calls
// of a transaction have the limit of the transaction.
func (t *Tx) limit() (context.Context, context.CancelFunc) {
	if t.insert != nil {
		return t.ctx, func() {}
	}
	return context.WithTimeout(t.ctx, callTimeout)
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
