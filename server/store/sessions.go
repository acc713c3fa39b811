package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

var (
	_ account.SessionStore  = (*Store)(nil)
	_ account.CeremonyStore = (*Store)(nil)
)

var sessions = db.NewTable("sessions", func(s *account.Session) []db.Column {
	return []db.Column{
		db.Col("id", &s.ID), db.Col("member", &s.Member), db.Col("hash", &s.Hash), db.Col("method", &s.Method), db.Col("client", &s.Client),
		db.Col("ip", &s.IP), db.Col("created", db.Time(&s.Created)), db.Col("last_used", db.Time(&s.LastUsed)),
		db.Col("confirmed", db.Time(&s.Confirmed)), db.Col("visits", &s.Visits), db.Col("visit_changes", db.Bool(&s.VisitChanges)),
	}
})

var selectSession = `SELECT ` + sessions.Columns + `, ` + memberColumns + `, ` + accountColumns + `
	FROM sessions JOIN members ON members.id = sessions.member JOIN accounts ON accounts.id = members.account
	WHERE sessions.hash = $1`

// CreateSession uses up the proof and stores n and a. If the proof was used
// before, or was checked against a password or factor that has changed since,
// it stores nothing and returns a SignInRefused fault. For a member of a
// suspended account the fault is AccountSuspended.
func (s *Store) CreateSession(ctx context.Context, by audit.Grant, n account.Session, proof account.Used, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		if err := useUp(t, proof, n.Created); err != nil {
			return err
		}
		return sessions.Insert(t, n)
	})
	if err != nil {
		return fmt.Errorf("store: create session: %w", err)
	}
	return nil
}

// useUp uses up a proof, or returns a SignInRefused fault. It locks the
// member.
func useUp(t *db.Tx, p account.Used, at time.Time) error {
	n, err := t.Exec(`UPDATE members SET last_seen = $2 WHERE id = $1 AND password = $3 AND totp_since = $4`,
		p.Member, db.Millis(at), p.Password, db.Millis(p.TOTPSince))
	if err == nil && n == 1 {
		n, err = useProof(t, p, at)
	}
	if err == nil && n == 0 {
		err = fault.New(fault.SignInRefused, "This was already used.")
	}
	return err
}

// useProof reports as a number of rows whether the proof could be used.
func useProof(t *db.Tx, p account.Used, at time.Time) (int64, error) {
	switch p.Method {
	case account.ByTOTP:
		// A step far ahead was recorded by a wrong clock.
		return t.Exec(`UPDATE members SET totp_step = $2 WHERE id = $1 AND totp IS NOT NULL AND (totp_step < $2 OR totp_step > $3)`,
			p.Member, p.Step, p.Step+account.StepsAhead)
	case account.ByRecovery:
		return useCode(t, p)
	case account.ByPasskey:
		return t.Exec(`UPDATE passkeys SET data = $3, last_used = $4 WHERE id = $1 AND member = $2`, p.Key.ID, p.Member, p.Key.Data, db.Millis(at))
	case account.ByPassword:
		return t.Exec(`UPDATE members SET last_seen = last_seen WHERE id = $1 AND totp IS NULL
			AND NOT EXISTS (SELECT 1 FROM passkeys WHERE member = $1)`, p.Member)
	}
	return 0, fmt.Errorf("proof of the unknown method %q", p.Method)
}

// useCode deletes the recovery code in any of its encrypted forms. It uses one
// statement, because the code may be re-encrypted at this moment, and separate
// statements could miss it.
func useCode(t *db.Tx, p account.Used) (int64, error) {
	var w db.Where
	w.Add(`member = ?`, p.Member)
	w.Add(`hash IN (`+strings.TrimPrefix(strings.Repeat(`, ?`, len(p.Codes)), `, `)+`)`, anys(p.Codes)...)
	query, args := w.Query(`DELETE FROM recovery_codes`, ``)
	return t.Exec(query, args...)
}

// Session returns the session with the hash, its member and account, or a
// NotFound fault.
func (s *Store) Session(ctx context.Context, hash []byte) (account.Session, account.Member, account.Account, error) {
	var r account.Session
	var m account.Member
	var a account.Account
	err := s.db.Read(ctx).ByKey(selectSession, hash).Scan(slices.Concat(sessions.Into(&r), intoMember(&m), intoAccount(&a))...)
	if err != nil {
		return account.Session{}, account.Member{}, account.Account{}, s.found("session", err)
	}
	return r, m, a, nil
}

