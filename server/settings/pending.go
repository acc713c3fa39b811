package settings

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// MaxPending is how many domains of an account can be pending.
const MaxPending = 100

// DefaultOffer is the offer of new domains by default: each person can choose
// the standard policy. Without that choice, no device is ever erased.
const DefaultOffer = Offered

// A Pending is a domain that an account has requested but whose ownership
// isn't proven yet. Nobody can set up a device with it.
type Pending struct {
	Account string
	Name    string
	Spec    DomainSpec
	Created time.Time
	Updated time.Time
}

// Domain returns the domain that the pending one will become.
func (p Pending) Domain() Domain {
	d := Domain{Account: p.Account, Name: p.Name}
	if err := p.Spec.apply(&d); err != nil {
		return Domain{Account: p.Account, Name: p.Name} // stored before a rule became stricter
	}
	return d
}

// Published is what the DNS contains instead of the proof.
type Published struct {
	Texts   []string // in the right place
	Doubled bool     // the proof is published under a name that ends with the domain twice
	Failed  bool     // the DNS gave no answer
}

// A PendingStore stores pending domains.
type PendingStore interface {
	// PendingDomains returns those of an account, sorted by name.
	PendingDomains(ctx context.Context, account string) ([]Pending, error)
	// PendingDomain returns one of an account, or a NotFound fault.
	PendingDomain(ctx context.Context, account, name string) (Pending, error)
	// KeepPending creates or replaces the pending domain with p's name, and
	// stores a, whose changes it fills in. If nothing differs, it stores
	// nothing. It approves the servers of p as CreateDomain does. If the
	// account has the domain or MaxPending pending domains, it returns a
	// Conflict fault.
	KeepPending(ctx context.Context, by audit.Grant, p Pending, a audit.Action) error
	// DeletePending deletes a pending domain of an account and stores a. If it
	// doesn't exist, the fault is NotFound.
	DeletePending(ctx context.Context, by audit.Grant, account, name string, a audit.Action) error
}

// Add is Create, but stores a domain whose proof is missing as pending.
func (d *Domains) Add(ctx context.Context, by audit.Grant, account string, spec DomainSpec) (domain Domain, pending bool, err error) {
	domain, err = d.build(account, spec)
	if err != nil {
		return Domain{}, false, err
	}
	if err := d.prove(ctx, account, domain.Name); fault.Is(err, fault.DomainUnproven) {
		return domain, true, d.keepPending(ctx, by, domain, spec)
	} else if err != nil {
		return Domain{}, false, err
	}
	domain, err = d.keep(ctx, by, domain)
	return domain, false, err
}

func (d *Domains) keepPending(ctx context.Context, by audit.Grant, domain Domain, spec DomainSpec) error {
	p := Pending{Account: domain.Account, Name: domain.Name, Spec: spec, Created: d.now(), Updated: d.now()}
	return d.store.KeepPending(ctx, by, p, pendingAction(audit.DomainRequest, by, domain.Account, domain.Name))
}

// Pending returns the pending domains of an account.
func (d *Domains) Pending(ctx context.Context, account string) ([]Pending, error) {
	return d.store.PendingDomains(ctx, account)
}

// GetPending returns a pending domain of the account, or a NotFound fault.
func (d *Domains) GetPending(ctx context.Context, account, name string) (Pending, error) {
	name, err := profile.ParseHost(name)
	if err != nil {
		return Pending{}, fault.New(fault.NotFound, "There is no such domain.")
	}
	return d.store.PendingDomain(ctx, account, name)
}

// UpdatePending sets everything in the spec for a pending domain of the
// account.
func (d *Domains) UpdatePending(ctx context.Context, by audit.Grant, account, name string, spec DomainSpec) error {
	p, err := d.GetPending(ctx, account, name)
	if err != nil {
		return err
	}
	spec.Name = p.Name
	domain, err := d.build(account, spec)
	if err != nil {
		return err
	}
	return d.keepPending(ctx, by, domain, spec)
}

// Verify turns a pending domain into a domain if the DNS proves its ownership.
// If not, the fault is DomainUnproven, and the other result is what the DNS
// contains instead.
func (d *Domains) Verify(ctx context.Context, by audit.Grant, account, name string) (Domain, Published, error) {
	p, err := d.GetPending(ctx, account, name)
	if err != nil {
		return Domain{}, Published{}, err
	}
	domain, err := d.Create(ctx, by, account, p.Spec)
	if fault.Is(err, fault.DomainUnproven) {
		return Domain{}, d.prover.Published(ctx, account, p.Name), err
	}
	return domain, Published{}, err
}

// Approve turns a pending domain into a domain on the operator's authority,
// without proof.
func (d *Domains) Approve(ctx context.Context, by audit.Grant, account, name string) (Domain, error) {
	p, err := d.GetPending(ctx, account, name)
	if err != nil {
		return Domain{}, err
	}
	return d.CreateApproved(ctx, by, account, p.Spec)
}

// DeletePending deletes a pending domain of the account.
func (d *Domains) DeletePending(ctx context.Context, by audit.Grant, account, name string) error {
	p, err := d.GetPending(ctx, account, name)
	if err != nil {
		return err
	}
	return d.store.DeletePending(ctx, by, account, p.Name, pendingAction(audit.DomainRequestDelete, by, account, p.Name))
}

func pendingAction(name audit.Name, by audit.Grant, account, domain string) audit.Action {
	return audit.Action{
		Account: account,
		Name:    name,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.DomainTarget, ID: domain, Name: domain},
		Domain:  domain,
	}
}

// Published looks up what the DNS contains in place of the record.
func (d *DNSProof) Published(ctx context.Context, account, domain string) Published {
	name, value := d.Record(account, domain)
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()
	var p Published
	texts, err := d.resolver.LookupTXT(ctx, name+".")
	var missing *net.DNSError
	p.Failed = err != nil && !(errors.As(err, &missing) && missing.IsNotFound)
	p.Texts = texts[:min(len(texts), proofTexts)]
	doubled, err := d.resolver.LookupTXT(ctx, name+"."+domain+".")
	p.Doubled = err == nil && slices.Contains(doubled, value)
	return p
}
