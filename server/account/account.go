// Package account holds the customers of an installation, the members who sign
// in for them, and the API keys of their programs.
package account

import "time"

const (
	// Default is the account that a new installation starts with.
	Default = "acc_default"
	// Installation isn't a customer. Its log has the actions that belong to no
	// account, for example the refused sign-in of an unknown member.
	Installation = "acc_installation"
)

// An Account is a customer. It owns everything else.
type Account struct {
	ID   string
	Name string
	// Trusted says that its domains need no DNS proof.
	Trusted bool
	// FactorRequired says that a member without a second factor can do nothing
	// but enroll one.
	FactorRequired bool
	// ErasingPoliciesByKey says that API keys may use policies that erase a
	// device after too many wrong passcodes.
	ErasingPoliciesByKey bool
	// RetentionDays is the age at which the details of the account's actions
	// are removed from the log. 0: never.
	RetentionDays int
	Suspended     time.Time // zero: not suspended
	Created       time.Time
	Members       int
	Domains       int
}
