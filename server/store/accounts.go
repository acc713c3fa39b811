package store

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/ledger"
)

var _ account.AccountStore = (*Store)(nil)

var accounts = db.NewTable("accounts", func(a *account.Account) []db.Column {
	return []db.Column{
		db.Col("id", &a.ID), db.Col("name", &a.Name), db.Col("trusted", db.Bool(&a.Trusted)), db.Col("factor_required", db.Bool(&a.FactorRequired)),
		db.Col("suspended", db.Time(&a.Suspended)), db.Col("created", db.Time(&a.Created)), db.Col("retention_days", &a.RetentionDays),
		db.Col("erasing_policies_by_key", db.Bool(&a.ErasingPoliciesByKey)),
	}
})

// accountColumns are the columns of an account and the numbers of its members
// and domains.
var accountColumns = accounts.Columns + `,
	(SELECT COUNT(*) FROM members AS counted WHERE counted.account = accounts.id),
	(SELECT COUNT(*) FROM domains WHERE domains.account = accounts.id)`

// intoAccount returns the destinations for accountColumns.
func intoAccount(a *account.Account) []any { return append(accounts.Into(a), &a.Members, &a.Domains) }

// notSuspended follows an account's column in a condition and excludes
// suspended accounts.
const notSuspended = `IN (SELECT id FROM accounts WHERE suspended = 0)`

// Account returns an account, or a NotFound fault.
func (s *Store) Account(ctx context.Context, id string) (account.Account, error) {
	var a account.Account
	err := s.db.Read(ctx).Row(`SELECT `+accountColumns+` FROM accounts WHERE id = $1`, id).Scan(intoAccount(&a)...)
	if err != nil {
		return account.Account{}, s.found("account", err)
	}
	return a, nil
}

// Accounts returns all accounts except Installation, sorted by name.
func (s *Store) Accounts(ctx context.Context) ([]account.Account, error) {
	var all []account.Account
	err := s.db.Read(ctx).Each(func(row db.Row) error {
		var a account.Account
		err := row.Scan(intoAccount(&a)...)
		all = append(all, a)
		return err
	}, `SELECT `+accountColumns+` FROM accounts WHERE id <> $1 ORDER BY name, id`, account.Installation)
	if err != nil {
		return nil, fmt.Errorf("store: accounts: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// CreateAccount stores a new account with its log, the invitation of its first
// owner, and both actions. If the address belongs to a member, it returns a
// Conflict fault.
func (s *Store) CreateAccount(ctx context.Context, by audit.Grant, acc account.Account, owner account.Invitation, created, invited audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		if err := accounts.Insert(t, acc); err != nil {
			return nil, err
		}
		if err := ledger.NewLog(t, acc.ID); err != nil {
			return nil, err
		}
		return []audit.Action{created, invited}, insertInvitation(t, owner)
	})
	if err != nil {
		return fmt.Errorf("store: create account: %w", err)
	}
	return nil
}

// UpdateAccount stores the account's name and rules, and a.
func (s *Store) UpdateAccount(ctx context.Context, by audit.Grant, acc account.Account, a audit.Action) error {
	err := s.changeRight(ctx, by, acc.ID, a, func(t *db.Tx) error {
		_, err := t.Exec(`UPDATE accounts SET name = $2, trusted = $3, factor_required = $4, erasing_policies_by_key = $5 WHERE id = $1`,
			acc.ID, acc.Name, db.Bit(acc.Trusted), db.Bit(acc.FactorRequired), db.Bit(acc.ErasingPoliciesByKey))
		return err
	})
	if err != nil {
		return fmt.Errorf("store: update account: %w", err)
	}
	return nil
}

// SuspendAccount suspends the account at the time and ends its members'
// sessions, or resumes it at the zero time, and stores a. If nothing would
// change, it returns a Conflict fault.
func (s *Store) SuspendAccount(ctx context.Context, by audit.Grant, id string, at time.Time, a audit.Action) error {
	err := s.changeRight(ctx, by, id, a, func(t *db.Tx) error {
		n, err := t.Exec(`UPDATE accounts SET suspended = $2 WHERE id = $1 AND (suspended = 0) = (CAST($2 AS BIGINT) > 0)`, id, db.Millis(at))
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "The account is already in this state.")
		}
		if err != nil || at.IsZero() {
			return err
		}
		_, err = t.Exec(`DELETE FROM sessions WHERE member IN (SELECT id FROM members WHERE account = $1)`, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("store: suspend account: %w", err)
	}
	return nil
}
