package batches

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
)

// orders turns the rows of a batch into orders with the settings of the
// account's domains. Each domain is read once.
type orders struct {
	ctx     context.Context
	service *Service
	account string
	allowed []string // domains of a key; none: all
	// declares says that the batch has declarations, which every domain must
	// offer.
	declares bool

	mu      sync.Mutex
	domains map[string]found
	erases  bool
	err     error // from the store
}

type found struct {
	settings.Domain
	err error
}

func (s *Service) orders(ctx context.Context, b Batch) *orders {
	return &orders{ctx: ctx, service: s, account: b.Account, allowed: strings.Fields(b.By.Domains), declares: b.Choice.Declarations, domains: map[string]found{}}
}

// order returns the order for one file of a person.
func (o *orders) order(who issue.Person, what batch.FileKind) (issue.Order, error) {
	d, err := o.domain(who.Address.Domain())
	if err != nil {
		return issue.Order{}, err
	}
	if o.declares && d.Policy == settings.Off {
		return issue.Order{}, fault.On("declarations", fault.VariantNotOffered, "This domain offers no passcode policy, so there are no declarations for it.")
	}
	if err := offers(d, what); err != nil {
		return issue.Order{}, err
	}
	if what.Variant == settings.Secure && d.DevicePolicy.MaxFailedAttempts > 0 {
		o.mu.Lock()
		o.erases = true
		o.mu.Unlock()
	}
	return issue.OrderOf(d, who, what.Variant, what.Platform)
}

// declare returns the passcode policy of a domain as declarations.
func (o *orders) declare(domain string, p profile.Platform) ([]profile.Declaration, error) {
	d, err := o.domain(domain)
	if err != nil {
		return nil, err
	}
	return o.service.Issuer.Declare(d, p)
}

// offers refuses what the domain doesn't offer. A batch may have the device
// policy of a Mac, because MDM servers can use it.
func offers(d settings.Domain, what batch.FileKind) error {
	if what.Platform != profile.Mac || what.Variant != settings.Secure {
		return d.Offers(what.Variant, what.Platform)
	}
	if err := d.Offers(settings.Mail, profile.Mac); err != nil {
		return err
	}
	if d.Policy == settings.Off {
		return fault.On("variant", fault.VariantNotOffered, "This domain offers no passcode policy. Choose the variant %q.", settings.Mail)
	}
	return nil
}

func (o *orders) domain(name string) (settings.Domain, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d, ok := o.domains[name]
	if !ok {
		d.Domain, d.err = o.service.Domains.Domain(o.ctx, name)
		switch {
		case d.err != nil && !fault.Is(d.err, fault.NotFound):
			o.err = d.err
		case d.err != nil, d.Account != o.account, len(o.allowed) > 0 && !slices.Contains(o.allowed, name):
			d.err = fault.On("address", fault.AddressForeign, "The domain of this address isn't set up here.")
		}
		o.domains[name] = d
	}
	return d.Domain, d.err
}

// names returns those of the domains in the list.
func (o *orders) names() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(o.domains)) {
		if o.domains[name].err == nil {
			all = append(all, name)
		}
	}
	return all
}

// digest returns the SHA-256, in hex, of everything that files of the domains
// depend on.
func (o *orders) digest(names []string) (string, error) {
	h := sha256.New()
	for _, name := range names {
		d, err := o.domain(name)
		if o.err != nil {
			return "", o.err
		}
		if err != nil {
			d = settings.Domain{}
		}
		text, err := json.Marshal([]any{name, d.Service, d.Organization(), d.Policy, d.DevicePolicy, d.Login, d.Platforms})
		if err != nil {
			return "", err
		}
		h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// settings returns the digest of the current settings of the batch's domains.
func (s *Service) settings(ctx context.Context, b Batch) (string, error) {
	return s.orders(ctx, b).digest(b.Domains)
}

// read checks the list of a batch.
func (s *Service) read(ctx context.Context, b Batch, list io.Reader, c batch.Checking) (*batch.Plan, *orders, error) {
	o := s.orders(ctx, b)
	c.Orders = func(who issue.Person, what batch.FileKind) (issue.Order, error) {
		order, err := o.order(who, what)
		if f := fault.Of(err); err != nil && f.Code != fault.Internal {
			err = errors.New(f.Detail) // the row's code becomes the batch's
		}
		return order, err
	}
	c.Declarations = b.Choice.Declarations
	c.Defaults = batch.Defaults{Platforms: b.Choice.Platforms, Variant: b.Choice.Variant, Locale: b.Choice.Locale}
	reader, err := batch.NewReader(list, batch.Options{Map: b.Choice.Map, Drop: b.Choice.Drop, Manifest: b.Choice.Manifest})
	if err != nil {
		return nil, nil, err
	}
	plan, err := batch.Check(ctx, reader, c)
	if err == nil {
		err = o.err
	}
	return plan, o, err
}

// problems collects the first ones.
type problems struct {
	limit int
	all   []Problem
}

func (p *problems) add(next batch.Problem) {
	if n := len(p.all); n < p.limit {
		p.all = append(p.all, Problem{n + 1, next})
	}
}
