package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

var (
	_ account.MemberStore     = (*Store)(nil)
	_ account.InvitationStore = (*Store)(nil)
)

var members = db.NewTable("members", func(m *account.Member) []db.Column {
	return []db.Column{
		db.Col("id", &m.ID), db.Col("account", &m.Account), db.Col("email", &m.Email), db.Col("name", &m.Name), db.Col("role", &m.Role),
		db.Col("operator", db.Bool(&m.Operator)), db.Col("password", &m.Password), db.Col("password_set", db.Time(&m.PasswordSet)),
		db.Col("totp", &m.TOTP), db.Col("totp_since", db.Time(&m.TOTPSince)), db.Col("totp_step", &m.TOTPStep),
		db.Col("codes_made", db.Time(&m.CodesCreated)), db.Col("language", &m.Language), db.Col("zone", &m.Zone),
		db.Col("created", db.Time(&m.Created)), db.Col("last_seen", db.Time(&m.LastSeen)),
	}
})

// memberColumns are the columns of a member and the numbers of recovery codes
// and passkeys.
var memberColumns = members.Columns + `,
	(SELECT COUNT(*) FROM recovery_codes WHERE recovery_codes.member = members.id),
	(SELECT COUNT(*) FROM passkeys WHERE passkeys.member = members.id)`

// intoMember returns the destinations for memberColumns.
func intoMember(m *account.Member) []any { return append(members.Into(m), &m.CodesLeft, &m.Passkeys) }

// Member returns a member, or a NotFound fault.
func (s *Store) Member(ctx context.Context, id string) (account.Member, error) {
	return s.member(ctx, `SELECT `+memberColumns+` FROM members WHERE id = $1`, id)
}

// MemberByEmail returns the member with the folded address, or a NotFound
// fault.
func (s *Store) MemberByEmail(ctx context.Context, email string) (account.Member, error) {
	return s.member(ctx, `SELECT `+memberColumns+` FROM members WHERE email = $1`, email)
}

func (s *Store) member(ctx context.Context, query, arg string) (account.Member, error) {
	var m account.Member
	if err := s.db.Read(ctx).Row(query, arg).Scan(intoMember(&m)...); err != nil {
		return account.Member{}, s.found("member", err)
	}
	return m, nil
}

