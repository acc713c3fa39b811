package setup

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/settings"
)

// The longest texts, in characters.
const (
	maxGivenName  = 200
	maxLogin      = 254
	maxLocale     = 35
	maxExternalID = 100
)

// A LinkSpec is a caller's description of a link.
type LinkSpec struct {
	Account string
	Address string
	Name    string
	Login   string
	Locale  string
	// Variant is the only one that the page offers. Empty: the person chooses
	// what the domain offers.
	Variant settings.Variant
	// Life is the link's lifetime. Zero: LinkLife.
	Life time.Duration
	// MaxDownloads is how many tickets the link issues. With 1, it works once.
	// Zero: LinkMaxDownloads.
	MaxDownloads int
	ExternalID   string
	ReturnURL    string
	// Metadata doesn't change if this is nil.
	Metadata map[string]string
}

// Create creates a link for a mailbox of the account. The error holds a fault
// for each invalid field.
func (l *Links) Create(ctx context.Context, by audit.Grant, spec LinkSpec) (Link, error) {
	link, err := l.Build(ctx, by, spec)
	if err != nil {
		return Link{}, err
	}
	if err := l.store.CreateLink(ctx, by, link, nil, linkAction(audit.LinkCreate, by, link)); err != nil {
		return Link{}, err
	}
	return link, nil
}

// Check returns a fault for each field of the spec that is invalid for a link.
func (l *Links) Check(ctx context.Context, by audit.Grant, spec LinkSpec) error {
	_, err := l.Build(ctx, by, spec)
	return err
}

// MaxBulk is how many links CreateAll creates at most.
const MaxBulk = 1000

// A Made is a created link, or the error of its spec.
type Made struct {
	Link Link
	Err  error
}

// CreateAll creates the links of the specs in one transaction, each with its
// action. The results, and the links in lists, are in the order of the specs.
// An invalid spec sets the error of its own Made; the other links are created.
func (l *Links) CreateAll(ctx context.Context, by audit.Grant, specs []LinkSpec) ([]Made, error) {
	var failed error
	domains := map[string]func() (settings.Domain, error){}
	domain := func(ctx context.Context, name string) (settings.Domain, error) {
		if domains[name] == nil {
			domains[name] = sync.OnceValues(func() (settings.Domain, error) {
				d, err := l.domains.Domain(ctx, name)
				if err != nil && !fault.Is(err, fault.NotFound) {
					failed = err
				}
				return d, err
			})
		}
		return domains[name]()
	}
	all := make([]Made, len(specs))
	ids := id.Together("lnk", len(specs)) // their order is that of links that were created at the same time
	links, actions := make([]Link, 0, len(specs)), make([]audit.Action, 0, len(specs))
	for i, spec := range specs {
		link, err := l.build(ctx, by, spec, domain)
		if failed != nil {
			return nil, failed
		}
		link.ID = ids[i]
		if all[i] = (Made{link, err}); err == nil {
			links, actions = append(links, link), append(actions, linkAction(audit.LinkCreate, by, link))
		}
	}
	if len(links) == 0 {
		return all, nil
	}
	return all, l.store.CreateLinks(ctx, by, links, actions)
}

// Change applies change to the spec of a link of the account, and stores the
// result and the link's expiry: nobody else can change it meanwhile. If change
// fails, nothing is changed. It may be called more than once. The error holds
// a fault for each invalid field. For a revoked link the fault is a Conflict.
func (l *Links) Change(ctx context.Context, by audit.Grant, account, id string, change func(Link) (LinkSpec, time.Time, error)) (Link, error) {
	link, err := l.Get(ctx, account, id)
	if err != nil {
		return Link{}, err
	}
	domain, err := l.domains.Domain(ctx, link.Domain)
	if err != nil {
		return Link{}, err
	}
	return l.change(ctx, by, link, func(link Link) (Link, error) {
		spec, end, err := change(link)
		if err != nil {
			return Link{}, err
		}
		return link, l.apply(&link, domain, spec, end)
	})
}

// SetMetadata replaces the metadata of a link of the account. The error holds
// a fault for each invalid value. For a revoked link the fault is a Conflict.
func (l *Links) SetMetadata(ctx context.Context, by audit.Grant, account, id string, values map[string]string) (Link, error) {
	link, err := l.Get(ctx, account, id)
	if err != nil {
		return Link{}, err
	}
	return l.change(ctx, by, link, func(link Link) (_ Link, err error) {
		if !link.Revoked.IsZero() {
			return link, errRevoked()
		}
		link.Metadata, err = settings.NewMetadata(values)
		return link, err
	})
}

func (l *Links) change(ctx context.Context, by audit.Grant, link Link, change func(Link) (Link, error)) (Link, error) {
	if err := l.store.ChangeLink(ctx, by, link.Account, link.ID, change, linkAction(audit.LinkUpdate, by, link)); err != nil {
		return Link{}, err
	}
	return l.store.Link(ctx, link.ID)
}

func errRevoked() error {
	return fault.New(fault.Conflict, "This link has been revoked. Create a new one.")
}

