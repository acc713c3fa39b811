package setup

import (
	"context"
	"net/netip"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/settings"
)

// How long things live and how often they serve.
const (
	VisitorLinkLife  = time.Hour
	LinkMaxDownloads = 5
	LinkLife         = 24 * time.Hour // of a link that a member or program makes
	MinLifetime      = time.Minute
	MaxLifetime      = 30 * 24 * time.Hour
	MaxMaxDownloads  = 100
	TicketLife       = 10 * time.Minute
	TicketMaxFetches = 5
)

// Limits on the links that visitors make, each for one LimitWindow.
const (
	LimitWindow     = 10 * time.Minute
	LimitPerAddress = 10  // from one network
	LimitPerMailbox = 600 // from all networks: it bounds what is kept
	LimitPerNetwork = 60
)

// maxName is the longest name that a visitor may have, in characters.
const maxName = 64

// Links makes links and tickets and says what they permit.
type Links struct {
	store   Store
	domains settings.Store
	now     func() time.Time
	links   tokens
	tickets tokens
}

// New returns Links whose tokens are derived from the installation's secret.
func New(store Store, domains settings.Store, secret *crypt.Secret, now func() time.Time) *Links {
	return &Links{store, domains, now, newTokens(secret, "lnk_"), newTokens(secret, "tkt_")}
}

// A Visit is what somebody types on the public page.
type Visit struct {
	Address string
	Name    string // may be empty
	// Network is where the visitor comes from, for the limit.
	Network netip.Prefix
}

// Start makes a link for a visitor and returns its token. It does not ask, and
// so cannot tell, whether the mailbox exists. Where the domain needs to be told
// the login, no visitor can have a link. The fault is of the field "address" or
// "name", or Limited.
func (l *Links) Start(ctx context.Context, who audit.Actor, v Visit) (token string, err error) {
	address, err := profile.ParseAddress(v.Address)
	if err != nil {
		return "", errAddress(err)
	}
	if err := mdm.CheckValue(v.Address); err != nil {
		return "", errAddress(err)
	}
	v.Name = profile.Plain(v.Name)
	if err := CheckName(v.Name); err != nil {
		return "", err
	}
	domain, err := l.domains.Domain(ctx, address.Domain())
	if fault.Is(err, fault.NotFound) {
		return "", fault.On("address", fault.AddressForeign, "Mail for this domain is not set up here.")
	}
	if err != nil {
		return "", err
	}
	if _, err := domain.LoginFor(address, ""); err != nil {
		return "", errAskHost("address")
	}
	link := Link{
		ID:           id.New("lnk"),
		Account:      domain.Account,
		Domain:       domain.Name,
		Address:      address.String(),
		Name:         v.Name,
		Created:      l.now(),
		Expires:      l.now().Add(VisitorLinkLife),
		MaxDownloads: LinkMaxDownloads,
	}
	limits := []Limit{
		// By network, so that nobody can use up what others have.
		{"links/address/" + address.Folded() + " " + v.Network.String(), LimitPerAddress, LimitWindow},
		{"links/network/" + v.Network.String(), LimitPerNetwork, LimitWindow},
		{"links/mailbox/" + address.Folded(), LimitPerMailbox, LimitWindow},
	}
	by := audit.ByPublic(who, link.Account)
	if err := l.store.CreateLink(ctx, by, link, limits, linkAction(audit.LinkCreate, by, link)); err != nil {
		return "", err
	}
	return l.links.token(link.ID), nil
}

// errAddress is the refusal of what profile.ParseAddress refuses.
func errAddress(err error) error {
	return fault.OnText("address", err, fault.AddressMalformed, "Enter an email address, for example jane@example.com.")
}

// CheckName refuses what a visitor may not have as a name, with a fault of the
// field "name". A mail program shows it to others, so it must not lure them: it
// is a name as everybody may have one, and no number to call.
func CheckName(name string) error {
	if utf8.RuneCountInString(name) > maxName || !profile.IsPersonName(name) || digits(name) >= 6 {
		return fault.On("name", fault.NameInvalid, "Write a name of up to %d characters: letters, digits, spaces and ' - . , & ( ), without a web address or a long number.", maxName)
	}
	return nil
}

