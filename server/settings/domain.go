// Package settings holds the settings of an account's email domains: the
// servers, how people sign in to them, and which passcode policy is included.
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

// A Domain is an email domain and how to reach its mailboxes.
type Domain struct {
	ID      string
	Account string
	// Name is the domain in lower-case A-label form. It is unique in the
	// installation.
	Name    string
	Service MailService
	Policy  Offer
	// PolicyID identifies the passcode policy. Empty: StandardPolicy.
	PolicyID string
	// DevicePolicy is the policy with PolicyID. The store sets it when it
	// reads the domain.
	DevicePolicy profile.Passcode
	// DisplayName is the name of the service. May be empty.
	DisplayName string
	// HelpText tells visitors who can help, in one or more lines. May be
	// empty.
	HelpText string
	// SignInHint explains in one sentence which password the device asks for.
	// May be empty.
	SignInHint string
	Login      Login // empty: AddressLogin
	// Platforms are the platforms of its profiles. None: all.
	Platforms []profile.Platform
	// ReturnHosts are the hosts to which a link's page may link back, as
	// lower-case A-labels. None: no links.
	ReturnHosts []string
	// Metadata is data of programs.
	Metadata Metadata
	Created  time.Time
	Updated  time.Time
}

// A MailService contains a domain's servers for email, calendars and contacts.
type MailService struct {
	Incoming profile.Server // IMAP
	Outgoing profile.Server // SMTP submission
	// Calendars (CalDAV) and Contacts (CardDAV) are optional: for each, a
	// device asks for a password once more. Zero: not included.
	Calendars profile.DAVServer
	Contacts  profile.DAVServer
}

// An Offer says whether a domain's profiles include a passcode policy.
type Offer string

// The offers.
const (
	Off      Offer = "off"
	Offered  Offer = "offered"  // the person chooses
	Required Offer = "required" // on an iPhone there is no profile without it
)

// A Variant is what a profile contains.
type Variant string

// The variants.
const (
	Mail   Variant = "mail"   // the accounts: email, and the domain's calendars and contacts
	Secure Variant = "secure" // the accounts and the passcode policy
)

// A Login says how usernames on the servers are formed.
type Login string

// The kinds of usernames.
const (
	AddressLogin   Login = "address"    // the whole email address
	LocalPartLogin Login = "local_part" // the part before the @
	GivenLogin     Login = "given"      // can't be derived: the API caller provides it
)

// Platforms lists all platforms.
func Platforms() []profile.Platform { return []profile.Platform{profile.IPhone, profile.Mac} }

// MakesFor reports whether d has profiles for the platform.
func (d Domain) MakesFor(p profile.Platform) bool {
	return len(d.Platforms) == 0 || slices.Contains(d.Platforms, p)
}

// Organization returns the name of the service: the display name, or the
// domain.
func (d Domain) Organization() string { return cmp.Or(d.DisplayName, d.Name) }

// Offers returns a fault if d doesn't offer the choice: for an unknown
// variant, a platform without profiles, a variant that d's offer excludes, and
// a passcode policy on a Mac, which accepts one only from an MDM.
func (d Domain) Offers(v Variant, p profile.Platform) error {
	switch {
	case v != Mail && v != Secure:
		return fault.On("variant", fault.VariantUnknown, "This variant doesn't exist. Choose %q or %q.", Mail, Secure)
	case !d.MakesFor(p):
		return fault.On("platform", fault.PlatformOff, "This domain has profiles only for the platform %q.", d.Platforms[0])
	case v == Secure && p == profile.Mac:
		return fault.On("variant", fault.MacPolicyNeedsMDM, "A Mac accepts a passcode policy only from an MDM. Choose the variant %q.", Mail)
	case v == Secure && d.Policy == Off:
		return fault.On("variant", fault.VariantNotOffered, "This domain offers no passcode policy. Choose the variant %q.", Mail)
	case v == Mail && d.Policy == Required && p == profile.IPhone:
		return fault.On("variant", fault.VariantNotOffered, "This domain sets up email on an iPhone only together with its passcode policy. Choose the variant %q.", Secure)
	}
	return nil
}

// LoginFor returns the username of the mailbox on the servers of d: login if
// it's given, or the one derived from the address. If it can't be derived, the
// fault is LoginNeeded.
func (d Domain) LoginFor(address profile.Address, given string) (string, error) {
	switch {
	case given != "":
		return given, nil
	case d.Login == LocalPartLogin:
		return address.Local(), nil
	case d.Login == GivenLogin:
		return "", fault.On("login", fault.LoginNeeded, "This domain's usernames can't be derived from the address. Enter one as the login.")
	}
	return address.String(), nil
}

// A Store stores domains.
type Store interface {
	PendingStore
	// Domain returns the domain called name. If there is none or its account
	// is suspended, it returns a NotFound fault.
	Domain(ctx context.Context, name string) (Domain, error)
	// Domain returns the domain called name. If it doesn't exist or its
	// account is suspended, the fault is NotFound.
	ChangeDomain(ctx context.Context, by audit.Grant, d Domain, change func(Domain) (Domain, error), a audit.Action) error
	// Domains returns the domains of an account, sorted by name.
	Domains(ctx context.Context, account string) ([]Domain, error)
	// DomainsPart returns a page of the domains that match the filter, sorted
	// by name.
	DomainsPart(ctx context.Context, f Filter) ([]Domain, error)
	// CreateDomain stores d and a, and deletes the account's pending domain of
	// that name. If the name is taken, it returns a Conflict fault, and if the
	// account has no such policy, PolicyUnknown.
	CreateDomain(ctx context.Context, by audit.Grant, d Domain, a audit.Action) error
	// DeleteDomain deletes a domain of the account with its links and tickets
	// if check allows it, and stores a. If the domain doesn't exist, it
	// returns a NotFound fault.
	DeleteDomain(ctx context.Context, by audit.Grant, account, name string, check func(Domain) error, a audit.Action) error
	// Trusted reports whether the account may have domains without proof.
	Trusted(ctx context.Context, account string) (bool, error)
}
