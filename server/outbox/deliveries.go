package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/notify"
)

var _ notify.DeliveryStore = (*Outbox)(nil)

// logs are the logs whose actions are reported to the webhooks of an account.
func logs(owner string) [2]string {
	if owner == ledger.Home(account.Installation) {
		return [2]string{owner, account.Installation}
	}
	return [2]string{owner, owner}
}

// Deliveries returns the last deliveries to a webhook of the account, newest
// first. Without a webhook it returns those by email.
func (b *Outbox) Deliveries(ctx context.Context, owner, webhook string) ([]notify.Delivery, error) {
	var w db.Where
	if webhook == "" {
		w.Add(`account = ?`, owner)
		w.Add(`webhook IS NULL`)
	} else {
		from := logs(owner)
		w.Add(`account IN (?, ?)`, from[0], from[1])
		w.Add(`webhook = ?`, webhook)
	}
	query, args := w.Query(`SELECT `+ledger.Deliveries.Columns+` FROM deliveries`, `ORDER BY created DESC, id DESC LIMIT ?`, notify.History)
	all, err := ledger.Deliveries.All(b.db.Read(ctx), query, args...)
	if err != nil {
		return nil, fmt.Errorf("outbox: deliveries: %w", b.db.Diagnose(err))
	}
	return all, nil
}

// BeginTry counts an attempt at a waiting delivery and returns what to
// deliver. If the delivery isn't waiting, it returns a NotFound fault. If the
// address has received enough emails for now, the delivery is held for a
// digest.
func (b *Outbox) BeginTry(ctx context.Context, id string) (notify.Try, error) {
	var try notify.Try
	err := b.db.Transact(ctx, func(t *db.Tx) (err error) {
		try = notify.Try{}
		try.Delivery, err = ledger.Deliveries.Scan(t.Row(`UPDATE deliveries SET tries = tries + 1, tried = $2, failure = $3
			WHERE id = $1 AND state = 'waiting' RETURNING `+ledger.Deliveries.Columns, id, db.Millis(b.now()), string(notify.Interrupted)))
		if err != nil {
			return err
		}
		if try.Address != "" {
			if err := limitFlood(t, &try, b.now()); err != nil {
				return err
			}
		}
		if err := readLanguage(t, &try); err != nil {
			return err
		}
		return readSubject(t, &try)
	})
	if err != nil {
		return notify.Try{}, b.found("delivery", err)
	}
	return try, nil
}

// readLanguage reads the recipient's language: that of the member or the
// invitation, or else that of the account's first owner.
func readLanguage(t *db.Tx, try *notify.Try) error {
	if try.Address == "" {
		return nil
	}
	return t.Row(`SELECT COALESCE(
		(SELECT NULLIF(language, '') FROM members WHERE email = $1),
		(SELECT NULLIF(language, '') FROM invitations WHERE account = $2 AND email = $1 ORDER BY created DESC LIMIT 1),
		(SELECT language FROM members WHERE account = $2 AND role = 'owner' ORDER BY created, id LIMIT 1), '')`,
		try.Address, ledger.Home(try.Account)).Scan(&try.Language)
}

// readSubject reads the action or the checkpoint of the attempt. If the log no
// longer has its content, there is nothing to send.
func readSubject(t *db.Tx, try *notify.Try) error {
	if try.Seq == 0 || try.State != notify.Waiting {
		return nil
	}
	if try.Type == notify.LogCheckpoint {
		err := t.Row(`SELECT note FROM checkpoints WHERE account = $1 AND size = $2`, try.Account, try.Seq).Scan(&try.Note)
		if errors.Is(err, db.ErrNoRows) {
			return dropTry(t, try)
		}
		return err
	}
	there, err := readAction(t, try)
	if err == nil && !there {
		return dropTry(t, try)
	}
	return err
}