// CheckChange returns a fault for each field that the link can't change to.
func (l *Links) CheckChange(ctx context.Context, link Link, spec LinkSpec, end time.Time) error {
	domain, err := l.domains.Domain(ctx, link.Domain)
	if err != nil {
		return err
	}
	return l.apply(&link, domain, spec, end)
}

// apply copies what can be changed from the spec to the link, and sets its
// expiry.
func (l *Links) apply(link *Link, domain settings.Domain, spec LinkSpec, end time.Time) error {
	if !link.Revoked.IsZero() {
		return errRevoked()
	}
	address, err := profile.ParseAddress(link.Address)
	if err != nil {
		return err
	}
	spec.trim()
	link.Name, link.Login, link.Locale, link.Variant = spec.Name, spec.Login, spec.Locale, spec.Variant
	link.ExternalID, link.ReturnURL, link.MaxDownloads = spec.ExternalID, spec.ReturnURL, orMany(spec.MaxDownloads)
	bad := errors.Join(link.check(address, domain), link.setMetadata(spec))
	if end = end.Truncate(time.Millisecond); !end.Equal(link.Expires) {
		if now := l.now(); !end.After(now) || end.After(now.Add(MaxLifetime)) {
			bad = errors.Join(bad, fault.On("expires_at", fault.Invalid, "A link can expire in up to %d days. To end it now, revoke it.", MaxLifetime/(24*time.Hour)))
		}
		link.Expires = end
	}
	return bad
}

// A Pass permits creating one link. It is a token signed with a redirect key.
type Pass struct {
	Key     string    // the key's ID
	Name    []byte    // identifies a used pass
	Expires time.Time // from when on it's refused
	// Network is the network of the browser that sent it, for the limit.
	Network netip.Prefix
}

// CreateOnce is Create with a pass. If the pass was used, the fault is
// RedirectUsed. The limits are those of visitors, because anyone who is signed
// in to the hosting panel can press its button.
func (l *Links) CreateOnce(ctx context.Context, by audit.Grant, spec LinkSpec, pass Pass) (Link, error) {
	link, err := l.Build(ctx, by, spec)
	if err != nil {
		return Link{}, err
	}
	a := linkAction(audit.LinkCreate, by, link)
	limits := []admission.Limit{
		{Key: "redirects/address/" + a.Mailbox, Max: LimitPerAddress, Window: LimitWindow}, // not the limit that any visitor can use up
		{Key: "links/network/" + pass.Network.String(), Max: LimitPerNetwork, Window: LimitWindow},
	}
	if err := l.store.CreateLinkOnce(ctx, by, link, pass, limits, a); err != nil {
		return Link{}, err
	}
	return link, nil
}

// Build returns the link of the spec without storing it. A link created with a
// test key is a test. The error holds a fault for each invalid field.
func (l *Links) Build(ctx context.Context, by audit.Grant, spec LinkSpec) (Link, error) {
	return l.build(ctx, by, spec, l.domains.Domain)
}

// build is Build with domains looked up by find.
func (l *Links) build(ctx context.Context, by audit.Grant, spec LinkSpec, find func(context.Context, string) (settings.Domain, error)) (Link, error) {
	address, err := profile.ParseAddress(spec.Address)
	if err != nil {
		return Link{}, errAddress(err)
	}
	domain, err := find(ctx, address.Domain())
	if fault.Is(err, fault.NotFound) || err == nil && domain.Account != spec.Account {
		return Link{}, fault.On("address", fault.AddressForeign, "The domain of this address isn't set up here.")
	}
	if err != nil {
		return Link{}, err
	}
	spec.trim()
	now := l.now()
	link := Link{
		ID: id.New("lnk"), Account: domain.Account, Domain: domain.Name, Address: address.String(),
		Name: spec.Name, Login: spec.Login, Locale: spec.Locale, Variant: spec.Variant,
		ExternalID: spec.ExternalID, ReturnURL: spec.ReturnURL, Test: by.Actor.Test,
		Created: now, Expires: now.Add(orLife(spec.Life)), MaxDownloads: orMany(spec.MaxDownloads),
	}
	bad := errors.Join(link.check(address, domain), link.setMetadata(spec))
	if life := orLife(spec.Life); life < MinLifetime || life > MaxLifetime {
		bad = errors.Join(bad, fault.On("expires_in", fault.Invalid, "A link can last from %d seconds to %d days.", int(MinLifetime/time.Second), int(MaxLifetime/(24*time.Hour))))
	}
	return link, bad
}

// setMetadata sets the link's metadata from the spec, unless that is nil.
func (l *Link) setMetadata(spec LinkSpec) (err error) {
	if spec.Metadata != nil {
		l.Metadata, err = settings.NewMetadata(spec.Metadata)
	}
	return err
}

// trim removes spaces around texts.
func (s *LinkSpec) trim() {
	s.Name = profile.Plain(s.Name)
	for _, text := range []*string{&s.Login, &s.Locale, &s.ExternalID, &s.ReturnURL} {
		*text = profile.Trim(*text)
	}
}

func orLife(d time.Duration) time.Duration {
	if d == 0 {
		return LinkLife
	}
	return d
}

