package setup

import (
	"context"
	"net/netip"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Lifetimes, and how often links and tickets can be used.
const (
	VisitorLinkLife  = time.Hour
	LinkMaxDownloads = 5
	LinkLife         = 24 * time.Hour // of a link that a member or program creates
	MinLifetime      = time.Minute
	MaxLifetime      = 30 * 24 * time.Hour
	MaxMaxDownloads  = 100
	TicketLife       = 10 * time.Minute
	TicketMaxFetches = 5
)

// Limits on the links that visitors create, each for one LimitWindow.
const (
	LimitWindow     = 10 * time.Minute
	LimitPerAddress = 10  // from one network
	LimitPerMailbox = 600 // from all networks: limits what is stored
	LimitPerNetwork = 60
)

// maxName is the longest name that a visitor can enter, in characters.
const maxName = 64

// Links manages links and tickets, and decides what they permit.
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

// A Visit is what a visitor enters on the public page.
type Visit struct {
	Address string
	Name    string // may be empty
	// Network is the visitor's network, for the limit.
	Network netip.Prefix
}

// Start creates a link for a visitor and returns its token. It doesn't check,
// and so can't reveal, whether the mailbox exists. If the domain's usernames
// can't be derived from addresses, visitors can't get links. The fault is of
// the field "address" or "name", or Limited.
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
		return "", fault.On("address", fault.AddressForeign, "Email for this domain isn't set up here.")
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
	limits := []admission.Limit{
		// The limit counts by network, so that nobody can use up other
		// people's share.
		{Key: "links/address/" + address.Folded() + " " + v.Network.String(), Max: LimitPerAddress, Window: LimitWindow},
		{Key: "links/network/" + v.Network.String(), Max: LimitPerNetwork, Window: LimitWindow},
		{Key: "links/mailbox/" + address.Folded(), Max: LimitPerMailbox, Window: LimitWindow},
	}
	by := audit.ByPublic(who, link.Account)
	if err := l.store.CreateLink(ctx, by, link, limits, linkAction(audit.LinkCreate, by, link)); err != nil {
		return "", err
	}
	return l.links.token(link.ID), nil
}

// errAddress returns the fault for an address that profile.ParseAddress
// refuses.
func errAddress(err error) error {
	return fault.OnText("address", err, fault.AddressMalformed, "Enter a full email address, for example jane@example.com.")
}

// CheckName refuses names that a visitor can't use, with a fault of the field
// "name". Mail programs show the name to other people. So it must look like a
// name and contain no web address or phone number that could lure them.
func CheckName(name string) error {
	if utf8.RuneCountInString(name) > maxName || !profile.IsPersonName(name) || digits(name) >= 6 {
		return fault.On("name", fault.NameInvalid, "Enter just your name, up to %d characters: letters, digits, spaces and ' - . , & ( ), without web addresses or long numbers.", maxName)
	}
	return nil
}

// digits returns the number of digits, of any script, in a name.
func digits(name string) (n int) {
	for _, r := range name {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// Open returns the active link with the token and its domain. For any other
// token the fault is the same NotFound.
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
		link.ReturnURL = "" // the domain no longer allows it
	}
	return link, link.narrow(domain), nil
}

// narrow returns the domain as the link shows it: the person can't choose what
// the link's creator has chosen. What the domain requires stays required.
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
	return fault.New(fault.NotFound, "This link no longer works. Ask the person who sent it for a new one.")
}

// A Choice is a person's choice on the page of a link.
type Choice struct {
	Variant  settings.Variant
	Platform profile.Platform
	// Agreed means that the person has selected the box below the warning.
	Agreed bool
}

// A Permit is a ticket with the download that it permits.
type Permit struct {
	Ticket Ticket
	Link   Link
	Domain settings.Domain
}

// Ask issues a ticket for the choice. It returns the ticket's token and what
// it permits.
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
		return "", Permit{}, fault.On("agree", fault.AgreementMissing, "Select the box to agree, or set up email without the passcode rules.")
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

// checkLogin refuses a link without a login if its domain now requires one.
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

// errAskHost is the fault for a page that can't know the login.
func errAskHost(field string) error {
	return fault.On(field, fault.LoginNeeded, "To set up email for this domain, you need a link from your email provider. Ask them for one.")
}

// Permit returns what the token of a ticket permits. For a ticket that is used
// up or expired the fault is Gone, and for one that never existed NotFound.
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
		return Permit{}, fault.New(fault.Gone, "This download has expired. Go back to the page and tap the button again.")
	}
	return p, nil
}

// Use counts one download of the signed profile, or refuses it as Gone. The
// profile may be sent only after that. The hash is that of the profile's
// content, identity the fingerprint of the certificate that signed it.
func (l *Links) Use(ctx context.Context, who audit.Actor, p Permit, hash, identity string) error {
	by := audit.ByPublic(who, p.Link.Account)
	a := linkAction(audit.ProfileDownload, by, p.Link)
	a.Target = audit.Target{Kind: audit.TicketTarget, ID: p.Ticket.ID, Name: p.Link.Address}
	a.Profile, a.Identity = hash, identity
	return l.store.UseTicket(ctx, by, p.Ticket.ID, l.now(), a)
}

func linkAction(name audit.Name, by audit.Grant, link Link) audit.Action {
	address, _ := profile.ParseAddress(link.Address) // a stored one is valid
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
