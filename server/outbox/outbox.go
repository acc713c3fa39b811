// Package outbox holds the tables of what people and programs are told: webhooks
// and deliveries. It is a part of the store, by whose tests it is tested.
package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/ledger"
)

// An Outbox is these tables and the ledger that they are changed through.
type Outbox struct {
	ledger *ledger.Ledger
	db     *db.DB
	now    func() time.Time
}

// New returns the outbox in the database.
func New(l *ledger.Ledger, d *db.DB, now func() time.Time) *Outbox { return &Outbox{l, d, now} }

// change is Change for one action that is known beforehand.
func (b *Outbox) change(ctx context.Context, by audit.Grant, a audit.Action, fn func(*db.Tx) error) error {
	return b.ledger.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) { return []audit.Action{a}, fn(t) })
}

// found turns the absence of a row into a NotFound fault.
func (b *Outbox) found(what string, err error) error {
	return fmt.Errorf("outbox: %s: %w", what, b.db.Found(what, err))
}
