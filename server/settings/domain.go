// Package settings holds what an account says about its mail domains: the
// servers, and whether a device policy goes with the mail.
package settings

import (
	"context"
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
	Created time.Time
	Updated time.Time
}

// A MailService is where a domain's mail is read and sent.
type MailService struct {
	Incoming profile.Server // IMAP
	Outgoing profile.Server // SMTP submission
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
	Mail   Variant = "mail"   // the mail account
	Secure Variant = "secure" // the mail account and the device policy
)

// Offers refuses what d does not offer: a variant that is unknown, one that
// the policy of d rules out, and a device policy on a Mac, where only an MDM
// can install one.
func (d Domain) Offers(v Variant, p profile.Platform) error {
	switch {
	case v != Mail && v != Secure:
		return fault.On("variant", fault.VariantUnknown, "The variant is %q or %q.", Mail, Secure)
	case v == Secure && p == profile.Mac:
		return fault.On("variant", fault.MacPolicyNeedsMDM, "A Mac takes a device policy from an MDM only. Choose the variant %q.", Mail)
	case v == Secure && d.Policy == Off:
		return fault.On("variant", fault.VariantNotOffered, "This domain offers no device policy. Choose the variant %q.", Mail)
	case v == Mail && d.Policy == Required && p == profile.IPhone:
		return fault.On("variant", fault.VariantNotOffered, "This domain sets up mail on an iPhone with its device policy only. Choose the variant %q.", Secure)
	}
	return nil
}

// A Store keeps domains.
type Store interface {
	// Domain returns the domain with the name, or a NotFound fault.
	Domain(ctx context.Context, name string) (Domain, error)
	// SetDomain creates d, or gives the domain of that name in the same
	// account the service and policy of d, and keeps a, whose name and changes
	// it fills in. Where nothing differs it keeps nothing. A domain of another
	// account is a Conflict fault.
	SetDomain(ctx context.Context, d Domain, a audit.Action) error
	// Domains returns the domains of an account in the order of their names.
	Domains(ctx context.Context, account string) ([]Domain, error)
	// CreateDomain keeps d and a. A name that is taken is a Conflict fault.
	CreateDomain(ctx context.Context, d Domain, a audit.Action) error
	// DeleteDomain deletes a domain of the account with its links and
	// tickets, and keeps a. One that is not there is a NotFound fault.
	DeleteDomain(ctx context.Context, account, name string, a audit.Action) error
}