// digits is how many digits of any script a name has.
func digits(name string) (n int) {
	for _, r := range name {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// Open returns the live link of a token and its domain. Whatever else the
// token may be, the fault is the same NotFound.
func (l *Links) Open(ctx context.Context, token string) (Link, settings.Domain, error) {
	key, ok := l.links.id(token)
	if !ok {
		return Link{}, settings.Domain{}, errNoLink()
	}
	link, domain, err := l.store.LinkAndDomain(ctx, key)
	if err != nil {
		return Link{}, settings.Domain{}, err
	}
	if !link.Live(l.now()) {
		return Link{}, settings.Domain{}, errNoLink()
	}
	if !domain.Returns(link.ReturnURL) {
		link.ReturnURL = "" // the domain has come to disallow it
	}
	return link, link.narrow(domain), nil
}

// narrow is the domain as the link shows it: the person chooses only where
// whoever made the link has not. What the domain requires stays required.
func (l Link) narrow(d settings.Domain) settings.Domain {
	switch {
	case d.Policy != settings.Offered:
	case l.Variant == settings.Mail:
		d.Policy = settings.Off
	case l.Variant == settings.Secure:
		d.Policy = settings.Required
	}
	return d
}

func errNoLink() error {
	return fault.New(fault.NotFound, "This link no longer works. Ask whoever sent it for a new one.")
}

// A Choice is what a person decides on the page of a link.
type Choice struct {
	Variant  settings.Variant
	Platform profile.Platform
	// Agreed says that the person has ticked the box below the warning.
	Agreed bool
}

// A Permit is a ticket with what it permits to download.
type Permit struct {
	Ticket Ticket
	Link   Link
	Domain settings.Domain
}

// Ask gives out a ticket for the choice. It returns the ticket's token and
// what it permits.
func (l *Links) Ask(ctx context.Context, who audit.Actor, token string, c Choice) (ticket string, p Permit, err error) {
	link, domain, err := l.Open(ctx, token)
	if err != nil {
		return "", Permit{}, err
	}
	if err := domain.Offers(c.Variant, c.Platform); err != nil {
		return "", Permit{}, err
	}
	if err := checkLogin(link, domain); err != nil {
		return "", Permit{}, err
	}
	if c.Variant == settings.Secure && !c.Agreed {
		return "", Permit{}, fault.On("agree", fault.AgreementMissing, "Tick the box to agree, or set up mail without the protection.")
	}
	t := Ticket{
		ID:         id.New("tkt"),
		Link:       link.ID,
		Variant:    c.Variant,
		Platform:   c.Platform,
		Created:    l.now(),
		Expires:    l.now().Add(TicketLife),
		MaxFetches: TicketMaxFetches,
	}
	by := audit.ByPublic(who, link.Account)
	a := linkAction(audit.LinkOpen, by, link)
	a.Changes = append(a.Changes, audit.Change{Field: "variant", New: string(c.Variant)}, audit.Change{Field: "platform", New: string(c.Platform)})
	if err := l.store.CreateTicket(ctx, by, t, a); err != nil {
		return "", Permit{}, err
	}
	return l.tickets.token(t.ID), Permit{t, link, domain}, nil
}

// checkLogin refuses a link without the login that its domain has come to need.
func checkLogin(link Link, domain settings.Domain) error {
	address, err := profile.ParseAddress(link.Address)
	if err != nil {
		return err
	}
	if _, err := domain.LoginFor(address, link.Login); err != nil {
		return errAskHost("")
	}
	return nil
}

// errAskHost is the refusal where a page cannot know the login.
func errAskHost(field string) error {
	return fault.On(field, fault.LoginNeeded, "Mail of this domain is set up by a link from your mail host. Ask there for one.")
}

// Permit returns what the token of a ticket permits. A ticket that is spent or
// past its time is Gone, one that was never given out NotFound.
func (l *Links) Permit(ctx context.Context, token string) (Permit, error) {
	key, ok := l.tickets.id(token)
	if !ok {
		return Permit{}, fault.New(fault.NotFound, "There is no such download.")
	}
	p, err := l.store.Permit(ctx, key)
	if err != nil {
		return Permit{}, err
	}
	if p.Ticket.Fetches >= p.Ticket.MaxFetches || !l.now().Before(p.Ticket.Expires) || !p.Link.Revoked.IsZero() {
		return Permit{}, fault.New(fault.Gone, "This download is over. Go back to the page and tap the button again.")
	}
	return p, nil
}

// Use counts one download of what was signed, or refuses it as Gone: only
// then may the profile be sent. The hash is that of the profile's content,
// identity the fingerprint of the certificate that signed it.
func (l *Links) Use(ctx context.Context, who audit.Actor, p Permit, hash, identity string) error {
	by := audit.ByPublic(who, p.Link.Account)
	a := linkAction(audit.ProfileDownload, by, p.Link)
	a.Target = audit.Target{Kind: audit.TicketTarget, ID: p.Ticket.ID, Name: p.Link.Address}
	a.Profile, a.Identity = hash, identity
	return l.store.UseTicket(ctx, by, p.Ticket.ID, l.now(), a)
}

func linkAction(name audit.Name, by audit.Grant, link Link) audit.Action {
	address, _ := profile.ParseAddress(link.Address) // one that was kept is good
	a := audit.Action{
		Account: link.Account,
		Name:    name,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.LinkTarget, ID: link.ID, Name: link.Address},
		Link:    link.ID,
		Domain:  link.Domain,
		Mailbox: address.Folded(),
	}
	if link.Test {
		a.Changes = []audit.Change{{Field: "test", New: "yes"}}
	}
	return a
}
