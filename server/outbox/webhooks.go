package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/notify"
)

var _ notify.WebhookStore = (*Outbox)(nil)

var webhooks = db.NewTable("webhooks", func(w *notify.Webhook) []db.Column {
	return []db.Column{
		db.Col("id", &w.ID), db.Col("account", &w.Account), db.Col("url", &w.URL), db.Col("types", db.Words(&w.Types)),
		db.Col("secret", &w.Secret), db.Col("previous", &w.Previous), db.Col("rotated", db.Time(&w.Rotated)),
		db.Col("failing", db.Time(&w.Failing)), db.Col("disabled", db.Time(&w.Disabled)), db.Col("reason", &w.Reason),
		db.Col("created", db.Time(&w.Created)), db.Col("updated", db.Time(&w.Updated)),
	}
})

// changeWebhooks is change for the webhooks of an account. It updates the
// cached number of webhooks that are called.
func (b *Outbox) changeWebhooks(ctx context.Context, by audit.Grant, owner string, a audit.Action, fn func(*db.Tx) error) error {
	return b.change(ctx, by, a, func(t *db.Tx) error {
		if err := ledger.LockAccount(t, owner); err != nil {
			return err
		}
		if err := fn(t); err != nil {
			return err
		}
		return countHooks(t, owner)
	})
}

func countHooks(t *db.Tx, owner string) error {
	_, err := t.Exec(`UPDATE logs SET hooks = (SELECT COUNT(*) FROM webhooks WHERE account = $1 AND disabled = 0)
		WHERE account = $1`, owner)
	return err
}

// CreateWebhook stores w and a. If the account has too many webhooks, or one
// with this URL, it returns a Conflict fault.
func (b *Outbox) CreateWebhook(ctx context.Context, by audit.Grant, w notify.Webhook, a audit.Action) error {
	err := b.changeWebhooks(ctx, by, w.Account, a, func(t *db.Tx) error {
		created, err := webhooks.InsertIf(t, w, `(SELECT COUNT(*) FROM webhooks WHERE account = ?) < ?`, w.Account, notify.MaxWebhooks)
		if err == nil && !created {
			err = fault.New(fault.Conflict, "An account has up to %d webhooks. Delete one first.", notify.MaxWebhooks)
		}
		return err
	})
	if err = b.webhookNamed(err); err != nil {
		return fmt.Errorf("outbox: create webhook: %w", err)
	}
	return nil
}

// webhookNamed converts a URL that is taken to a Conflict fault.
func (b *Outbox) webhookNamed(err error) error {
	if b.db.Taken(err) {
		return fault.On("url", fault.Conflict, "A webhook with this URL already exists. Change its events instead.")
	}
	return err
}

// Webhook returns a webhook of the account, or a NotFound fault.
func (b *Outbox) Webhook(ctx context.Context, owner, id string) (notify.Webhook, error) {
	w, err := webhooks.Scan(b.db.Read(ctx).Row(`SELECT `+webhooks.Columns+` FROM webhooks WHERE id = $1 AND account = $2`, id, owner))
	if err != nil {
		return notify.Webhook{}, b.found("webhook", err)
	}
	return w, nil
}

