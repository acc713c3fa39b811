package store

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/ledger"
)

// SetMail notes whether mails can be sent: where they cannot, none are kept to
// be sent. It is bookkeeping and leaves no action.
func (s *Store) SetMail(ctx context.Context, on bool) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(`UPDATE installation SET mail = $1 WHERE mail <> $1`, db.Bit(on))
		return err
	})
	if err != nil {
		return fmt.Errorf("store: set mail: %w", err)
	}
	return nil
}

// UseIdentity notes that profiles are signed by the certificate of the
// fingerprint. If another signed before, on whatever server, it keeps a as an
// IdentityChange.
func (s *Store) UseIdentity(ctx context.Context, by audit.Grant, fingerprint string, a audit.Action) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		var old string
		err := t.Row(`SELECT identity FROM installation` + t.Exclusive()).Scan(&old)
		if err != nil || old == fingerprint {
			return err
		}
		if _, err := t.Exec(`UPDATE installation SET identity = $1`, fingerprint); err != nil || old == "" {
			return err
		}
		a := a // the transaction may run again
		a.Name, a.Changes = audit.IdentityChange, []audit.Change{{Field: "fingerprint", Old: old, New: fingerprint}}
		return s.Append(t, ledger.Entry{By: by, Action: a})
	})
	if err != nil {
		return fmt.Errorf("store: use identity: %w", err)
	}
	return nil
}

// NoteExpiry keeps a, which says that the certificate of the fingerprint
// expires in so many days, unless any server did for these days.
func (s *Store) NoteExpiry(ctx context.Context, by audit.Grant, fingerprint string, days int, a audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		n, err := t.Exec(`INSERT INTO expiry_notices (identity, days, created) VALUES ($1, $2, $3) ON CONFLICT (identity, days) DO NOTHING`,
			fingerprint, days, db.Millis(s.now()))
		if err != nil || n == 0 {
			return nil, err
		}
		return []audit.Action{a}, nil
	})
	if err != nil {
		return fmt.Errorf("store: note expiry: %w", err)
	}
	return nil
}

// LastBackup returns when a backup was last written; the zero time if none was.
func (s *Store) LastBackup(ctx context.Context) (time.Time, error) {
	var at time.Time
	if err := s.db.Read(ctx).Row(`SELECT backup FROM installation`).Scan(db.Time(&at)); err != nil {
		return time.Time{}, fmt.Errorf("store: last backup: %w", s.db.Diagnose(err))
	}
	return at, nil
}
