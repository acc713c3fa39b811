package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
)

// retainBatch is how many actions lose their content in one transaction, during
// which their log is locked.
const retainBatch = 500

// Retain removes the content of the account's actions that r names: leaf,
// personal text and columns. Number, time and hash stay, so the tree stays too.
// It returns how many. The first batch is stored together with a as a signed
// LogRetain that says how far it goes; if a later one fails, the next call
// continues. If there is nothing to remove, or if the setting may have changed
// since the log was checked, nothing happens.
func (l *Ledger) Retain(ctx context.Context, by audit.Grant, account string, r audit.Retention, a audit.Action) (int64, error) {
	size, first, _, err := l.logBounds(ctx, account)
	if err != nil {
		return 0, l.found("log", err)
	}
	if r.Through > size {
		return 0, fmt.Errorf("ledger: retain: through %d of %d actions", r.Through, size)
	}
	a, err = a.RecordRetain(l.signer, account, first+1, r)
	if err != nil {
		return 0, fmt.Errorf("ledger: retain: %w", err)
	}
	at := first
	for at < r.Through {
		end := min(at+retainBatch, r.Through)
		err := l.db.Transact(ctx, func(t *db.Tx) error {
			if at > first {
				return errors.Join(checkGrant(t, by, l.now()), stripContent(t, account, at, end))
			}
			return l.change(t, by, func(t *db.Tx) ([]audit.Action, error) {
				if err := stripContent(t, account, at, end); err != nil {
					return nil, err
				}
				return []audit.Action{a}, sameRetention(t, account, r)
			})
		})
		if errors.Is(err, errNothing) { // another server is doing it, or the setting has changed
			break
		}
		if err != nil {
			return at - first, fmt.Errorf("ledger: retain: %w", err)
		}
		at = end
	}
	return at - first, nil
}

// sameRetention returns errNothing if the account's setting may differ from
// that of r. The head of the log must be locked.
func sameRetention(t *db.Tx, account string, r audit.Retention) error {
	var days int
	var changed int64
	err := t.Row(`SELECT retention_days, (SELECT COUNT(*) FROM actions WHERE account = $1 AND seq > $2 AND name = $3)
		FROM accounts WHERE id = $1`, account, r.Checked, string(audit.AccountUpdate)).Scan(&days, &changed)
	if err == nil && (days != r.Days || changed > 0) {
		err = errNothing
	}
	return err
}

// stripContent removes the content of a range of actions, unless the removal
// isn't at its beginning.
func stripContent(t *db.Tx, account string, after, to int64) error {
	n, err := t.Exec(`UPDATE logs SET retained = $3 WHERE account = $1 AND retained = $2`, account, after, to)
	if err == nil && n == 0 {
		err = errNothing
	}
	if err != nil {
		return err
	}
	_, err = t.Exec(`UPDATE actions SET events = '', name = '', outcome = '', actor_kind = '', actor_id = '', interface = '',
		target_kind = '', target_id = '', link = '', profile = '', domain = '', mailbox = '', ip = NULL,
		leaf = NULL, personal = NULL, salt = NULL WHERE account = $1 AND seq > $2 AND seq <= $3`, account, after, to)
	return err
}

// Retention returns after how many days the content of the account's actions is
// removed; 0: never. A missing account is a NotFound fault.
func (l *Ledger) Retention(ctx context.Context, account string) (int, error) {
	var days int
	err := l.db.Read(ctx).Row(`SELECT retention_days FROM accounts WHERE id = $1`, account).Scan(&days)
	if err != nil {
		return 0, l.found("account", err)
	}
	return days, nil
}

// SetRetention sets after how many days the content of the account's actions is
// removed, 0 for never, and records a as a signed AccountUpdate.
func (l *Ledger) SetRetention(ctx context.Context, by audit.Grant, account string, days int, a audit.Action) error {
	if err := audit.CheckRetention(days); err != nil {
		return err
	}
	err := l.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		var old int // the statement locks the row and changes nothing
		err := t.Row(`UPDATE accounts SET retention_days = retention_days WHERE id = $1 RETURNING retention_days`, account).Scan(&old)
		if err != nil || old == days {
			return nil, err
		}
		if _, err := t.Exec(`UPDATE accounts SET retention_days = $2 WHERE id = $1`, account, days); err != nil {
			return nil, err
		}
		done, err := a.RecordRetention(l.signer, account, old, days)
		return []audit.Action{done}, err
	})
	if err != nil {
		return l.found("account", err)
	}
	return nil
}
