// Package account holds the customers of an installation, the members who
// sign in for them, and the keys by which programs act for them.
package account

import "time"

const (
	// Default is the account that a new installation starts with.
	Default = "acc_default"
	// Installation is no customer. Its log keeps what belongs to none, such
	// as the refused sign-in of an unknown member.
	Installation = "acc_installation"
)

// An Account is a customer, who owns everything else.
type Account struct {
	ID   string
	Name string
	// Trusted says that its domains need no proof by DNS.
	Trusted bool
	// FactorRequired says that a member without a second factor can do
	// nothing but enrol one.
	FactorRequired bool
	// ErasingPoliciesByKey says that API keys may have devices erase
	// themselves after wrong codes.
	ErasingPoliciesByKey bool
	// RetentionDays is after how many days the content of its actions is
	// removed from the log. 0: never.
	RetentionDays int
	Suspended     time.Time // zero: not suspended
	Created       time.Time
	Members       int
	Domains       int
}
