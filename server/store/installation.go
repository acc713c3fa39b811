package store

import (
	"context"
	"fmt"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/notify"
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
// fingerprint, which a's target names. If another signed before, on whatever
// server, it keeps a as an IdentityChange, which says if that had the same name:
// then the certificate was renewed.
func (s *Store) UseIdentity(ctx context.Context, by audit.Grant, fingerprint string, a audit.Action) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		var old, name string
		err := t.Row(`SELECT identity, signer FROM installation`+t.Exclusive()).Scan(&old, &name)
		if err != nil || old == fingerprint {
			return err
		}
		if _, err := t.Exec(`UPDATE installation SET identity = $1, signer = $2`, fingerprint, a.Target.Name); err != nil || old == "" {
			return err
		}
		a := a // the transaction may run again
		a.Name, a.Changes = audit.IdentityChange, []audit.Change{{Field: "fingerprint", Old: old, New: fingerprint}}
		if name == a.Target.Name && name != "" {
			a.Changes = append(a.Changes, notify.RenewedField)
		}
		return s.Append(t, ledger.Entry{By: by, Action: a})
	})
	if err != nil {
		return fmt.Errorf("store: use identity: %w", err)
	}
	return nil
}

// NoteExpiry keeps a, which says that a certificate or key expires in so many
// days, unless any server did for these days. A certificate is known by its
// fingerprint, a key by its ID.
func (s *Store) NoteExpiry(ctx context.Context, by audit.Grant, identity string, days int, a audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		n, err := t.Exec(`INSERT INTO expiry_notices (identity, days, created) VALUES ($1, $2, $3) ON CONFLICT (identity, days) DO NOTHING`,
			identity, days, db.Millis(s.now()))
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
