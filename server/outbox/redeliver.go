package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/notify"
)

// TestMail stores a delivery of a test email, and a. If email can't be sent,
// it returns a Conflict fault.
func (b *Outbox) TestMail(ctx context.Context, by audit.Grant, d notify.Delivery, a audit.Action) error {
	err := b.change(ctx, by, a, func(t *db.Tx) error {
		if err := needMail(t); err != nil {
			return err
		}
		return ledger.Deliver(t, d, 0)
	})
	if err != nil {
		return fmt.Errorf("outbox: test mail: %w", err)
	}
	return nil
}

// needMail returns a fault if email can't be sent.
func needMail(t *db.Tx) error {
	on, err := ledger.SendsMail(t)
	if err == nil && !on {
		err = fault.New(fault.Conflict, "Email can't be sent because no mail server is configured.")
	}
	return err
}

// Redeliver stores d, which repeats an old delivery, and a. Each delivery can
// be repeated once. The statement decides that, so of two simultaneous
// requests one is refused.
func (b *Outbox) Redeliver(ctx context.Context, by audit.Grant, d notify.Delivery, old string, a audit.Action) (notify.Delivery, error) {
	made, from := d, logs(d.Account)
	err := b.change(ctx, by, a, func(t *db.Tx) error {
		was, err := ledger.Deliveries.Scan(t.Row(`UPDATE deliveries SET again = $4
			WHERE id = $1 AND (account = $2 OR account = $6 AND webhook IS NOT NULL) AND COALESCE(webhook, '') = $3
			AND state <> 'waiting' AND again = '' AND type <> $5 RETURNING `+ledger.Deliveries.Columns,
			old, d.Account, d.Webhook, d.ID, string(notify.DigestMail), from[1]))
		if errors.Is(err, db.ErrNoRows) {
			return notAgain(t, d, from[1], old)
		}
		if err != nil {
			return err
		}
		made = notify.Delivery{
			ID: d.ID, Message: was.Message, Account: was.Account, Seq: was.Seq, Type: was.Type,
			Address: was.Address, Webhook: was.Webhook, State: notify.Waiting, Created: d.Created,
		}
		if made.Webhook == "" {
			made.Message = "" // a new one
			if err := needMail(t); err != nil {
				return err
			}
		}
		return ledger.Deliver(t, made, 0)
	})
	if err != nil {
		return notify.Delivery{}, fmt.Errorf("outbox: redeliver: %w", err)
	}
	return made, nil
}

// notAgain returns the reason why a delivery can't be repeated.
func notAgain(t *db.Tx, d notify.Delivery, elsewhere, old string) error {
	var n int
	err := t.Row(`SELECT COUNT(*) FROM deliveries WHERE id = $1 AND (account = $2 OR account = $4 AND webhook IS NOT NULL) AND COALESCE(webhook, '') = $3`,
		old, d.Account, d.Webhook, elsewhere).Scan(&n)
	switch {
	case err != nil:
		return err
	case n == 0:
		return fault.New(fault.NotFound, "There is no such delivery.")
	}
	return fault.New(fault.Conflict, "This delivery is still in progress, or was already sent again.")
}
