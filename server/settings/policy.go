package settings

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// A Policy is a passcode policy of an account: the passcode rules, and whether
// an iPhone is erased after too many wrong passcodes.
type Policy struct {
	ID      string
	Account string
	// Name is shown only to members, never on devices or public pages.
	Name string
	// Passcode holds the rules. Its names and descriptions are empty.
	Passcode profile.Passcode
	Created  time.Time
	Updated  time.Time
	// Domains are the names of the domains that use the policy. The store sets
	// them when it reads the policy.
	Domains []string
}

// Wipes reports whether the policy can erase an iPhone.
func (p Policy) Wipes() bool { return p.Passcode.MaxFailedAttempts > 0 }

// DefaultResetMinutes is the default for the minutes after which a locked Mac
// accepts passwords again.
const DefaultResetMinutes = 15

// StandardPolicy is the ID of the policy that every account has and nobody can
// change: [profile.DefaultPasscode]. Domains use it by default.
const StandardPolicy = "standard"

// standard returns the standard policy as one of the account.
func standard(account string, domains []string) Policy {
	return Policy{ID: StandardPolicy, Account: account, Name: "Standard", Passcode: profile.DefaultPasscode(), Domains: domains}
}

// A PolicySpec is a caller's description of a policy, with times in whole
// minutes and days.
type PolicySpec struct {
	Name              string // up to 80 characters
	MinLength         int    // 4 to 12
	MaxFailedAttempts int    // 7 to 10; 0: never erases
	ResetMinutes      int    // 1 to 60; has no effect without MaxFailedAttempts
	AutoLockMinutes   int    // 1 to 15
	GraceMinutes      int    // 0 to 240
	MinComplex        int    // 0 to 2
	MaxAgeDays        int    // 30 to 730; 0: never
	History           int    // 0 to 10
	Alphanumeric      bool
}

// Check returns a fault for each invalid field.
func (s PolicySpec) Check() error {
	_, err := s.Policy()
	return err
}

// Policy returns the policy that the spec describes, without an account. The
// error holds a fault for each invalid field.
func (s PolicySpec) Policy() (Policy, error) {
	var p Policy
	err := s.apply(&p)
	return p, err
}

// apply copies the spec into p. The error holds a fault for each invalid
// field. The limits are those of [profile.Passcode].
func (s PolicySpec) apply(p *Policy) error {
	var bad problems
	between := func(field string, n, low, high int, detail string) {
		if n < low || n > high {
			bad.add(field, fault.Invalid, "%s", detail)
		}
	}
	if p.Name = clean(s.Name); p.Name == "" || !isLine(p.Name, maxPolicyName) {
		bad.add("name", fault.NameInvalid, "Enter a name of one line and up to %d characters, without invisible characters.", maxPolicyName)
	}
	between("min_length", s.MinLength, 4, 12, "Enter a minimum length from 4 to 12 characters.")
	if s.MaxFailedAttempts != 0 {
		between("max_failed_attempts", s.MaxFailedAttempts, 7, 10, "Enter the number of wrong passcodes that erases an iPhone: from 7 to 10, or 0 for never. With 6 or fewer there would be no pause between attempts.")
		between("reset_minutes", s.ResetMinutes, 1, 60, "Enter after how many minutes a locked Mac accepts passwords again: from 1 to 60.")
	}
	between("auto_lock_minutes", s.AutoLockMinutes, 1, 15, "Enter after how many minutes of inactivity the screen locks: from 1 to 15.")
	between("grace_minutes", s.GraceMinutes, 0, 240, "Enter a grace period from 0 (none) to 240 minutes.")
	between("min_complex", s.MinComplex, 0, 2, "Enter how many characters must be neither letters nor digits: from 0 to 2.")
	if s.MaxAgeDays != 0 {
		between("max_age_days", s.MaxAgeDays, 30, 730, "Enter after how many days the passcode must be changed: from 30 to 730, or 0 for never.")
	}
	between("history", s.History, 0, 10, "Enter how many previous passcodes can't be reused: from 0 to 10.")
	if err := bad.err(); err != nil {
		return err
	}
	p.Passcode = s.passcode()
	return nil
}

// passcode returns the rules of a valid spec.
func (s PolicySpec) passcode() profile.Passcode {
	p := profile.Passcode{
		MinLength:         s.MinLength,
		MaxFailedAttempts: s.MaxFailedAttempts,
		AutoLock:          time.Duration(s.AutoLockMinutes) * time.Minute,
		Grace:             time.Duration(s.GraceMinutes) * time.Minute,
		MinComplex:        s.MinComplex,
		Alphanumeric:      s.Alphanumeric,
		MaxAgeDays:        s.MaxAgeDays,
		History:           s.History,
	}
	if s.MaxFailedAttempts != 0 {
		p.ResetAfter = time.Duration(s.ResetMinutes) * time.Minute
	}
	return p
}

// A PolicyStore stores the policies of accounts, except the standard one.
type PolicyStore interface {
	// Policies returns the policies of an account, sorted by name.
	Policies(ctx context.Context, account string) ([]Policy, error)
	// Policy returns a policy of the account, or a NotFound fault.
	Policy(ctx context.Context, account, id string) (Policy, error)
	// StandardDomains returns the names of the account's domains that use the
	// standard policy.
	StandardDomains(ctx context.Context, account string) ([]string, error)
	// CreatePolicy stores p and a, whose changes it fills in. If the account
	// has a policy with this name, it returns a Conflict fault.
	CreatePolicy(ctx context.Context, by audit.Grant, p Policy, a audit.Action) error
	// ChangePolicy applies change to the policy with p's ID and account, and
	// stores its name and rules and a, whose changes it fills in. If nothing
	// differs, it stores nothing. If the policy doesn't exist, it returns a
	// NotFound fault, and if another one has the name, a Conflict. Change may
	// be called more than once.
	ChangePolicy(ctx context.Context, by audit.Grant, account, id string, change func(Policy) (Policy, error), a audit.Action) error
	// DeletePolicy deletes a policy of the account if check allows it, and
	// stores a. If domains use the policy, it returns a Conflict fault that
	// names them. If the policy doesn't exist, it returns a NotFound fault.
	DeletePolicy(ctx context.Context, by audit.Grant, account, id string, check func(Policy) error, a audit.Action) error
}

// namedDomains is how many domains a refusal names.
const namedDomains = 10

// PolicyInUse returns the Conflict fault of a policy that the domains use.
func PolicyInUse(domains []string) error {
	more := ""
	if n := len(domains) - namedDomains; n > 0 {
		domains, more = domains[:namedDomains], fmt.Sprintf(" and %d more", n)
	}
	return fault.New(fault.Conflict, "These domains use this policy: %s%s. Choose another one for them first.", strings.Join(domains, ", "), more)
}
