// Package outbox stores webhooks and the deliveries to people and programs.
// It's a part of the store, whose tests cover it.
package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/ledger"
)

// An Outbox accesses these tables, and the ledger through which they are
// changed.
type Outbox struct {
	ledger *ledger.Ledger
	db     *db.DB
	now    func() time.Time
}

// New returns the outbox in the database.
func New(l *ledger.Ledger, d *db.DB, now func() time.Time) *Outbox { return &Outbox{l, d, now} }

// change is Change for an action that is known in advance.
func (b *Outbox) change(ctx context.Context, by audit.Grant, a audit.Action, fn func(*db.Tx) error) error {
	return b.ledger.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) { return []audit.Action{a}, fn(t) })
}

// found turns a missing row into a NotFound fault.
func (b *Outbox) found(what string, err error) error {
	return fmt.Errorf("outbox: %s: %w", what, b.db.Found(what, err))
}
