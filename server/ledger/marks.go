package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
)

// mailMark is set while mails can be sent.
const mailMark = "mail"

// setMarkIfOlder sets a mark to now and reports true, unless it was set since the time.
func setMarkIfOlder(t *db.Tx, name string, now, since time.Time) (bool, error) {
	n, err := t.Exec(`INSERT INTO marks (name, at) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET at = $2 WHERE marks.at < $3`, name, db.Millis(now), db.Millis(since))
	return n == 1, err
}

// clearMarks takes away all marks that begin so, but one.
func clearMarks(t *db.Tx, begin, except string) error {
	_, err := t.Exec(`DELETE FROM marks WHERE SUBSTR(name, 1, LENGTH($1)) = $1 AND name <> $2`, begin, except)
	return err
}

// SetMail notes whether mails can be sent: where they cannot, none are kept to
// be sent. It is bookkeeping and leaves no action.
func (l *Ledger) SetMail(ctx context.Context, on bool) error {
	err := l.db.Transact(ctx, func(t *db.Tx) error {
		if on {
			_, err := mark(t, mailMark, l.now())
			return err
		}
		_, err := t.Exec(`DELETE FROM marks WHERE name = $1`, mailMark)
		return err
	})
	if err != nil {
		return fmt.Errorf("ledger: set mail: %w", err)
	}
	return nil
}

// mark sets a mark and reports whether it was not set before.
func mark(t *db.Tx, name string, at time.Time) (bool, error) {
	n, err := t.Exec(`INSERT INTO marks (name, at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, db.Millis(at))
	return n == 1, err
}

// SendsMail reports whether mails can be sent.
func SendsMail(t *db.Tx) (bool, error) {
	var n int
	err := t.Row(`SELECT COUNT(*) FROM marks WHERE name = $1`, mailMark).Scan(&n)
	return n == 1, err
}

// Once records the action if none was recorded by this name before, on any
// server.
func (l *Ledger) Once(ctx context.Context, by audit.Grant, name string, a audit.Action) error {
	err := l.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		if fresh, err := mark(t, name, l.now()); err != nil || !fresh {
			return nil, err
		}
		return []audit.Action{a}, nil
	})
	if err != nil {
		return fmt.Errorf("ledger: once: %w", err)
	}
	return nil
}

// UseIdentity notes that profiles are signed by the certificate of the
// fingerprint. Where it was another before, on whatever server, it keeps a as
// an IdentityChange.
func (l *Ledger) UseIdentity(ctx context.Context, by audit.Grant, fingerprint string, a audit.Action) error {
	err := l.db.Transact(ctx, func(t *db.Tx) error {
		name := identityMark + fingerprint
		fresh, err := mark(t, name, l.now())
		if err != nil || !fresh {
			return err
		}
		var old string
		err = t.Row(`SELECT COALESCE(MAX(name), '') FROM marks WHERE SUBSTR(name, 1, LENGTH($1)) = $1 AND name <> $2`,
			identityMark, name).Scan(&old)
		if err != nil || old == "" {
			return err
		}
		if err := clearMarks(t, identityMark, name); err != nil {
			return err
		}
		a.Name, a.Changes = audit.IdentityChange, []audit.Change{{Field: "fingerprint", Old: old[len(identityMark):], New: fingerprint}}
		return l.Append(t, Entry{by, a})
	})
	if err != nil {
		return fmt.Errorf("ledger: use identity: %w", err)
	}
	return nil
}
