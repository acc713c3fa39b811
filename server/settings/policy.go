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

// A Policy is a device policy of an account: rules for the passcode, and
// whether an iPhone is erased after too many wrong codes.
type Policy struct {
	ID      string
	Account string
	// Name is for members alone: no device and no page shows it.
	Name string
	// Passcode holds the rules. Its names and descriptions stay empty.
	Passcode profile.Passcode
	Created  time.Time
	Updated  time.Time
	// Domains are the names of the domains that use the policy. The store
	// fills them in when the policy is read.
	Domains []string
}

// Wipes reports whether the policy has an iPhone erased.
func (p Policy) Wipes() bool { return p.Passcode.MaxFailedAttempts > 0 }

// DefaultResetMinutes is after how many minutes a locked Mac can be tried again,
// where nobody says otherwise.
const DefaultResetMinutes = 15

// StandardPolicy is the id of the policy that every account has and none can
// change: [profile.DefaultPasscode]. A domain that names none uses it.
const StandardPolicy = "standard"

// standard is the standard policy as one of the account.
func standard(account string, domains []string) Policy {
	return Policy{ID: StandardPolicy, Account: account, Name: "Standard", Passcode: profile.DefaultPasscode(), Domains: domains}
}

// A PolicySpec is what a policy is to be, as people write it: times in whole
// minutes and days.
type PolicySpec struct {
	Name              string // up to 80 characters
	MinLength         int    // 4 to 12
	MaxFailedAttempts int    // 7 to 10; 0: never erases
	ResetMinutes      int    // 1 to 60; without MaxFailedAttempts it says nothing
	AutoLockMinutes   int    // 1 to 15
	GraceMinutes      int    // 0 to 240
	MinComplex        int    // 0 to 2
	MaxAgeDays        int    // 30 to 730; 0: never
	History           int    // 0 to 10
	Alphanumeric      bool
}

// Check returns a fault for each field that cannot be taken.
func (s PolicySpec) Check() error {
	_, err := s.Policy()
	return err
}

// Policy returns what the spec describes: a policy that is nobody's yet. The
// error holds a fault for each field that cannot be taken.
func (s PolicySpec) Policy() (Policy, error) {
	var p Policy
	err := s.apply(&p)
	return p, err
}

// apply puts the spec into p. The error holds a fault for each field that
// cannot be taken. The bounds are those of [profile.Passcode].
func (s PolicySpec) apply(p *Policy) error {
	var bad problems
	between := func(field string, n, low, high int, detail string) {
		if n < low || n > high {
			bad.add(field, fault.Invalid, "%s", detail)
		}
	}
	if p.Name = clean(s.Name); p.Name == "" || !isLine(p.Name, maxPolicyName) {
		bad.add("name", fault.NameInvalid, "Name the policy on one line, in up to %d characters and none that is invisible.", maxPolicyName)
	}
	between("min_length", s.MinLength, 4, 12, "Write how long a code must be: from 4 to 12 characters.")
	if s.MaxFailedAttempts != 0 {
		between("max_failed_attempts", s.MaxFailedAttempts, 7, 10, "Write after how many wrong codes an iPhone is erased: from 7 to 10, or 0 for never. With 6 and less it is erased without a pause between the tries.")
		between("reset_minutes", s.ResetMinutes, 1, 60, "Write after how many minutes a locked Mac can be tried again: from 1 to 60.")
	}
	between("auto_lock_minutes", s.AutoLockMinutes, 1, 15, "Write after how many minutes without use the screen locks: from 1 to 15.")
	between("grace_minutes", s.GraceMinutes, 0, 240, "Write for how many minutes a locked screen opens without the code: from 0 for not at all to 240.")
	between("min_complex", s.MinComplex, 0, 2, "Write how many characters must be neither letter nor digit: from 0 to 2.")
	if s.MaxAgeDays != 0 {
		between("max_age_days", s.MaxAgeDays, 30, 730, "Write after how many days the code must be changed: from 30 to 730, or 0 for never.")
	}
	between("history", s.History, 0, 10, "Write how many earlier codes may not come again: from 0 to 10.")
	if err := bad.err(); err != nil {
		return err
	}
	p.Passcode = s.passcode()
	return nil
}

// passcode spells out the rules, once they are found good.
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

// A PolicyStore keeps the policies of accounts, but for the standard one.
type PolicyStore interface {
	// Policies returns the policies of an account by name.
	Policies(ctx context.Context, account string) ([]Policy, error)
	// Policy returns a policy of the account, or a NotFound fault.
	Policy(ctx context.Context, account, id string) (Policy, error)
	// StandardDomains returns the names of the account's domains that use the
	// standard policy.
	StandardDomains(ctx context.Context, account string) ([]string, error)
	// CreatePolicy keeps p and a, whose changes it fills in.
	CreatePolicy(ctx context.Context, by audit.Grant, p Policy, a audit.Action) error
	// ChangePolicy gives the policy of that id in the account the name and
	// rules that change makes of it as it is, and keeps a, whose changes it
	// fills in. Where nothing differs it keeps nothing. One that is not there
	// is a NotFound fault. Change may be called more than once.
	ChangePolicy(ctx context.Context, by audit.Grant, account, id string, change func(Policy) (Policy, error), a audit.Action) error
	// DeletePolicy deletes a policy of the account, if check has nothing
	// against it as it is, and keeps a. One that a domain uses is a Conflict
	// fault that names the domains, one that is not there a NotFound fault.
	DeletePolicy(ctx context.Context, by audit.Grant, account, id string, check func(Policy) error, a audit.Action) error
}

// namedDomains is how many domains a refusal names.
const namedDomains = 10

// PolicyInUse is the Conflict fault of a policy that the domains use.
func PolicyInUse(domains []string) error {
	more := ""
	if n := len(domains) - namedDomains; n > 0 {
		domains, more = domains[:namedDomains], fmt.Sprintf(" and %d more", n)
	}
	return fault.New(fault.Conflict, "Domains use this policy: %s%s. Give them another one first.", strings.Join(domains, ", "), more)
}
