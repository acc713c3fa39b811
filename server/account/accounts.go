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

// An AccountStore stores accounts.
type AccountStore interface {
	// Account returns an account, or a NotFound fault.
	Account(ctx context.Context, id string) (Account, error)
	// Accounts returns all accounts except Installation, sorted by name.
	Accounts(ctx context.Context) ([]Account, error)
	// CreateAccount stores a new account with its log, the invitation of its
	// first owner, and both actions. If the address belongs to a member, it
	// returns a Conflict fault.
	CreateAccount(ctx context.Context, by audit.Grant, acc Account, owner Invitation, created, invited audit.Action) error
	// UpdateAccount sets the account's name and rules, and records a.
	UpdateAccount(ctx context.Context, by audit.Grant, acc Account, a audit.Action) error
	// SuspendAccount suspends the account at the given time, or resumes it if
	// the time is zero, and records a. If nothing would change, it returns a
	// Conflict fault.
	SuspendAccount(ctx context.Context, by audit.Grant, account string, at time.Time, a audit.Action) error
}

// Accounts manages the customers of the installation.
type Accounts struct {
	vault *Vault
	store AccountStore
}

// NewAccounts returns Accounts that use the store.
func NewAccounts(vault *Vault, store AccountStore) *Accounts { return &Accounts{vault, store} }

// List returns all accounts, sorted by name.
func (s *Accounts) List(ctx context.Context) ([]Account, error) { return s.store.Accounts(ctx) }

// Get returns an account, or a NotFound fault.
func (s *Accounts) Get(ctx context.Context, account string) (Account, error) {
	if account == Installation {
		return Account{}, fault.New(fault.NotFound, "There is no such account.")
	}
	return s.store.Account(ctx, account)
}

// Create creates an account whose members need a second factor. It returns the
// account and the token of the invitation for its first owner. The invitation
// is written in the given language.
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

// Update sets an account's name and whether its domains need proof.
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

// Rules are what the owners of an account decide for all its members.
type Rules struct {
	// FactorRequired says that members need a second factor.
	FactorRequired bool
	// ErasingPoliciesByKey lets API keys create, update and assign policies
	// that erase a device.
	ErasingPoliciesByKey bool
}

// SetRules sets the rules of an account.
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

// Suspend suspends an account: its members and keys are refused and its domains
// issue nothing. No data is deleted. The reason is in the account's log.
func (s *Accounts) Suspend(ctx context.Context, by audit.Grant, account, reason string) error {
	if account == Default {
		return fault.New(fault.Conflict, "The installation's own account can't be suspended.")
	}
	return s.suspend(ctx, by, account, s.vault.now(), audit.AccountSuspend, reason)
}

// Resume ends the suspension of an account. The reason is in the account's log.
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
		return fault.OnText("name", err, fault.NameInvalid, "Enter an account name of up to %d characters.", maxAccountName)
	}
	return nil
}

// accountAction returns an action in the account's own log, where its members
// can see what the operator did.
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
