package settings

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// Domains makes and changes domains by the words in which they are written.
type Domains struct {
	store Store
	now   func() time.Time
}

// NewDomains returns Domains that are kept in the store.
func NewDomains(store Store, now func() time.Time) *Domains { return &Domains{store, now} }

// A DomainSpec is what a domain is to be, as people write it.
type DomainSpec struct {
	Name     string // not used by Update
	Incoming string // in the form that profile.ParseIncoming takes
	Outgoing string // in the form that profile.ParseOutgoing takes
	Policy   Offer  // empty: Off
}

// List returns the domains of an account in the order of their names.
func (d *Domains) List(ctx context.Context, account string) ([]Domain, error) {
	return d.store.Domains(ctx, account)
}

// Get returns a domain of the account. One of another account is NotFound like
// one that is not there.
func (d *Domains) Get(ctx context.Context, account, name string) (Domain, error) {
	missing := fault.New(fault.NotFound, "There is no such domain.")
	name, err := profile.ParseHost(name)
	if err != nil {
		return Domain{}, missing
	}
	domain, err := d.store.Domain(ctx, name)
	if err == nil && domain.Account != account {
		return Domain{}, missing
	}
	return domain, err
}

// Create makes a domain. A name that is taken is a Conflict fault.
func (d *Domains) Create(ctx context.Context, who audit.Actor, account string, spec DomainSpec) (Domain, error) {
	name, err := profile.ParseHost(spec.Name)
	if err != nil {
		return Domain{}, fault.On("name", fault.Invalid, "The domain is no mail domain: %s.", err)
	}
	domain := Domain{ID: id.New("dom"), Account: account, Name: name, Created: d.now(), Updated: d.now()}
	if err := spec.apply(&domain); err != nil {
		return Domain{}, err
	}
	return domain, d.store.CreateDomain(ctx, domain, domainAction(audit.DomainCreate, who, domain))
}

// Update gives a domain of the account other servers and another policy.
func (d *Domains) Update(ctx context.Context, who audit.Actor, account, name string, spec DomainSpec) (Domain, error) {
	domain, err := d.Get(ctx, account, name)
	if err != nil {
		return Domain{}, err
	}
	if err := spec.apply(&domain); err != nil {
		return Domain{}, err
	}
	domain.Updated = d.now()
	return domain, d.store.SetDomain(ctx, domain, domainAction(audit.DomainUpdate, who, domain))
}

// Delete deletes a domain of the account with all its links.
func (d *Domains) Delete(ctx context.Context, who audit.Actor, account, name string) error {
	domain, err := d.Get(ctx, account, name)
	if err != nil {
		return err
	}
	return d.store.DeleteDomain(ctx, account, domain.Name, domainAction(audit.DomainDelete, who, domain))
}

func (s DomainSpec) apply(d *Domain) error {
	var err error
	if d.Service.Incoming, err = profile.ParseIncoming(s.Incoming); err != nil {
		return fault.On("imap", fault.Invalid, "The IMAP server: %s.", err)
	}
	if d.Service.Outgoing, err = profile.ParseOutgoing(s.Outgoing); err != nil {
		return fault.On("smtp", fault.Invalid, "The SMTP server: %s.", err)
	}
	switch s.Policy {
	case "":
		d.Policy = Off
	case Off, Offered, Required:
		d.Policy = s.Policy
	default:
		return fault.On("policy", fault.Invalid, "The policy is %q, %q or %q.", Off, Offered, Required)
	}
	return nil
}

func domainAction(name audit.Name, who audit.Actor, d Domain) audit.Action {
	return audit.Action{
		Account: d.Account,
		Name:    name,
		Outcome: audit.Done,
		Actor:   who,
		Target:  audit.Target{Kind: audit.DomainTarget, ID: d.ID, Name: d.Name},
	}
}
