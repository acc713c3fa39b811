package store

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/ledger"
)

// SetMail records whether email can be sent. If it can't, no emails are stored
// for sending. It is bookkeeping and logs no action.
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

// endRestored invalidates all links, tickets and sessions of a database that was
// restored from a backup, because that doesn't know what was revoked or used
// later. The first store that opens the database does so, before anything else,
// and records the restore.
func (s *Store) endRestored(ctx context.Context) error {
	var restored int64
	if err := s.db.Read(ctx).Row(`SELECT restored FROM installation`).Scan(&restored); err != nil {
		return fmt.Errorf("store: restored: %w", s.db.Diagnose(err))
	}
	if restored == 0 {
		return nil
	}
	err := s.Change(ctx, audit.ByProgram(), func(t *db.Tx) ([]audit.Action, error) {
		n, err := t.Exec(`UPDATE installation SET restored = 0 WHERE restored = $1`, restored)
		if err != nil || n == 0 {
			return nil, err
		}
		for _, statement := range []string{`DELETE FROM sessions`, `DELETE FROM ceremonies`, `DELETE FROM tickets`} {
			if _, err := t.Exec(statement); err != nil {
				return nil, err
			}
		}
		if _, err := t.Exec(`UPDATE links SET revoked = $1 WHERE revoked = 0`, db.Millis(s.now())); err != nil {
			return nil, err
		}
		return []audit.Action{{
			Account: account.Installation, Name: audit.InstallationRestore, Outcome: audit.Done,
			Target:  audit.Target{Kind: audit.InstallationTarget, ID: "1", Name: "backup"},
			Changes: []audit.Change{{Field: "created", New: db.Moment(restored).UTC().Format(time.RFC3339)}},
		}}, nil
	})
	if err != nil {
		return fmt.Errorf("store: restored: %w", err)
	}
	return nil
}

// LastBackup returns when the last backup was written, or the zero time if
// never.
func (s *Store) LastBackup(ctx context.Context) (time.Time, error) {
	var at int64
	err := s.db.Read(ctx).Row(`SELECT backup FROM installation`).Scan(&at)
	if err != nil {
		return time.Time{}, fmt.Errorf("store: last backup: %w", s.db.Diagnose(err))
	}
	return db.Moment(at), nil
}

// UnreportedBackup returns when the last backup was written, or the zero time if
// never, or if NoteOldBackup has reported it.
func (s *Store) UnreportedBackup(ctx context.Context) (time.Time, error) {
	var at int64
	err := s.db.Read(ctx).Row(`SELECT CASE WHEN backup_told = backup THEN 0 ELSE backup END FROM installation`).Scan(&at)
	if err != nil {
		return time.Time{}, fmt.Errorf("store: unreported backup: %w", s.db.Diagnose(err))
	}
	return db.Moment(at), nil
}

// NoteOldBackup stores a, which says that the last backup is too old, unless a
// server has already done so, or a newer backup was written. at is when the last
// backup was written.
func (s *Store) NoteOldBackup(ctx context.Context, by audit.Grant, at time.Time, a audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		n, err := t.Exec(`UPDATE installation SET backup_told = backup WHERE backup = $1 AND backup_told <> backup`, db.Millis(at))
		if err != nil || n == 0 {
			return nil, err
		}
		return []audit.Action{a}, nil
	})
	if err != nil {
		return fmt.Errorf("store: note old backup: %w", err)
	}
	return nil
}

// UseIdentity records that profiles are signed with the certificate that has
// the fingerprint, for the key. If another certificate signed before, on any
// server, it stores a: as an IdentityRenew if that had the same key, or else
// as an IdentityChange.
func (s *Store) UseIdentity(ctx context.Context, by audit.Grant, fingerprint, key string, a audit.Action) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		var old, oldKey string
		err := t.Row(`SELECT identity, key FROM installation`+t.Exclusive()).Scan(&old, &oldKey)
		if err != nil || old == fingerprint {
			return err
		}
		if _, err := t.Exec(`UPDATE installation SET identity = $1, key = $2`, fingerprint, key); err != nil || old == "" {
			return err
		}
		a := a // the transaction may run again
		a.Name, a.Changes = audit.IdentityChange, []audit.Change{{Field: "fingerprint", Old: old, New: fingerprint}}
		if key == oldKey && key != "" {
			a.Name = audit.IdentityRenew
		}
		return s.Append(t, ledger.Entry{By: by, Action: a})
	})
	if err != nil {
		return fmt.Errorf("store: use identity: %w", err)
	}
	return nil
}

// NoteExpiry stores a, which says that a certificate or key expires in so many
// days, unless a server has already done so for these days. A certificate is
// identified by its fingerprint, a key by its ID.
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