func orMany(n int) int {
	if n == 0 {
		return LinkMaxDownloads
	}
	return n
}

// check returns all faults of the link.
func (l Link) check(address profile.Address, d settings.Domain) error {
	var bad []error
	must := func(ok bool, field, format string, args ...any) {
		if !ok {
			bad = append(bad, fault.On(field, fault.Invalid, format, args...))
		}
	}
	must(profile.IsPersonName(l.Name) && utf8.RuneCountInString(l.Name) <= maxGivenName, "name",
		"Enter a name of up to %d characters: letters, digits, spaces and ' - . , & ( ), without web addresses.", maxGivenName)
	line := func(s string, longest int, field, format string, args ...any) {
		if err := profile.CheckLine(s); err != nil || utf8.RuneCountInString(s) > longest {
			bad = append(bad, fault.OnText(field, err, fault.Invalid, format, args...))
		}
	}
	for _, f := range [...]struct{ field, text string }{{"address", l.Address}, {"login", l.Login}} {
		err := mdm.CheckValue(f.text)
		must(err == nil, f.field, "This can't be used: %v.", err)
	}
	line(l.Login, maxLogin, "login", "The login contains an invalid character or is too long.")
	must(isLocale(l.Locale), "locale", "Enter a language, for example en or pt-BR.")
	line(l.ExternalID, maxExternalID, "external_id", "Enter the external ID as one line of up to %d characters.", maxExternalID)
	must(l.ReturnURL == "" || d.Returns(l.ReturnURL), "return_url",
		"Enter a URL that begins with https:// and one of the domain's return hosts.")
	must(l.MaxDownloads >= 1 && l.MaxDownloads <= MaxMaxDownloads, "max_downloads", "A link permits from 1 to %d downloads.", MaxMaxDownloads)
	if _, err := d.LoginFor(address, l.Login); err != nil {
		bad = append(bad, err)
	}
	if l.Variant != "" {
		bad = append(bad, d.Offers(l.Variant, firstPlatform(d)))
	}
	return errors.Join(bad...)
}

// firstPlatform is the platform that is used to check whether a variant is
// available.
func firstPlatform(d settings.Domain) profile.Platform {
	if d.MakesFor(profile.IPhone) {
		return profile.IPhone
	}
	return profile.Mac
}

// isLocale reports whether s looks like a language tag, or is empty.
func isLocale(s string) bool {
	other := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	}
	return len(s) <= maxLocale && !strings.ContainsFunc(s, other)
}

// Path returns the path of the link's page, which contains the token. It can
// be shown again to anyone who may see the link.
func (l *Links) Path(link Link) string { return "/s/" + l.links.token(link.ID) }

// Get returns a link of the account in any state.
func (l *Links) Get(ctx context.Context, account, id string) (Link, error) {
	const longest = 40
	missing := fault.New(fault.NotFound, "There is no such link.")
	if len(id) > longest || !profile.IsLine(id) {
		return Link{}, missing
	}
	link, err := l.store.Link(ctx, id)
	if err == nil && link.Account != account {
		err = missing
	}
	if err != nil {
		return Link{}, err
	}
	return link, nil
}

// List returns a page of the links that match the filter.
func (l *Links) List(ctx context.Context, f Filter) (Found, error) {
	return l.store.Links(ctx, f, l.now())
}

// Revoke revokes a link of the account with its tickets at once. Revoking it
// again changes nothing.
func (l *Links) Revoke(ctx context.Context, by audit.Grant, account, id string) (Link, error) {
	link, err := l.Get(ctx, account, id)
	if err != nil {
		return Link{}, err
	}
	if err := l.store.RevokeLink(ctx, by, account, id, l.now(), linkAction(audit.LinkRevoke, by, link)); err != nil {
		return Link{}, err
	}
	return l.store.Link(ctx, id)
}

// RevokeAll revokes the links of a group that could still lead to a download,
// and returns their number.
func (l *Links) RevokeAll(ctx context.Context, by audit.Grant, g Group) (int, error) {
	a := audit.Action{
		Account: g.Account,
		Name:    audit.LinkRevoke,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.LinkTarget, Name: g.Mailbox}, // an ID is stored forever, a mailbox must not be
		Domain:  g.Domain,
		Mailbox: g.Mailbox,
	}
	if g.Mailbox == "" {
		domain, err := l.domains.Domain(ctx, g.Domain)
		if err == nil && domain.Account != g.Account {
			err = fault.New(fault.NotFound, "There is no such domain.")
		}
		if err != nil {
			return 0, err
		}
		a.Target = audit.Target{Kind: audit.DomainTarget, ID: domain.ID, Name: domain.Name}
	}
	return l.store.RevokeLinks(ctx, by, g, l.now(), a)
}

// LapseAction returns the action that the link has expired.
func LapseAction(by audit.Grant, link Link) audit.Action {
	return linkAction(audit.LinkExpire, by, link)
}

// Count returns how many links RevokeAll would end.
func (l *Links) Count(ctx context.Context, g Group) (int, error) {
	return l.store.CountLinks(ctx, g, l.now())
}
