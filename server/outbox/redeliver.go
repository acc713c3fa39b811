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

// TestMail keeps a delivery by mail that is to be made, and a. Where no mails
// can be sent, the fault is a Conflict.
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

// needMail refuses a mail where none can be sent.
func needMail(t *db.Tx) error {
	on, err := ledger.SendsMail(t)
	if err == nil && !on {
		err = fault.New(fault.Conflict, "No mail server is set, so no mail can be sent.")
	}
	return err
}

// Redeliver keeps d, which tells again what an old delivery told of, and a.
// Each delivery is sent again once: the statement decides, so of two requests
// one is refused.
func (b *Outbox) Redeliver(ctx context.Context, by audit.Grant, d notify.Delivery, old string, a audit.Action) (notify.Delivery, error) {
	made := d
	err := b.change(ctx, by, a, func(t *db.Tx) error {
		was, err := ledger.Deliveries.Scan(t.Row(`UPDATE deliveries SET again = $4
			WHERE id = $1 AND account = $2 AND COALESCE(webhook, '') = $3
			AND state <> 'waiting' AND again = '' AND type <> $5 RETURNING `+ledger.Deliveries.Columns,
			old, d.Account, d.Webhook, d.ID, string(notify.DigestMail)))
		if errors.Is(err, db.ErrNoRows) {
			return notAgain(t, d, old)
		}
		if err != nil {
			return err
		}
		made = notify.Delivery{
			ID: d.ID, Message: was.Message, Account: d.Account, Seq: was.Seq, Type: was.Type,
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

// notAgain says why a delivery is not sent again.
func notAgain(t *db.Tx, d notify.Delivery, old string) error {
	var n int
	err := t.Row(`SELECT COUNT(*) FROM deliveries WHERE id = $1 AND account = $2 AND COALESCE(webhook, '') = $3`,
		old, d.Account, d.Webhook).Scan(&n)
	switch {
	case err != nil:
		return err
	case n == 0:
		return fault.New(fault.NotFound, "There is no such delivery.")
	}
	return fault.New(fault.Conflict, "This is under way, or was sent again already.")
}