// Webhooks returns the webhooks of an account, oldest first.
func (b *Outbox) Webhooks(ctx context.Context, owner string) ([]notify.Webhook, error) {
	all, err := webhooks.All(b.db.Read(ctx), `SELECT `+webhooks.Columns+` FROM webhooks WHERE account = $1 ORDER BY created, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("outbox: webhooks: %w", b.db.Diagnose(err))
	}
	return all, nil
}

// changeWebhook is changeWebhooks for a statement that must match the webhook.
func (b *Outbox) changeWebhook(ctx context.Context, by audit.Grant, owner string, a audit.Action, query string, args ...any) error {
	err := b.changeWebhooks(ctx, by, owner, a, func(t *db.Tx) error {
		n, err := t.Exec(query, args...)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "There is no such webhook.")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("outbox: change webhook: %w", err)
	}
	return nil
}

// ChangeWebhook applies change to the webhook of the account, and stores
// everything but its secrets and the action that change returns. If nothing
// differs, it stores nothing. If the webhook doesn't exist, it returns a
// NotFound fault, and if another one has the URL, a Conflict.
func (b *Outbox) ChangeWebhook(ctx context.Context, by audit.Grant, owner, id string, change func(notify.Webhook) (notify.Webhook, audit.Action, error)) error {
	err := b.ledger.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		if err := ledger.LockAccount(t, owner); err != nil {
			return nil, err
		}
		old, err := lockWebhook(t, owner, id)
		if err != nil {
			return nil, err
		}
		w, a, err := change(old)
		if err != nil || w.URL == old.URL && slices.Equal(w.Types, old.Types) && w.Disabled.Equal(old.Disabled) && w.Failing.Equal(old.Failing) {
			return nil, err
		}
		_, err = t.Exec(`UPDATE webhooks SET url = $3, types = $4, failing = $5, told = 0, disabled = $6, reason = $7, updated = $8
			WHERE id = $1 AND account = $2`,
			id, owner, w.URL, db.List(w.Types), db.Millis(w.Failing), db.Millis(w.Disabled), string(w.Reason), db.Millis(w.Updated))
		if err == nil {
			err = countHooks(t, owner)
		}
		return []audit.Action{a}, err
	})
	if err = b.webhookNamed(err); err != nil {
		return fmt.Errorf("outbox: change webhook: %w", err)
	}
	return nil
}

// lockWebhook returns the webhook and locks its row until the transaction
// ends, by a statement that changes nothing.
func lockWebhook(t *db.Tx, owner, id string) (notify.Webhook, error) {
	w, err := webhooks.Scan(t.Row(`UPDATE webhooks SET updated = updated WHERE id = $1 AND account = $2 RETURNING `+webhooks.Columns, id, owner))
	if errors.Is(err, db.ErrNoRows) {
		err = fault.New(fault.NotFound, "There is no such webhook.")
	}
	return w, err
}

// RotateWebhook stores the secrets of w, and a.
func (b *Outbox) RotateWebhook(ctx context.Context, by audit.Grant, w notify.Webhook, a audit.Action) error {
	return b.changeWebhook(ctx, by, w.Account, a, `UPDATE webhooks SET secret = $3, previous = $4, rotated = $5, updated = $6
		WHERE id = $1 AND account = $2`, w.ID, w.Account, w.Secret, w.Previous, db.Millis(w.Rotated), db.Millis(w.Updated))
}

// DeleteWebhook deletes a webhook and its deliveries if check allows it, and
// stores a. If the webhook doesn't exist, it returns a NotFound fault.
func (b *Outbox) DeleteWebhook(ctx context.Context, by audit.Grant, owner, id string, check func(notify.Webhook) error, a audit.Action) error {
	err := b.changeWebhooks(ctx, by, owner, a, func(t *db.Tx) error {
		w, err := lockWebhook(t, owner, id)
		if err == nil && check != nil {
			err = check(w)
		}
		if err != nil {
			return err
		}
		_, err = t.Exec(`DELETE FROM webhooks WHERE id = $1 AND account = $2`, id, owner)
		return err
	})
	if err != nil {
		return fmt.Errorf("outbox: delete webhook: %w", err)
	}
	return nil
}

// TestWebhook stores a test delivery, and a.
func (b *Outbox) TestWebhook(ctx context.Context, by audit.Grant, d notify.Delivery, a audit.Action) error {
	err := b.change(ctx, by, a, func(t *db.Tx) error { return ledger.Deliver(t, d, 0) })
	if b.db.Dangling(err) {
		err = fault.New(fault.NotFound, "There is no such webhook.")
	}
	if err != nil {
		return fmt.Errorf("outbox: test webhook: %w", err)
	}
	return nil
}
