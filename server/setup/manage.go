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
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Longest texts in characters.
const (
	maxGivenName  = 200
	maxLogin      = 254
	maxLocale     = 35
	maxExternalID = 100
)

// A LinkSpec says which link to make for whom.
type LinkSpec struct {
	Account string
	Address string
	Name    string
	Login   string
	Locale  string
	// Variant is the one that the page is to offer. Empty: the person chooses
	// as the domain offers it.
	Variant settings.Variant
	// Life is how long the link lives. Zero: LinkLife.
	Life time.Duration
	// MaxDownloads is how many tickets the link gives out. 1 makes it work
	// once. Zero: LinkMaxDownloads.
	MaxDownloads int
	ExternalID   string
	ReturnURL    string
	// Metadata is kept as it is if this is nil.
	Metadata map[string]string
}

// Create makes a link for a mailbox of the account. The error holds a fault for
// each field that cannot be taken.
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

// Check returns a fault for each field that a link of the spec cannot have.
func (l *Links) Check(ctx context.Context, by audit.Grant, spec LinkSpec) error {
	_, err := l.Build(ctx, by, spec)
	return err
}

// MaxBulk is how many links CreateAll makes at most.
const MaxBulk = 1000

// A Made is a link that was made, or what its spec was refused for.
type Made struct {
	Link Link
	Err  error
}

// CreateAll makes the links of the specs in one transaction, each with its
// action. What is wrong with a spec is the error of its own Made, in the order
// of the specs; the other links are made.
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
	var links []Link
	var actions []audit.Action
	for i, spec := range specs {
		link, err := l.build(ctx, by, spec, domain)
		if failed != nil {
			return nil, failed
		}
		if all[i] = (Made{link, err}); err == nil {
			links, actions = append(links, link), append(actions, linkAction(audit.LinkCreate, by, link))
		}
	}
	if len(links) == 0 {
		return all, nil
	}
	return all, l.store.CreateLinks(ctx, by, links, actions)
}

// Change gives a link of the account what can be changed of the spec that
// change makes of the link as it is, and its end: nobody else changes it
// meanwhile. If change fails, nothing is changed. It may be called more than
// once. The error holds a fault for each field that cannot be taken; a link that
// is revoked is a Conflict.
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

// SetMetadata gives a link of the account the values by their names, in place of
// those that it has. The error holds a fault for each that cannot be taken; a link
// that is revoked is a Conflict.
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
	return fault.New(fault.Conflict, "This link has been revoked. Make a new one.")
}

// CheckChange returns a fault for each field that the link cannot come to have.
func (l *Links) CheckChange(ctx context.Context, link Link, spec LinkSpec, end time.Time) error {
	domain, err := l.domains.Domain(ctx, link.Domain)
	if err != nil {
		return err
	}
	return l.apply(&link, domain, spec, end)
}

// apply gives the link what can be changed of the spec, and its end.
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
			bad = errors.Join(bad, fault.On("expires_at", fault.Invalid, "A link can end in up to %d days. Revoke it to end it now.", MaxLifetime/(24*time.Hour)))
		}
		link.Expires = end
	}
	return bad
}

// A Pass lets one link be made. It is what was signed with a redirect key.
type Pass struct {
	Key     string    // the key's id
	Name    []byte    // by which it is known that the pass was used
	Expires time.Time // from when on nobody takes it
	// Network is where the browser is that has brought it, for the limit.
	Network netip.Prefix
}

// CreateOnce is Create by a pass. One that was used is a RedirectUsed fault.
// The limits are those of visitors: a panel's button may be pressed by anybody
// who is signed in there.
func (l *Links) CreateOnce(ctx context.Context, by audit.Grant, spec LinkSpec, pass Pass) (Link, error) {
	link, err := l.Build(ctx, by, spec)
	if err != nil {
		return Link{}, err
	}
	a := linkAction(audit.LinkCreate, by, link)
	limits := []Limit{
		{"redirects/address/" + a.Mailbox, LimitPerAddress, LimitWindow}, // not the one that any visitor can use up
		{"links/network/" + pass.Network.String(), LimitPerNetwork, LimitWindow},
	}
	if err := l.store.CreateLinkOnce(ctx, by, link, pass, limits, a); err != nil {
		return Link{}, err
	}
	return link, nil
}

