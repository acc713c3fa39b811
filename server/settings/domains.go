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

// A Prover tells whose a domain is.
type Prover interface {
	// Record returns what proves that the domain is the account's: a name in
	// the DNS and the text to publish there.
	Record(account, domain string) (name, value string)
	// Proves reports whether that is published.
	Proves(ctx context.Context, account, domain string) (bool, error)
	// Published says what the DNS has in place of the proof.
	Published(ctx context.Context, account, domain string) Published
}

// Domains makes and changes domains by the words in which they are written.
type Domains struct {
	store  Store
	prover Prover
	now    func() time.Time
}

// NewDomains returns Domains that are kept in the store. Those of accounts
// that are not trusted need the prover's word.
func NewDomains(store Store, prover Prover, now func() time.Time) *Domains {
	return &Domains{store, prover, now}
}

// List returns the domains of an account in the order of their names.
func (d *Domains) List(ctx context.Context, account string) ([]Domain, error) {
	return d.store.Domains(ctx, account)
}

// A Filter says which domains of an account to find.
type Filter struct {
	Account string
	// Names are those of the domains that may be found. None: all.
	Names []string
	// Metadata is a pair that the domains have. Zero: any.
	Metadata Pair
	// After is the name behind which the part of the list begins.
	After string
	// Limit is how many domains to return at most. Required.
	Limit int
}

// Part returns a part of the domains that the filter finds, in the order of
// their names.
func (d *Domains) Part(ctx context.Context, f Filter) ([]Domain, error) {
	return d.store.DomainsPart(ctx, f)
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

// Proof returns the DNS record that proves that a domain is the account's.
func (d *Domains) Proof(account, domain string) (name, value string) {
	return d.prover.Record(account, domain)
}

// Create makes a domain. The error holds a fault for each field that cannot be
// taken; a name that is taken is a Conflict fault. If the account is not
// trusted and the domain not proven to be its own, the fault is DomainUnproven.
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

// CreateApproved is Create by the word of the operator, without proof.
func (d *Domains) CreateApproved(ctx context.Context, by audit.Grant, account string, spec DomainSpec) (Domain, error) {
	domain, err := d.build(account, spec)
	if err != nil {
		return Domain{}, err
	}
	return d.keep(ctx, by, domain)
}

// keep keeps a new domain and returns it as it is read from then on.
func (d *Domains) keep(ctx context.Context, by audit.Grant, domain Domain) (Domain, error) {
	if err := d.store.CreateDomain(ctx, by, domain, domainAction(audit.DomainCreate, by, domain)); err != nil {
		return Domain{}, err
	}
	return d.store.Domain(ctx, domain.Name)
}

// build makes a domain of the spec.
func (d *Domains) build(account string, spec DomainSpec) (Domain, error) {
	now := d.now()
	domain := Domain{ID: id.New("dom"), Account: account, Created: now, Updated: now}
	var err error
	if domain.Name, err = profile.ParseHost(spec.Name); err != nil {
		err = fault.On("name", fault.Invalid, "The domain is no mail domain: %s.", err)
	}
	return domain, errors.Join(err, spec.apply(&domain))
}

// prove refuses a domain of an account that is not trusted, unless it is
// proven to be the account's. Whether it exists here is not told before.
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
	unproven := fault.On("name", fault.DomainUnproven, "Publish the TXT record %s with the value %s, then send this again.", name, value)
	return unproven.Because(err)
}

// Update gives a domain of the account all that the spec says. The error holds
// a fault for each field that cannot be taken.
func (d *Domains) Update(ctx context.Context, by audit.Grant, account, name string, spec DomainSpec) (Domain, error) {
	return d.Change(ctx, by, account, name, func(Domain) (DomainSpec, error) { return spec, nil })
}

// Change is Update by a spec that is made of the domain as it is: nobody else
// changes it meanwhile. If change fails, nothing is changed. It may be called
// more than once.
func (d *Domains) Change(ctx context.Context, by audit.Grant, account, name string, change func(Domain) (DomainSpec, error)) (Domain, error) {
	return d.change(ctx, by, account, name, func(domain Domain) (Domain, error) {
		spec, err := change(domain)
		if err == nil {
			err = spec.apply(&domain)
		}
		return domain, err
	})
}

// SetMetadata gives a domain of the account the values by their names, in place of
// those that it has. The error holds a fault for each that cannot be taken.
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

// Delete deletes a domain of the account with all its links, if check, which may
// be nil, has nothing against it as it is: its error is Delete's.
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
