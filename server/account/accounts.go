package account

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// maxAccountName is the longest name of an account in characters.
const maxAccountName = 80

// An AccountStore keeps accounts.
type AccountStore interface {
	// Account returns an account, or a NotFound fault.
	Account(ctx context.Context, id string) (Account, error)
	// Accounts returns all accounts but Installation, by their names.
	Accounts(ctx context.Context) ([]Account, error)
	// CreateAccount keeps a new account with its log, the invitation of its
	// first owner, and both actions. An address that is a member's is a
	// Conflict fault.
	CreateAccount(ctx context.Context, by audit.Grant, acc Account, owner Invitation, created, invited audit.Action) error
	// UpdateAccount gives the account its name and rules, and keeps a.
	UpdateAccount(ctx context.Context, by audit.Grant, acc Account, a audit.Action) error
	// SuspendAccount suspends the account at the time, or resumes it at the
	// zero time, and keeps a. Where it was so before, the fault is a Conflict.
	SuspendAccount(ctx context.Context, by audit.Grant, account string, at time.Time, a audit.Action) error
}

// Accounts are the customers of the installation.
type Accounts struct {
	vault *Vault
	store AccountStore
}

// NewAccounts returns Accounts that are kept in the store.
func NewAccounts(vault *Vault, store AccountStore) *Accounts { return &Accounts{vault, store} }

// List returns all accounts by their names.
func (s *Accounts) List(ctx context.Context) ([]Account, error) { return s.store.Accounts(ctx) }

// Get returns an account, or a NotFound fault.
func (s *Accounts) Get(ctx context.Context, account string) (Account, error) {
	if account == Installation {
		return Account{}, fault.New(fault.NotFound, "There is no such account.")
	}
	return s.store.Account(ctx, account)
}

// Create makes an account, whose members need a second factor, and returns it
// with the token of the invitation for its first owner, which is written in
// the language.
func (s *Accounts) Create(ctx context.Context, by audit.Grant, name string, trusted bool, email, language string) (acc Account, token string, err error) {
	now := s.vault.now()
	acc = Account{ID: id.New("acc"), Name: profile.Plain(name), Trusted: trusted, FactorRequired: true, RetentionDays: audit.DefaultRetention, Created: now}
	owner := Invitation{ID: id.New("inv"), Account: acc.ID, Role: Owner, Language: language, Created: now, Expires: now.Add(InvitationLife)}
	var unread error
	owner.Email, unread = parseEmail(email)
	if err := errors.Join(checkAccountName(acc.Name), unread); err != nil {
		return Account{}, "", err
	}
	created := accountAction(audit.AccountCreate, by, acc)
	created.Changes = accountChanges(Account{}, acc)
	err = s.store.CreateAccount(ctx, by, acc, owner, created, invitationAction(audit.InvitationCreate, by, owner))
	return acc, s.vault.secrets.invitationToken(owner.ID), err
}

// Update gives an account another name, or says whether its domains need
// proof.
func (s *Accounts) Update(ctx context.Context, by audit.Grant, account, name string, trusted bool) error {
	old, err := s.Get(ctx, account)
	if err != nil {
		return err
	}
	acc := old
	acc.Name, acc.Trusted = profile.Plain(name), trusted
	if err := checkAccountName(acc.Name); err != nil {
		return err
	}
	return s.update(ctx, by, old, acc)
}

// Rules are what the owners of an account decide for everybody in it.
type Rules struct {
	// FactorRequired says that members need a second factor.
	FactorRequired bool
	// ErasingPoliciesByKey lets API keys make, change and assign policies that
	// erase a device.
	ErasingPoliciesByKey bool
}

// SetRules gives an account its rules.
func (s *Accounts) SetRules(ctx context.Context, by audit.Grant, account string, rules Rules) error {
	old, err := s.Get(ctx, account)
	if err != nil {
		return err
	}
	acc := old
	acc.FactorRequired, acc.ErasingPoliciesByKey = rules.FactorRequired, rules.ErasingPoliciesByKey
	return s.update(ctx, by, old, acc)
}

func (s *Accounts) update(ctx context.Context, by audit.Grant, old, acc Account) error {
	a := accountAction(audit.AccountUpdate, by, acc)
	if a.Changes = accountChanges(old, acc); len(a.Changes) == 0 {
		return nil
	}
	return s.store.UpdateAccount(ctx, by, acc, a)
}

// Suspend stops an account: its members and keys are refused and its domains
// issue nothing. All is kept. The reason stands in the account's log.
func (s *Accounts) Suspend(ctx context.Context, by audit.Grant, account, reason string) error {
	if account == Default {
		return fault.New(fault.Conflict, "The installation's own account cannot be suspended.")
	}
	return s.suspend(ctx, by, account, s.vault.now(), audit.AccountSuspend, reason)
}

// Resume ends the suspension of an account. The reason stands in the account's
// log.
func (s *Accounts) Resume(ctx context.Context, by audit.Grant, account, reason string) error {
	return s.suspend(ctx, by, account, time.Time{}, audit.AccountResume, reason)
}

func (s *Accounts) suspend(ctx context.Context, by audit.Grant, account string, at time.Time, name audit.Name, reason string) error {
	reason, err := parseReason(reason)
	if err != nil {
		return err
	}
	acc, err := s.Get(ctx, account)
	if err != nil {
		return err
	}
	a := accountAction(name, by, acc)
	a.Changes = []audit.Change{{Field: "reason", New: reason}}
	return s.store.SuspendAccount(ctx, by, account, at, a)
}

func checkAccountName(name string) error {
	if err := profile.CheckLine(name); err != nil || name == "" || utf8.RuneCountInString(name) > maxAccountName {
		return fault.OnText("name", err, fault.NameInvalid, "Name the account in up to %d characters.", maxAccountName)
	}
	return nil
}

// accountAction belongs to the account's own log, where its members can see
// what the operator did.
func accountAction(name audit.Name, by audit.Grant, acc Account) audit.Action {
	return audit.Action{
		Account: acc.ID,
		Name:    name,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.AccountTarget, ID: acc.ID, Name: acc.Name},
	}
}

func accountChanges(old, acc Account) []audit.Change {
	var changes []audit.Change
	add := func(field, before, after string) {
		if before != after {
			changes = append(changes, audit.Change{Field: field, Old: before, New: after})
		}
	}
	add("name", old.Name, acc.Name)
	add("trusted", yes(old.Trusted), yes(acc.Trusted))
	add("factor_required", yes(old.FactorRequired), yes(acc.FactorRequired))
	add("erasing_policies_by_key", yes(old.ErasingPoliciesByKey), yes(acc.ErasingPoliciesByKey))
	return changes
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