// Members returns the members of an account, sorted by address.
func (s *Store) Members(ctx context.Context, owner string) ([]account.Member, error) {
	var all []account.Member
	err := s.db.Read(ctx).Each(func(row db.Row) error {
		var m account.Member
		err := row.Scan(intoMember(&m)...)
		all = append(all, m)
		return err
	}, `SELECT `+memberColumns+` FROM members WHERE account = $1 ORDER BY email`, owner)
	if err != nil {
		return nil, fmt.Errorf("store: members: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// AnyMember reports whether the installation has a member.
func (s *Store) AnyMember(ctx context.Context) (bool, error) {
	var n int64
	if err := s.db.Read(ctx).Row(`SELECT COUNT(*) FROM members`).Scan(&n); err != nil {
		return false, fmt.Errorf("store: members: %w", s.db.Diagnose(err))
	}
	return n > 0, nil
}

// CreateMember stores m and a and uses up the invitation, unless that is
// empty. If the invitation is used, revoked or expired at m.Created, or is for
// the first owner and there already is a member, it returns a NotFound fault.
// If the address belongs to a member, it returns a Conflict fault.
func (s *Store) CreateMember(ctx context.Context, by audit.Grant, m account.Member, invitation string, a audit.Action) error {
	err := s.changeRight(ctx, by, m.Account, a, func(t *db.Tx) error {
		if invitation != "" {
			if err := useInvitation(t, invitation, m); err != nil {
				return err
			}
		}
		return members.Insert(t, m)
	})
	if s.db.Taken(err) {
		err = fault.On("email", fault.Conflict, "A member already has this address. Use another one.")
	}
	if err != nil {
		return fmt.Errorf("store: create member: %w", err)
	}
	return nil
}

func useInvitation(t *db.Tx, id string, m account.Member) error {
	n, err := t.Exec(`DELETE FROM invitations WHERE id = $1 AND account = $2 AND expires > $3
		AND (email = $4 OR (email = '' AND NOT EXISTS (SELECT 1 FROM members)))`,
		id, m.Account, db.Millis(m.Created), m.Email)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "This invitation can't be used. Ask for a new one.")
	}
	return err
}

// SetRole changes the role of a member of the account, ends the member's
// sessions, and stores a. An operator who is no longer an owner is no longer
// an operator. The last owner and the last operator keep their roles: the
// fault is a Conflict. Only operators can change operators: otherwise the
// fault is Forbidden.
func (s *Store) SetRole(ctx context.Context, by audit.Grant, owner, member string, role account.Role, a audit.Action) error {
	return s.changeMember(ctx, by, owner, member, a, func(t *db.Tx) error {
		if role != account.Owner {
			if err := mayLose(t, by, owner, member); err != nil {
				return err
			}
		}
		_, err := t.Exec(`UPDATE members SET role = $2, operator = CASE WHEN $2 = 'owner' THEN operator ELSE 0 END
			WHERE id = $1`, member, string(role))
		if err != nil {
			return err
		}
		return endSessions(t, member, "")
	})
}

// RemoveMember removes a member of the account with all of the member's data,
// and stores a. It revokes the keys that KeysOf returns, and stores the action
// that revoked creates for each; if revoked is nil, the keys stay. The last
// owner and the last operator can't be removed: the fault is a Conflict. Only
// operators can remove operators: otherwise the fault is Forbidden.
func (s *Store) RemoveMember(ctx context.Context, by audit.Grant, owner, member string, a audit.Action, revoked func(account.Key) audit.Action) error {
	err := s.ChangeRights(ctx, by, owner, func(t *db.Tx) ([]audit.Action, error) {
		if err := lockMember(t, owner, member); err != nil {
			return nil, err
		}
		if err := mayLose(t, by, owner, member); err != nil {
			return nil, err
		}
		actions := []audit.Action{a}
		if revoked != nil {
			ended, err := revokeKeysOf(t, by, owner, member, s.now(), revoked)
			if err != nil {
				return nil, err
			}
			actions = append(actions, ended...)
		}
		_, err := t.Exec(`DELETE FROM members WHERE id = $1`, member)
		return actions, err
	})
	if err != nil {
		return fmt.Errorf("store: remove member: %w", err)
	}
	return nil
}

// SetLanguage stores a member's language, and a.
func (s *Store) SetLanguage(ctx context.Context, by audit.Grant, owner, member, language string, a audit.Action) error {
	return s.changeMember(ctx, by, owner, member, a, func(t *db.Tx) error {
		_, err := t.Exec(`UPDATE members SET language = $2 WHERE id = $1`, member, language)
		return err
	})
}

// SetZone stores a member's time zone, and a.
func (s *Store) SetZone(ctx context.Context, by audit.Grant, owner, member, zone string, a audit.Action) error {
	return s.changeMember(ctx, by, owner, member, a, func(t *db.Tx) error {
		_, err := t.Exec(`UPDATE members SET zone = $2 WHERE id = $1`, member, zone)
		return err
	})
}

// changeMember is change for a member of the account, while nobody else
// changes its members.
func (s *Store) changeMember(ctx context.Context, by audit.Grant, owner, member string, a audit.Action, fn func(*db.Tx) error) error {
	err := s.changeRight(ctx, by, owner, a, func(t *db.Tx) error {
		if err := lockMember(t, owner, member); err != nil {
			return err
		}
		return fn(t)
	})
	if err != nil {
		return fmt.Errorf("store: change member: %w", err)
	}
	return nil
}

// lockMember locks the row of a member of the account, as lockKey does, or
// returns a NotFound fault.
func lockMember(t *db.Tx, owner, member string) error {
	var n int64
	err := t.Row(`SELECT 1 FROM members WHERE id = $1 AND account = $2`+t.Exclusive(), member, owner).Scan(&n)
	if errors.Is(err, db.ErrNoRows) {
		err = fault.New(fault.NotFound, "There is no such member.")
	}
	return err
}

// mayLose refuses if the account or the installation needs the member's role,
// or if the grant may not change it. It needs the account locked.
func mayLose(t *db.Tx, by audit.Grant, owner, member string) error {
	if err := notLastOwner(t, owner, member); err != nil {
		return err
	}
	var operator, others int64
	err := t.Row(`SELECT operator, (SELECT COUNT(*) FROM members WHERE operator = 1 AND id <> $1) FROM members WHERE id = $1`,
		member).Scan(&operator, &others)
	if err != nil || operator == 0 {
		return err
	}
	if others == 0 {
		return fault.On("role", fault.Conflict, "The installation needs an operator. Make another member one first.")
	}
	if by.Kind == audit.ProgramGrant {
		return nil
	}
	var operators int64
	err = t.Row(`SELECT COUNT(*) FROM sessions JOIN members ON members.id = sessions.member
		WHERE sessions.id = $1 AND members.operator = 1`, by.ID).Scan(&operators)
	if err == nil && operators == 0 {
		err = fault.New(fault.Forbidden, "Only an operator can change or remove an operator.")
	}
	return err
}

// notLastOwner refuses if only the member owns the account. It needs the
// account locked.
func notLastOwner(t *db.Tx, owner, member string) error {
	var self, others int64
	err := t.Row(`SELECT COUNT(CASE WHEN id = $2 THEN 1 END), COUNT(CASE WHEN id <> $2 THEN 1 END)
		FROM members WHERE account = $1 AND role = 'owner'`, owner, member).Scan(&self, &others)
	if err == nil && self > 0 && others == 0 {
		err = fault.On("role", fault.Conflict, "An account needs an owner. Make another member an owner first.")
	}
	return err
}

var invitations = db.NewTable("invitations", func(i *account.Invitation) []db.Column {
	return []db.Column{
		db.Col("id", &i.ID), db.Col("account", &i.Account), db.Col("email", &i.Email), db.Col("role", &i.Role), db.Col("language", &i.Language),
		db.Col("created", db.Time(&i.Created)), db.Col("expires", db.Time(&i.Expires)),
	}
})

// CreateInvitation stores i and a. If the address belongs to a member, it
// returns a Conflict fault.
func (s *Store) CreateInvitation(ctx context.Context, by audit.Grant, i account.Invitation, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error { return insertInvitation(t, i) })
	if err != nil {
		return fmt.Errorf("store: create invitation: %w", err)
	}
	return nil
}