// TouchSession records that the session was used, if it still exists. It is
// bookkeeping and logs no action.
func (s *Store) TouchSession(ctx context.Context, id string, at time.Time) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(`UPDATE sessions SET last_used = $2 WHERE id = $1 AND last_used < $2`, id, db.Millis(at))
		return err
	})
	if err != nil {
		return fmt.Errorf("store: touch session: %w", err)
	}
	return nil
}

// ConfirmSession uses up the proof, gives the session its new hash and time of
// confirmation, and stores a. If the proof was used before, it returns a
// SignInRefused fault, and if the session has ended, a NotFound fault.
func (s *Store) ConfirmSession(ctx context.Context, by audit.Grant, c account.Session, proof account.Used, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		if err := useUp(t, proof, c.Confirmed); err != nil {
			return err
		}
		n, err := t.Exec(`UPDATE sessions SET hash = $2, confirmed = $3, last_used = $3 WHERE id = $1`, c.ID, c.Hash, db.Millis(c.Confirmed))
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "The session has ended.")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store: confirm session: %w", err)
	}
	return nil
}

// Visit makes the session visit the account from now on, or none if it's
// empty, and stores a. It waits for the session's running writes: a visit
// that has ended changes nothing afterwards.
func (s *Store) Visit(ctx context.Context, by audit.Grant, session, visited string, changes bool, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		n, err := t.Exec(`UPDATE sessions SET visits = $2, visit_changes = $3 WHERE id = $1`, session, visited, db.Bit(changes))
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "The session has ended.")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store: visit: %w", err)
	}
	return nil
}

// Sessions returns the sessions of a member, most recently used first.
func (s *Store) Sessions(ctx context.Context, member string) ([]account.Session, error) {
	all, err := sessions.All(s.db.Read(ctx), `SELECT `+sessions.Columns+` FROM sessions WHERE member = $1 ORDER BY last_used DESC, id`, member)
	if err != nil {
		return nil, fmt.Errorf("store: sessions: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// EndSession ends a session of the member and stores a. If it doesn't exist,
// it returns a NotFound fault.
func (s *Store) EndSession(ctx context.Context, by audit.Grant, member, id string, a audit.Action) error {
	err := s.changeRight(ctx, by, a.Account, a, func(t *db.Tx) error {
		n, err := t.Exec(`DELETE FROM sessions WHERE id = $1 AND member = $2`, id, member)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "There is no such session.")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store: end session: %w", err)
	}
	return nil
}

// EndOthers ends all sessions of the member except one, and stores a.
func (s *Store) EndOthers(ctx context.Context, by audit.Grant, member, keep string, a audit.Action) error {
	err := s.changeRight(ctx, by, a.Account, a, func(t *db.Tx) error { return endSessions(t, member, keep) })
	if err != nil {
		return fmt.Errorf("store: end sessions: %w", err)
	}
	return nil
}

// endSessions ends the sessions of the member except the one to keep.
func endSessions(t *db.Tx, member, keep string) error {
	_, err := t.Exec(`DELETE FROM sessions WHERE member = $1 AND id <> $2`, member, keep)
	return err
}

// KeepCeremony stores a passkey ceremony that has begun. It is bookkeeping and
// logs no action.
func (s *Store) KeepCeremony(ctx context.Context, id string, state []byte, expires time.Time) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(`INSERT INTO ceremonies (id, state, expires) VALUES ($1, $2, $3)`, id, state, db.Millis(expires))
		return err
	})
	if err != nil {
		return fmt.Errorf("store: keep ceremony: %w", err)
	}
	return nil
}

// TakeCeremony removes a ceremony and returns its state, or a NotFound fault.
func (s *Store) TakeCeremony(ctx context.Context, id string) ([]byte, error) {
	var state []byte
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		return t.Row(`DELETE FROM ceremonies WHERE id = $1 RETURNING state`, id).Scan(&state)
	})
	if err != nil {
		return nil, s.found("ceremony", err)
	}
	return state, nil
}

// Attempt uses each of the limits once. If one of them is used up, it uses none,
// and returns a Limited fault that says how long to wait. It is bookkeeping and
// logs no action. Refusing one writes nothing, so that no number of them makes
// others wait for the database.
func (s *Store) Attempt(ctx context.Context, at time.Time, limits ...admission.Limit) error {
	read := s.db.Read(ctx)
	err := eachLimit(limits, tooManyAttempts, func(l admission.Limit) (time.Duration, error) { return usedUp(read, l, at) })
	if err == nil {
		err = s.db.Transact(ctx, func(t *db.Tx) error { return useLimits(t, limits, at, tooManyAttempts) })
	}
	if err != nil {
		return fmt.Errorf("store: attempt: %w", err)
	}
	return nil
}