// readAction reads the action of the attempt. It reports whether the log still
// has its content.
func readAction(t *db.Tx, try *notify.Try) (there bool, err error) {
	rec, err := ledger.ReadRecord(t, try.Account, try.Seq)
	if errors.Is(err, db.ErrNoRows) || err == nil && rec.Leaf == nil {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	try.Record = rec
	err = t.Row(`SELECT links.external_id FROM actions JOIN links ON links.id = actions.link
		WHERE actions.account = $1 AND actions.seq = $2`, try.Account, try.Seq).Scan(&try.ExternalID)
	if errors.Is(err, db.ErrNoRows) { // there was no link, or it was deleted
		err = nil
	}
	return true, err
}

// Payloads returns the deliveries with their content. It leaves out those
// whose content was removed.
func (b *Outbox) Payloads(ctx context.Context, all []notify.Delivery) ([]notify.Try, error) {
	t := b.db.Read(ctx)
	var tries []notify.Try
	for _, d := range all {
		try, there, err := notify.Try{Delivery: d}, true, error(nil)
		switch {
		case d.Seq == 0:
		case d.Type == notify.LogCheckpoint:
			err = t.Row(`SELECT note FROM checkpoints WHERE account = $1 AND size = $2`, d.Account, d.Seq).Scan(&try.Note)
			if errors.Is(err, db.ErrNoRows) {
				there, err = false, nil
			}
		default:
			there, err = readAction(t, &try)
		}
		if err != nil {
			return nil, fmt.Errorf("outbox: payloads: %w", b.db.Diagnose(err))
		}
		if there {
			tries = append(tries, try)
		}
	}
	return tries, nil
}

// Delivery returns a delivery to a webhook of the account, or a NotFound fault.
func (b *Outbox) Delivery(ctx context.Context, owner, webhook, id string) (notify.Delivery, error) {
	d, err := ledger.Deliveries.Scan(b.db.Read(ctx).Row(`SELECT `+ledger.Deliveries.Columns+` FROM deliveries
		WHERE id = $1 AND account = $2 AND webhook = $3`, id, owner, webhook))
	if err != nil {
		return notify.Delivery{}, b.found("delivery", err)
	}
	return d, nil
}

func dropTry(t *db.Tx, try *notify.Try) error {
	try.State = notify.Dropped
	return endTry(t, try.ID, notify.Outcome{State: notify.Dropped}, try.Tried)
}

// limitFlood protects an address from too many emails. A digest counts the
// emails that it replaces. Any other email is held if there were too many
// within the hour.
func limitFlood(t *db.Tx, try *notify.Try, now time.Time) error {
	sum := sha256.Sum256([]byte(try.Address))
	// This row serializes transactions that count for the same address.
	_, err := t.Exec(`INSERT INTO limits (key, began, ends, used) VALUES ($1, $2, $3, 1)
		ON CONFLICT (key) DO UPDATE SET ends = $3`, "mail "+hex.EncodeToString(sum[:]), db.Millis(now), db.Millis(now.Add(notify.FloodWindow)))
	if err != nil {
		return err
	}
	if try.Type == notify.DigestMail {
		_, err := t.Exec(`UPDATE deliveries SET digest = $2 WHERE address = $1 AND state = 'held' AND digest = ''`, try.Address, try.ID)
		if err != nil {
			return err
		}
		return t.Row(`SELECT COUNT(*) FROM deliveries WHERE digest = $1`, try.ID).Scan(&try.Held)
	}
	var many, first int64
	err = t.Row(`SELECT COUNT(*), COALESCE(MIN(tried), 0) FROM deliveries WHERE address = $1 AND id <> $2 AND tried > $3 AND tried <= $6
		AND (state = 'sent' OR (state = 'waiting' AND failure = $4 AND tried > $5))`,
		try.Address, try.ID, db.Millis(now.Add(-notify.FloodWindow)), string(notify.Interrupted), db.Millis(now.Add(-notify.InFlight)), db.Millis(now.Add(audit.ClockSkew))).Scan(&many, &first)
	if err != nil || many < notify.FloodMost {
		return err
	}
	try.State = notify.Held
	if err := endTry(t, try.ID, notify.Outcome{State: notify.Held}, now); err != nil {
		return err
	}
	return ensureDigest(t, try.Delivery, now, db.Moment(first).Add(notify.FloodWindow).Sub(now))
}

// ensureDigest makes sure that one digest is waiting for the address of the
// held emails.
func ensureDigest(t *db.Tx, d notify.Delivery, now time.Time, delay time.Duration) error {
	var n int
	err := t.Row(`SELECT COUNT(*) FROM deliveries WHERE address = $1 AND type = $2 AND state = 'waiting' AND tries = 0`,
		d.Address, string(notify.DigestMail)).Scan(&n)
	if err != nil || n > 0 {
		return err
	}
	return ledger.Deliver(t, notify.Delivery{Account: d.Account, Type: notify.DigestMail, Address: d.Address, Created: now}, delay)
}

// endTry records the result of an attempt.
func endTry(t *db.Tx, id string, o notify.Outcome, at time.Time) error {
	ended := db.Millis(at)
	if o.State == notify.Waiting {
		ended = 0
	}
	_, err := t.Exec(`UPDATE deliveries SET state = $2, status = $3, failure = $4, ended = $5 WHERE id = $1 AND state = 'waiting'`,
		id, string(o.State), o.Status, string(o.Failure), ended)
	return err
}

// EndTry records the result of an attempt to send an email.
func (b *Outbox) EndTry(ctx context.Context, d notify.Delivery, o notify.Outcome) error {
	if err := b.db.Transact(ctx, func(t *db.Tx) error { return endTry(t, d.ID, o, b.now()) }); err != nil {
		return fmt.Errorf("outbox: end try: %w", err)
	}
	return nil
}

// EndCall records the result of a webhook call and its effect on the webhook.
// If the webhook must be disabled, EndCall does so with the reason and drops
// its other deliveries. The grant records the actions for that.
func (b *Outbox) EndCall(ctx context.Context, by audit.Grant, d notify.Delivery, o notify.Outcome, disable notify.Reason) error {
	err := b.db.Transact(ctx, func(t *db.Tx) error {
		now := b.now()
		if err := ledger.LockAccount(t, d.Account); err != nil {
			return err
		}
		w, err := webhooks.Scan(t.Row(`SELECT `+webhooks.Columns+` FROM webhooks WHERE id = $1`, d.Webhook))
		if errors.Is(err, db.ErrNoRows) {
			return nil // deleted, with its deliveries
		}
		if err != nil {
			return err
		}
		if err := endTry(t, d.ID, o, now); err != nil {
			return err
		}
		if err := trimDeliveries(t, d.Webhook); err != nil {
			return err
		}
		switch {
		case o.State == notify.Sent:
			_, err := t.Exec(`UPDATE webhooks SET failing = 0, told = 0 WHERE id = $1 AND failing > 0`, w.ID)
			return err
		case disable != "" && w.Disabled.IsZero():
			return b.disableWebhook(t, by, w, disable, now)
		case disable != "":
			return nil
		}
		return b.noteFailing(t, by, w, d.Tried, now)
	})
	if err != nil {
		return fmt.Errorf("outbox: end call: %w", err)
	}
	return nil
}

// trimDeliveries deletes all but the last deliveries to a webhook.
func trimDeliveries(t *db.Tx, webhook string) error {
	_, err := t.Exec(`DELETE FROM deliveries WHERE webhook = $1 AND state <> 'waiting' AND id NOT IN (
		SELECT id FROM deliveries WHERE webhook = $1 ORDER BY created DESC, id DESC LIMIT $2)`, webhook, notify.History)
	return err
}

func (b *Outbox) disableWebhook(t *db.Tx, by audit.Grant, w notify.Webhook, reason notify.Reason, now time.Time) error {
	_, err := t.Exec(`UPDATE webhooks SET disabled = $2, reason = $3 WHERE id = $1`, w.ID, db.Millis(now), string(reason))
	if err != nil {
		return err
	}
	_, err = t.Exec(`UPDATE deliveries SET state = 'dropped', ended = $2 WHERE webhook = $1 AND state = 'waiting'`, w.ID, db.Millis(now))
	if err != nil {
		return err
	}
	if err := countHooks(t, w.Account); err != nil {
		return err
	}
	return b.ledger.Append(t, ledger.Entry{By: by, Action: w.Action(audit.WebhookDisable, by, string(reason))})
}

// noteFailing records since when a webhook has been failing, and notifies once
// if that is long ago. It uses the time of the attempt's start, so that
// callers can't see how long the call took.
func (b *Outbox) noteFailing(t *db.Tx, by audit.Grant, w notify.Webhook, tried time.Time, now time.Time) error {
	_, err := t.Exec(`UPDATE webhooks SET failing = $2 WHERE id = $1 AND failing = 0`, w.ID, db.Millis(tried))
	if err != nil {
		return err
	}
	long, err := t.Exec(`UPDATE webhooks SET told = 1 WHERE id = $1 AND told = 0 AND failing <= $2`, w.ID, db.Millis(now.Add(-notify.FailingLong)))
	if err != nil || long == 0 {
		return err
	}
	return b.ledger.Append(t, ledger.Entry{By: by, Action: w.Action(audit.WebhookFailing, by, "")})
}

// WebhookByID returns a webhook of any account, or a NotFound fault.
func (b *Outbox) WebhookByID(ctx context.Context, id string) (notify.Webhook, error) {
	w, err := webhooks.Scan(b.db.Read(ctx).Row(`SELECT `+webhooks.Columns+` FROM webhooks WHERE id = $1`, id))
	if err != nil {
		return notify.Webhook{}, b.found("webhook", err)
	}
	return w, nil
}