func insertInvitation(t *db.Tx, i account.Invitation) error {
	created, err := invitations.InsertIf(t, i, `NOT EXISTS (SELECT 1 FROM members WHERE email = ?)`, i.Email)
	if err == nil && !created {
		err = fault.On("email", fault.Conflict, "A member already has this address. Use another one.")
	}
	return err
}

// Invitation returns an invitation that was not used or revoked, or a NotFound
// fault.
func (s *Store) Invitation(ctx context.Context, id string) (account.Invitation, error) {
	i, err := invitations.Scan(s.db.Read(ctx).Row(`SELECT `+invitations.Columns+` FROM invitations WHERE id = $1`, id))
	if err != nil {
		return account.Invitation{}, s.found("invitation", err)
	}
	return i, nil
}

// Invitations returns those of an account, newest first.
func (s *Store) Invitations(ctx context.Context, owner string) ([]account.Invitation, error) {
	all, err := invitations.All(s.db.Read(ctx), `SELECT `+invitations.Columns+` FROM invitations WHERE account = $1 ORDER BY created DESC, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("store: invitations: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// RevokeInvitation deletes an invitation of the account, and stores a. If it
// doesn't exist, it returns a NotFound fault.
func (s *Store) RevokeInvitation(ctx context.Context, by audit.Grant, owner, id string, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error { return endInvitation(t, owner, id) })
	if err != nil {
		return fmt.Errorf("store: revoke invitation: %w", err)
	}
	return nil
}

// RenewInvitation deletes the invitation that revoked is about, stores i, and
// stores both actions. If the old invitation doesn't exist, it returns a
// NotFound fault.
func (s *Store) RenewInvitation(ctx context.Context, by audit.Grant, i account.Invitation, revoked, created audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		if err := endInvitation(t, i.Account, revoked.Target.ID); err != nil {
			return nil, err
		}
		return []audit.Action{revoked, created}, insertInvitation(t, i)
	})
	if err != nil {
		return fmt.Errorf("store: renew invitation: %w", err)
	}
	return nil
}

func endInvitation(t *db.Tx, owner, id string) error {
	n, err := t.Exec(`DELETE FROM invitations WHERE id = $1 AND account = $2`, id, owner)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "There is no such invitation.")
	}
	return err
}