// Build returns the link of the spec, which is not kept. What a test key creates
// is a test. The error holds a fault for each field that cannot be taken.
func (l *Links) Build(ctx context.Context, by audit.Grant, spec LinkSpec) (Link, error) {
	return l.build(ctx, by, spec, l.domains.Domain)
}

// build is Build by domains that find finds.
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
		bad = errors.Join(bad, fault.On("expires_in", fault.Invalid, "A link can last from %d seconds up to %d days.", int(MinLifetime/time.Second), int(MaxLifetime/(24*time.Hour))))
	}
	return link, bad
}

// setMetadata gives the link the metadata of the spec, if it says any.
func (l *Link) setMetadata(spec LinkSpec) (err error) {
	if spec.Metadata != nil {
		l.Metadata, err = settings.NewMetadata(spec.Metadata)
	}
	return err
}

// trim takes away what nobody means to write at the ends of texts.
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

// check refuses what a link cannot have, all at once.
func (l Link) check(address profile.Address, d settings.Domain) error {
	var bad []error
	must := func(ok bool, field, format string, args ...any) {
		if !ok {
			bad = append(bad, fault.On(field, fault.Invalid, format, args...))
		}
	}
	must(profile.IsPersonName(l.Name) && utf8.RuneCountInString(l.Name) <= maxGivenName, "name",
		"Write a name of up to %d characters: letters, digits, spaces and ' - . , & ( ), and no web address.", maxGivenName)
	line := func(s string, longest int, field, format string, args ...any) {
		if err := profile.CheckLine(s); err != nil || utf8.RuneCountInString(s) > longest {
			bad = append(bad, fault.OnText(field, err, fault.Invalid, format, args...))
		}
	}
	for _, f := range [...]struct{ field, text string }{{"address", l.Address}, {"login", l.Login}} {
		err := mdm.CheckValue(f.text)
		must(err == nil, f.field, "This can't be used: %v.", err)
	}
	line(l.Login, maxLogin, "login", "The login has a character that may not stand there, or is too long.")
	must(isLocale(l.Locale), "locale", "Write a language such as en or pt-BR.")
	line(l.ExternalID, maxExternalID, "external_id", "The external id is one line of up to %d characters.", maxExternalID)
	must(l.ReturnURL == "" || d.Returns(l.ReturnURL), "return_url",
		"Write an address that begins with https:// and one of the hosts that the domain may lead back to.")
	must(l.MaxDownloads >= 1 && l.MaxDownloads <= MaxMaxDownloads, "max_downloads", "A link gives out from 1 up to %d downloads.", MaxMaxDownloads)
	if _, err := d.LoginFor(address, l.Login); err != nil {
		bad = append(bad, err)
	}
	if l.Variant != "" {
		bad = append(bad, d.Offers(l.Variant, firstPlatform(d)))
	}
	return errors.Join(bad...)
}

// firstPlatform is the one by which it is told whether a variant can be had.
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

// Path is the path of the link's page, which holds the token. Whoever may see
// the link can be shown it again.
func (l *Links) Path(link Link) string { return "/s/" + l.links.token(link.ID) }

// Get returns a link of the account in whatever state.
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

// List returns a part of the links that the filter finds.
func (l *Links) List(ctx context.Context, f Filter) (Found, error) {
	return l.store.Links(ctx, f, l.now())
}

// Revoke ends a link of the account at once, with the tickets that it has
// given out. One that is revoked stays so.
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

// RevokeAll ends the links of a group that could still lead to a download, and
// returns how many there were.
func (l *Links) RevokeAll(ctx context.Context, by audit.Grant, g Group) (int, error) {
	a := audit.Action{
		Account: g.Account,
		Name:    audit.LinkRevoke,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.LinkTarget, Name: g.Mailbox}, // an ID is kept for ever, a mailbox must not be
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

// LapseAction says that the time of the link has passed.
func LapseAction(by audit.Grant, link Link) audit.Action {
	return linkAction(audit.LinkExpire, by, link)
}

// Count returns how many links RevokeAll would end.
func (l *Links) Count(ctx context.Context, g Group) (int, error) {
	return l.store.CountLinks(ctx, g, l.now())
}
