package issue

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

// A ManagedOrder says what to create for a device management service. None of
// it is signed.
type ManagedOrder struct {
	Vendor *mdm.Vendor
	// Domain is the email domain in lower-case A-labels.
	Domain  string
	Service settings.MailService
	// Organization is the issuer of the profiles. Empty: the email domain.
	Organization string
	Login        settings.Login // empty: AddressLogin
	// Platforms are those to create profiles for. None: all.
	Platforms []profile.Platform
	// Variant is Mail, or Secure for the passcode policy as well.
	Variant settings.Variant
	Policy  profile.Passcode
	Locale  string // the language of the profiles' texts; empty: English
	// Person is the person that the files are for, if the vendor fills in
	// nothing, and empty otherwise.
	Person Person
	Test   bool
}

// ManagedOrderOf returns an order with the settings of the domain.
func ManagedOrderOf(d settings.Domain, v *mdm.Vendor, variant settings.Variant) ManagedOrder {
	return ManagedOrder{
		Vendor:       v,
		Domain:       d.Name,
		Service:      d.Service,
		Organization: d.Organization(),
		Login:        d.Login,
		Platforms:    d.Platforms,
		Variant:      variant,
		Policy:       d.DevicePolicy,
	}
}

// Manage creates the files for a device management service. A missing or
// superfluous person is an Invalid fault on "address"; one whose login can't be
// derived is a LoginNeeded fault; other problems with the person are a
// [profile.InvalidError].
func (i *Issuer) Manage(o ManagedOrder) (*mdm.Set, error) {
	job := mdm.Job{Domain: o.Domain, Profiles: i.drafts(o), Login: mdm.Login(o.Login)}
	for _, host := range []string{o.Service.Incoming.Host, o.Service.Outgoing.Host} {
		job.Advice = cmp.Or(job.Advice, settings.PasswordAdvice(host))
	}
	if !o.Person.Address.IsZero() {
		if o.Person.Address.Domain() != o.Domain {
			return nil, fault.On("address", fault.AddressForeign, "The address is not one of %s.", o.Domain)
		}
		login, err := settings.Domain{Login: o.Login}.LoginFor(o.Person.Address, o.Person.Login)
		if err != nil {
			return nil, err
		}
		if err := o.Person.check(); err != nil {
			return nil, fmt.Errorf("issue: %w", err)
		}
		job.Person = profile.Fields{Address: o.Person.Address, PersonName: profile.PlainName(o.Person.Name), Login: login}
	}
	set, err := mdm.New(o.Vendor, job)
	switch {
	case errors.Is(err, mdm.ErrNoPerson):
		return nil, fault.On("address", fault.Invalid, "%s fills in nothing, so its files are for one person. Enter the address, or create a batch.", o.Vendor.Title)
	case errors.Is(err, mdm.ErrPerson):
		return nil, fault.On("address", fault.Invalid, "%s fills in the person, so its template has none. Leave out the address.", o.Vendor.Title)
	case err != nil:
		return nil, fmt.Errorf("issue: %w", err)
	}
	return set, nil
}

// Declare returns the passcode policy of the domain as declarations.
func (i *Issuer) Declare(d settings.Domain, p profile.Platform) ([]profile.Declaration, error) {
	policy := d.DevicePolicy
	policy.DisplayName = "Passcode" // which declarations don't have
	all, err := policy.Declarations(d.Name, p)
	if err != nil {
		return nil, fmt.Errorf("issue: %w", err)
	}
	return all, nil
}

// drafts returns the profiles of the order without a person: accounts for each
// platform, and the policy of a Mac.
func (i *Issuer) drafts(o ManagedOrder) (all []*profile.Profile) {
	k := kind{
		language:     i.language(o.Locale),
		domain:       o.Domain,
		organization: cmp.Or(o.Organization, idn.Show(o.Domain)),
		service:      o.Service,
		policy:       o.Policy,
		test:         o.Test,
	}
	add := func(p profile.Platform, v settings.Variant) {
		k.platform, k.variant = p, v
		d := k.draft(i.words(k))
		if d.profile.Consent != nil { // an MDM doesn't show it; it is for people who open the file
			d.profile.Consent = map[string]string{"default": i.words(k).text(k.keep("consent." + string(p)))}
		}
		all = append(all, &d.profile)
	}
	makes := func(p profile.Platform) bool { return len(o.Platforms) == 0 || slices.Contains(o.Platforms, p) }
	if makes(profile.IPhone) {
		add(profile.IPhone, o.Variant)
	}
	if makes(profile.Mac) {
		add(profile.Mac, settings.Mail)
		if o.Variant == settings.Secure {
			add(profile.Mac, settings.Secure)
		}
	}
	return all
}
