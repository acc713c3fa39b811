// Package settings holds what an account says about its mail domains: the
// servers, how people sign in to them, and which device policy goes with the
// mail.
package settings

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// A Domain is a mail domain and how its mailboxes are reached.
type Domain struct {
	ID      string
	Account string
	// Name is the domain in lower-case A-label form. It is unique in the
	// installation.
	Name    string
	Service MailService
	Policy  Offer
	// PolicyID names the device policy. Empty: StandardPolicy.
	PolicyID string
	// DevicePolicy is the policy that PolicyID names. The store fills it in
	// when the domain is read.
	DevicePolicy profile.Passcode
	// DisplayName is what people call the service. May be empty.
	DisplayName string
	// HelpText says on the pages who helps, in one line or several. May be
	// empty.
	HelpText string
	// SignInHint says in a sentence which password the device asks for. May
	// be empty.
	SignInHint string
	Login      Login // empty: AddressLogin
	// Platforms are those that profiles are made for. None: all.
	Platforms []profile.Platform
	// ReturnHosts are the hosts to which the page of a link may lead back, as
	// lower-case A-labels. None: nowhere.
	ReturnHosts []string
	// Metadata is what a program keeps with the domain.
	Metadata Metadata
	Created  time.Time
	Updated  time.Time
}

// A MailService is where a domain's mail is read and sent, and what it has
// beside the mail.
type MailService struct {
	Incoming profile.Server // IMAP
	Outgoing profile.Server // SMTP submission
	// Calendars (CalDAV) and Contacts (CardDAV) are parts that a domain
	// chooses: with each a device asks for a password once more. Zero: not
	// chosen.
	Calendars profile.DAVServer
	Contacts  profile.DAVServer
}

// An Offer says whether a domain's profiles come with a device policy.
type Offer string

// The offers.
const (
	Off      Offer = "off"
	Offered  Offer = "offered"  // the person chooses
	Required Offer = "required" // on an iPhone there is no profile without it
)

// A Variant is what a profile holds.
type Variant string

// The variants.
const (
	Mail   Variant = "mail"   // the accounts: mail, and what a domain has chosen beside it
	Secure Variant = "secure" // the accounts and the device policy
)

// A Login is a form of user names on the servers.
type Login string

// The forms.
const (
	AddressLogin   Login = "address"    // the whole mail address
	LocalPartLogin Login = "local_part" // what stands before the @
	GivenLogin     Login = "given"      // one that cannot be derived: the API is told
)

// Platforms lists all platforms.
func Platforms() []profile.Platform { return []profile.Platform{profile.IPhone, profile.Mac} }

// MakesFor reports whether d has profiles for the platform.
func (d Domain) MakesFor(p profile.Platform) bool {
	return len(d.Platforms) == 0 || slices.Contains(d.Platforms, p)
}

// Organization is what people call the service: the display name, or the
// domain.
func (d Domain) Organization() string { return cmp.Or(d.DisplayName, d.Name) }

// Offers refuses what d does not offer: a variant that is unknown, a platform
// that d makes nothing for, a variant that the policy of d rules out, and a
// device policy on a Mac, where only an MDM can install one.
func (d Domain) Offers(v Variant, p profile.Platform) error {
	switch {
	case v != Mail && v != Secure:
		return fault.On("variant", fault.VariantUnknown, "The variant is %q or %q.", Mail, Secure)
	case !d.MakesFor(p):
		return fault.On("platform", fault.PlatformOff, "This domain makes profiles for the platform %q alone.", d.Platforms[0])
	case v == Secure && p == profile.Mac:
		return fault.On("variant", fault.MacPolicyNeedsMDM, "A Mac takes a device policy from an MDM only. Choose the variant %q.", Mail)
	case v == Secure && d.Policy == Off:
		return fault.On("variant", fault.VariantNotOffered, "This domain offers no device policy. Choose the variant %q.", Mail)
	case v == Mail && d.Policy == Required && p == profile.IPhone:
		return fault.On("variant", fault.VariantNotOffered, "This domain sets up mail on an iPhone with its device policy only. Choose the variant %q.", Secure)
	}
	return nil
}

// LoginFor is the user name of the mailbox on the servers of d: the one that
// is given, or the one that d derives from the address. Where it derives none
// the fault is LoginNeeded.
func (d Domain) LoginFor(address profile.Address, given string) (string, error) {
	switch {
	case given != "":
		return given, nil
	case d.Login == LocalPartLogin:
		return address.Local(), nil
	case d.Login == GivenLogin:
		return "", fault.On("login", fault.LoginNeeded, "User names of this domain cannot be told from the address. Give one as the login.")
	}
	return address.String(), nil
}

// A Store keeps domains.
type Store interface {
	PendingStore
	// Domain returns the domain with the name, or a NotFound fault: also if
	// its account is suspended.
	Domain(ctx context.Context, name string) (Domain, error)
	// ChangeDomain gives d, a domain of that id, all that can be set of what
	// change makes of it as it is now, and keeps a, whose changes it fills in.
	// If nothing differs it keeps nothing. A domain that was deleted is a
	// NotFound fault, a policy that is not the account's PolicyUnknown. Change
	// may be called more than once.
	ChangeDomain(ctx context.Context, by audit.Grant, d Domain, change func(Domain) (Domain, error), a audit.Action) error
	// Domains returns the domains of an account in the order of their names.
	Domains(ctx context.Context, account string) ([]Domain, error)
	// DomainsPart returns a part of the domains that the filter finds, in the
	// order of their names.
	DomainsPart(ctx context.Context, f Filter) ([]Domain, error)
	// CreateDomain keeps d and a, and forgets the account's pending domain of the
	// name. A name that is taken is a Conflict fault, a policy that is not the
	// account's PolicyUnknown.
	CreateDomain(ctx context.Context, by audit.Grant, d Domain, a audit.Action) error
	// DeleteDomain deletes a domain of the account with its links and
	// tickets, if check has nothing against it as it is, and keeps a. One that
	// is not there is a NotFound fault.
	DeleteDomain(ctx context.Context, by audit.Grant, account, name string, check func(Domain) error, a audit.Action) error
	// Trusted reports whether the account may have domains without proof.
	Trusted(ctx context.Context, account string) (bool, error)
}
