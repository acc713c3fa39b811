package settings

import (
	"context"
	"errors"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// A Prover checks who owns a domain.
type Prover interface {
	// Record returns the DNS record that proves the account's ownership of the
	// domain: a name and the text to publish there.
	Record(account, domain string) (name, value string)
	// Proves reports whether the record is published.
	Proves(ctx context.Context, account, domain string) (bool, error)
	// Published returns what the DNS contains instead of the proof.
	Published(ctx context.Context, account, domain string) Published
}

// Domains manages domains.
type Domains struct {
	store  Store
	prover Prover
	now    func() time.Time
}

// NewDomains returns Domains that use the store. The domains of untrusted
// accounts must be proven to the prover.
func NewDomains(store Store, prover Prover, now func() time.Time) *Domains {
	return &Domains{store, prover, now}
}

// List returns the domains of an account, sorted by name.
func (d *Domains) List(ctx context.Context, account string) ([]Domain, error) {
	return d.store.Domains(ctx, account)
}

// A Filter selects domains of an account.
type Filter struct {
	Account string
	// Names limits the result to these domains. None: all.
	Names []string
	// Metadata is a pair that the domains must have. Zero: any.
	Metadata Pair
	// After is the name after which the page begins.
	After string
	// Limit is the maximum number of domains. Required.
	Limit int
}

// Part returns a page of the domains that match the filter, sorted by name.
func (d *Domains) Part(ctx context.Context, f Filter) ([]Domain, error) {
	return d.store.DomainsPart(ctx, f)
}

// Get returns a domain of the account. A domain of another account is
// NotFound, like one that doesn't exist.
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

// Proof returns the DNS record that proves the account's ownership of a
// domain.
func (d *Domains) Proof(account, domain string) (name, value string) {
	return d.prover.Record(account, domain)
}

// Create creates a domain. The error holds a fault for each invalid field; a
// name that is taken is a Conflict fault. If the account is untrusted and the
// domain isn't proven, the fault is DomainUnproven.
func (d *Domains) Create(ctx context.Context, by audit.Grant, account string, spec DomainSpec) (Domain, error) {
	domain, err := d.build(account, spec)
	if err != nil {
		return Domain{}, err
	}
	if err := d.prove(ctx, account, domain.Name); err != nil {
		return Domain{}, err
	}
	return d.keep(ctx, by, domain)
}

// CreateApproved is Create on the operator's authority, without proof.
func (d *Domains) CreateApproved(ctx context.Context, by audit.Grant, account string, spec DomainSpec) (Domain, error) {
	domain, err := d.build(account, spec)
	if err != nil {
		return Domain{}, err
	}
	return d.keep(ctx, by, domain)
}

// keep stores a new domain and returns it as the store reads it.
func (d *Domains) keep(ctx context.Context, by audit.Grant, domain Domain) (Domain, error) {
	if err := d.store.CreateDomain(ctx, by, domain, domainAction(audit.DomainCreate, by, domain)); err != nil {
		return Domain{}, err
	}
	return d.store.Domain(ctx, domain.Name)
}

// build creates a domain from the spec.
func (d *Domains) build(account string, spec DomainSpec) (Domain, error) {
	now := d.now()
	domain := Domain{ID: id.New("dom"), Account: account, Created: now, Updated: now}
	var err error
	if domain.Name, err = profile.ParseHost(spec.Name); err != nil {
		err = fault.On("name", fault.Invalid, "This isn't a valid email domain: %s.", err)
	}
	return domain, errors.Join(err, spec.apply(&domain))
}

// prove refuses a domain of an untrusted account unless its ownership is
// proven. The check comes first, so that it doesn't reveal whether the domain
// exists here.
func (d *Domains) prove(ctx context.Context, account, domain string) error {
	trusted, err := d.store.Trusted(ctx, account)
	if err != nil || trusted {
		return err
	}
	ok, err := d.prover.Proves(ctx, account, domain)
	if ok {
		return nil
	}
	name, value := d.prover.Record(account, domain)
	unproven := fault.On("name", fault.DomainUnproven, "Publish the TXT record %s with the value %s, then try again.", name, value)
	return unproven.Because(err)
}

// Update sets everything in the spec for a domain of the account. The error
// holds a fault for each invalid field.
func (d *Domains) Update(ctx context.Context, by audit.Grant, account, name string, spec DomainSpec) (Domain, error) {
	return d.Change(ctx, by, account, name, func(Domain) (DomainSpec, error) { return spec, nil })
}

// Change is Update with a spec that is computed from the current domain:
// nobody else can change it meanwhile. If change fails, nothing is changed. It
// may be called more than once.
func (d *Domains) Change(ctx context.Context, by audit.Grant, account, name string, change func(Domain) (DomainSpec, error)) (Domain, error) {
	return d.change(ctx, by, account, name, func(domain Domain) (Domain, error) {
		spec, err := change(domain)
		if err == nil {
			err = spec.apply(&domain)
		}
		return domain, err
	})
}

// SetMetadata replaces the metadata of a domain of the account. The error
// holds a fault for each invalid value.
func (d *Domains) SetMetadata(ctx context.Context, by audit.Grant, account, name string, values map[string]string) (Domain, error) {
	return d.change(ctx, by, account, name, func(domain Domain) (_ Domain, err error) {
		domain.Metadata, err = NewMetadata(values)
		return domain, err
	})
}

func (d *Domains) change(ctx context.Context, by audit.Grant, account, name string, change func(Domain) (Domain, error)) (Domain, error) {
	domain, err := d.Get(ctx, account, name)
	if err != nil {
		return Domain{}, err
	}
	apply := func(domain Domain) (Domain, error) {
		domain, err := change(domain)
		domain.Updated = d.now()
		return domain, err
	}
	if err := d.store.ChangeDomain(ctx, by, domain, apply, domainAction(audit.DomainUpdate, by, domain)); err != nil {
		return Domain{}, err
	}
	return d.store.Domain(ctx, domain.Name)
}

// Delete deletes a domain of the account with all its links if check allows
// it. Check may be nil; its error is returned.
func (d *Domains) Delete(ctx context.Context, by audit.Grant, account, name string, check func(Domain) error) error {
	domain, err := d.Get(ctx, account, name)
	if err != nil {
		return err
	}
	return d.store.DeleteDomain(ctx, by, account, domain.Name, check, domainAction(audit.DomainDelete, by, domain))
}

func domainAction(name audit.Name, by audit.Grant, d Domain) audit.Action {
	return audit.Action{
		Account: d.Account,
		Name:    name,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.DomainTarget, ID: d.ID, Name: d.Name},
		Domain:  d.Name,
	}
}
