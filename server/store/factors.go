package store

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

var _ account.FactorStore = (*Store)(nil)

var passkeys = db.NewTable("passkeys", func(p *account.Passkey) []db.Column {
	return []db.Column{
		db.Col("id", &p.ID), db.Col("member", &p.Member), db.Col("name", &p.Name), db.Col("credential", &p.Credential), db.Col("data", &p.Data),
		db.Col("created", db.Time(&p.Created)), db.Col("last_used", db.Time(&p.LastUsed)),
	}
})

// changeFactor is changeRight for a member's sign-in factors: nothing else
// changes them while fn runs, and all sessions of the member end except the
// one to keep.
func (s *Store) changeFactor(ctx context.Context, by audit.Grant, member, keep string, a audit.Action, fn func(*db.Tx) error) error {
	err := s.changeRight(ctx, by, a.Account, a, func(t *db.Tx) error {
		n, err := t.Exec(`UPDATE members SET email = email WHERE id = $1 AND account = $2`, member, a.Account)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "There is no such member.")
		}
		if err := fn(t); err != nil {
			return err
		}
		return endSessions(t, member, keep)
	})
	if err != nil {
		return fmt.Errorf("store: change factor: %w", err)
	}
	return nil
}

// SetPassword stores the hash of the member's password and a, and ends the
// other sessions.
func (s *Store) SetPassword(ctx context.Context, by audit.Grant, member, hash string, at time.Time, keep string, a audit.Action) error {
	return s.changeFactor(ctx, by, member, keep, a, func(t *db.Tx) error {
		_, err := t.Exec(`UPDATE members SET password = $2, password_set = $3 WHERE id = $1`, member, hash, db.Millis(at))
		return err
	})
}

// SetTOTP stores the member's authenticator app and a. It ends the other
// sessions and confirms the one to keep.
func (s *Store) SetTOTP(ctx context.Context, by audit.Grant, member string, app account.TOTP, keep string, a audit.Action) error {
	return s.changeFactor(ctx, by, member, keep, a, func(t *db.Tx) error {
		_, err := t.Exec(`UPDATE members SET totp = $2, totp_step = $3, totp_since = $4 WHERE id = $1`,
			member, app.Encrypted, app.Step, db.Millis(app.Since))
		if err != nil {
			return err
		}
		return confirmSession(t, keep, app.Since)
	})
}

func confirmSession(t *db.Tx, session string, at time.Time) error {
	_, err := t.Exec(`UPDATE sessions SET confirmed = $2 WHERE id = $1`, session, db.Millis(at))
	return err
}

// RemoveTOTP removes the authenticator app and stores a. If it is the last
// factor, it returns a LastFactor fault.
func (s *Store) RemoveTOTP(ctx context.Context, by audit.Grant, member, keep string, a audit.Action) error {
	return s.changeFactor(ctx, by, member, keep, a, func(t *db.Tx) error {
		n, err := t.Exec(`UPDATE members SET totp = NULL, totp_since = 0 WHERE id = $1 AND totp IS NOT NULL
			AND EXISTS (SELECT 1 FROM passkeys WHERE member = $1)`, member)
		return lastFactor(n, err)
	})
}

// AddPasskey stores p and a. It ends the other sessions and confirms the one
// to keep. If the credential is already in use, it returns a PasskeyRefused
// fault.
func (s *Store) AddPasskey(ctx context.Context, by audit.Grant, p account.Passkey, keep string, a audit.Action) error {
	err := s.changeFactor(ctx, by, p.Member, keep, a, func(t *db.Tx) error {
		if err := passkeys.Insert(t, p); err != nil {
			return err
		}
		return confirmSession(t, keep, p.Created)
	})
	if s.db.Taken(err) {
		return fault.New(fault.PasskeyRefused, "This passkey is already in use. Create another one.")
	}
	return err
}

// RemovePasskey removes a passkey of the member and stores a. If it is the
// last factor, it returns a LastFactor fault.
func (s *Store) RemovePasskey(ctx context.Context, by audit.Grant, member, passkey, keep string, a audit.Action) error {
	return s.changeFactor(ctx, by, member, keep, a, func(t *db.Tx) error {
		var n int64
		if err := t.Row(`SELECT COUNT(*) FROM passkeys WHERE id = $1 AND member = $2`, passkey, member).Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "There is no such passkey.")
		}
		return lastFactor(t.Exec(`DELETE FROM passkeys WHERE id = $2 AND member = $1 AND (
			EXISTS (SELECT 1 FROM members WHERE id = $1 AND totp IS NOT NULL) OR
			EXISTS (SELECT 1 FROM passkeys WHERE member = $1 AND id <> $2))`, member, passkey))
	})
}

// lastFactor returns the fault that explains why no row was changed.
func lastFactor(n int64, err error) error {
	if err == nil && n == 0 {
		err = fault.New(fault.LastFactor, "This is your last second factor. Add another one first, then remove this one.")
	}
	return err
}

// Passkeys returns the passkeys of a member, oldest first.
func (s *Store) Passkeys(ctx context.Context, member string) ([]account.Passkey, error) {
	all, err := passkeys.All(s.db.Read(ctx), `SELECT `+passkeys.Columns+` FROM passkeys WHERE member = $1 ORDER BY created, id`, member)
	if err != nil {
		return nil, fmt.Errorf("store: passkeys: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// SetCodes replaces the hashes of the recovery codes and stores a.
func (s *Store) SetCodes(ctx context.Context, by audit.Grant, member string, hashes [][]byte, at time.Time, keep string, a audit.Action) error {
	return s.changeFactor(ctx, by, member, keep, a, func(t *db.Tx) error {
		if _, err := t.Exec(`DELETE FROM recovery_codes WHERE member = $1`, member); err != nil {
			return err
		}
		for _, hash := range hashes {
			if _, err := t.Exec(`INSERT INTO recovery_codes (member, hash) VALUES ($1, $2)`, member, hash); err != nil {
				return err
			}
		}
		_, err := t.Exec(`UPDATE members SET codes_made = $2 WHERE id = $1`, member, db.Millis(at))
		return err
	})
}

// ResetFactors removes all second factors and sessions of the member and
// stores a.
func (s *Store) ResetFactors(ctx context.Context, by audit.Grant, member string, a audit.Action) error {
	return s.changeFactor(ctx, by, member, "", a, func(t *db.Tx) error {
		for _, statement := range []string{
			`UPDATE members SET totp = NULL, totp_since = 0, codes_made = 0 WHERE id = $1`,
			`DELETE FROM passkeys WHERE member = $1`,
			`DELETE FROM recovery_codes WHERE member = $1`,
		} {
			if _, err := t.Exec(statement, member); err != nil {
				return err
			}
		}
		return nil
	})
}
