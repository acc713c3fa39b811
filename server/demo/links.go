package demo

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
)

// week is the life of the portal's links.
const week = 7 * day

// A maker creates a link for the mailbox and returns its token.
type maker func(ctx context.Context, address, name string) (token string, err error)

// byPortal creates links through the API, as the customers' portal does.
func (w *world) byPortal(most int) maker {
	return func(ctx context.Context, address, name string) (string, error) {
		by := w.key.Grant(account.LinksWrite)
		by.Actor.IP, by.Actor.Request = "203.0.113.10", office.from(audit.API).Actor.Request
		if err := w.store.TouchKey(ctx, audit.ByProgram(), account.KeyUse{Key: w.key.ID, Network: account.KeyNetwork(netip.MustParseAddr("203.0.113.10")), At: w.now(), Networks: 1}, audit.Action{}); err != nil {
			return "", err
		}
		return w.create(ctx, by, setup.LinkSpec{
			Account: account.Default, Address: address, Name: name, Life: week, MaxDownloads: most,
			ExternalID: fmt.Sprintf("mbx_%d", 1000+w.rand.IntN(9000)), ReturnURL: returnURL(address),
		})
	}
}

// returnURL is the URL that the portal wants people to return to. One domain
// allows it.
func returnURL(address string) string {
	if strings.HasSuffix(address, "@"+Harbor) {
		return "https://my.example.com/mail"
	}
	return ""
}

// byMember creates links in the panel.
func (w *world) byMember(email string) maker {
	return func(ctx context.Context, address, name string) (string, error) {
		p := w.people[email]
		return w.create(ctx, p.grant(), setup.LinkSpec{Account: p.Account, Address: address, Name: name, Life: 3 * day})
	}
}

// byVisitor creates links as the public page does.
func (w *world) byVisitor(where place) maker {
	return func(ctx context.Context, address, name string) (string, error) {
		from := where.from(audit.Page)
		return w.links.Start(ctx, from.Actor, setup.Visit{Address: address, Name: name, Network: from.Network})
	}
}

func (w *world) create(ctx context.Context, by audit.Grant, spec setup.LinkSpec) (string, error) {
	link, err := w.links.Create(ctx, by, spec)
	if err != nil {
		return "", err
	}
	return w.token(link), nil
}

// token returns the token of a link.
func (w *world) token(link setup.Link) string { return strings.TrimPrefix(w.links.Path(link), "/s/") }

// A plot is the story of a link.
type plot struct {
	at      time.Time
	address string
	name    string
	make    maker
	// opened is the time from creation until a ticket is requested, and fetched
	// the time from then until it is used. Zero: never.
	opened, fetched time.Duration
	platform        profile.Platform
	secure          bool
	device          place
	// revoked is the time from creation until an owner revokes the link. Zero:
	// never.
	revoked time.Duration
	account string
}

// play plans a link and its story.
func (w *world) play(p plot) {
	w.at(p.at, p.account, func(ctx context.Context) error {
		token, err := p.make(ctx, p.address, p.name)
		if err != nil {
			return fmt.Errorf("link for %s: %w", p.address, err)
		}
		if p.opened > 0 {
			w.at(p.at.Add(p.opened), p.account, func(ctx context.Context) error { return w.open(ctx, p, token) })
		}
		if p.revoked > 0 {
			w.at(p.at.Add(p.revoked), p.account, func(ctx context.Context) error { return w.revoke(ctx, token) })
		}
		return nil
	})
}

// open requests a ticket for the link.
func (w *world) open(ctx context.Context, p plot, token string) error {
	_, domain, err := w.links.Open(ctx, token)
	if err != nil {
		return fmt.Errorf("open the link of %s: %w", p.address, err)
	}
	choice := setup.Choice{Variant: settings.Mail, Platform: p.platform}
	if p.platform == profile.IPhone && (domain.Policy == settings.Required || domain.Policy == settings.Offered && p.secure) {
		choice.Variant, choice.Agreed = settings.Secure, true
	}
	who := p.device.from(audit.Page).Actor
	ticket, _, err := w.links.Ask(ctx, who, token, choice)
	if err != nil {
		return fmt.Errorf("request a ticket of %s: %w", p.address, err)
	}
	if p.fetched > 0 {
		w.at(w.now().Add(p.fetched), p.account, func(ctx context.Context) error { return w.fetch(ctx, who, ticket) })
	}
	return nil
}

// fetch downloads the profile of a ticket.
func (w *world) fetch(ctx context.Context, who audit.Actor, ticket string) error {
	permit, err := w.links.Permit(ctx, ticket)
	if err != nil {
		return err
	}
	address, err := profile.ParseAddress(permit.Link.Address)
	if err != nil {
		return err
	}
	person := issue.Person{Address: address, Name: permit.Link.Name, Login: permit.Link.Login, Locale: permit.Link.Locale}
	order, err := issue.OrderOf(permit.Domain, person, permit.Ticket.Variant, permit.Ticket.Platform)
	if err != nil {
		return err
	}
	order.Test = permit.Link.Test
	signed, err := w.issuer.Issue(ctx, order)
	if err != nil {
		return err
	}
	return w.links.Use(ctx, who, permit, signed.Hash, signed.Identity)
}

// revoke revokes the link with the token.
func (w *world) revoke(ctx context.Context, token string) error {
	link, _, err := w.links.Open(ctx, token)
	if err != nil {
		return err
	}
	_, err = w.links.Revoke(ctx, w.people[owner].grant(), link.Account, link.ID)
	return err
}

// The mailboxes: the part before the @, and the name.
var mailboxes = [][2]string{
	{"jane.doe", "Jane Doe"}, {"amir", "Amir Haddad"}, {"b.ferrari", "Bianca Ferrari"}, {"chloe.martin", "Chloé Martin"}, {"dmitri", "Dmitri Sokolov"},
	{"elif.kaya", "Elif Kaya"}, {"frank", "Frank Osei"}, {"grace.liu", "Grace Liu"}, {"h.yamada", "Haruto Yamada"}, {"ines", "Inês Carvalho"},
	{"jakub.nowak", "Jakub Nowak"}, {"kofi", "Kofi Mensah"}, {"lucia.vega", "Lucía Vega"}, {"m.dubois", "Marc Dubois"}, {"noor", "Noor Rahman"},
	{"olga.petrova", "Olga Petrova"}, {"paul", "Paul Becker"}, {"q.nguyen", "Quynh Nguyen"}, {"rosa.silva", "Rosa Silva"}, {"sam", "Sam Whitaker"},
	{"tariq.aziz", "Tariq Aziz"}, {"uma", "Uma Krishnan"}, {"v.novotny", "Věra Novotná"}, {"will", "Will Arnold"}, {"yara.saad", "Yara Saad"}, {"zoe", "Zoe Lambert"},
}

// phones are the devices on which people open their links.
var phones = []string{"Safari on iPhone", "Safari on iPhone", "Safari on iPhone", "Safari on iPad", "Chrome on iPhone"}

// traffic plans the links of an ordinary month: fewer on weekends, most of them
// used within the hour, some never.
func (w *world) traffic() {
	for back := days - 3; back >= 1; back-- {
		n := 5 + w.rand.IntN(4)
		if d := w.on(back, 12, 0).Weekday(); d == time.Saturday || d == time.Sunday {
			n = 1 + w.rand.IntN(2)
		}
		for range n {
			w.play(w.ordinary(w.on(back, 7+w.rand.IntN(12), w.rand.IntN(60))))
		}
	}
}

// ordinary plans one link of the traffic.
func (w *world) ordinary(at time.Time) plot {
	box := mailboxes[w.rand.IntN(len(mailboxes))]
	p := plot{
		at: at, address: box[0] + "@" + []string{Harbor, Harbor, Harbor, Clinic, Bakery}[w.rand.IntN(5)], name: box[1], account: account.Default,
		platform: profile.IPhone, secure: w.rand.IntN(3) == 0,
		device: place{netip.AddrFrom4([4]byte{198, 51, 100, byte(1 + w.rand.IntN(250))}).String(), phones[w.rand.IntN(len(phones))]},
	}
	if w.rand.IntN(5) == 0 {
		p.platform, p.device.client = profile.Mac, "Safari on Mac"
	}
	switch w.rand.IntN(10) {
	case 0, 1:
		p.make = w.byVisitor(p.device)
	case 2:
		p.make = w.byMember(admin)
	default:
		p.make = w.byPortal(0)
	}
	if strings.HasSuffix(p.address, "@"+Bakery) && w.rand.IntN(2) == 0 {
		p.make = w.byVisitor(p.device)
	}
	if w.rand.IntN(5) > 0 {
		p.opened = time.Duration(1+w.rand.IntN(40)) * time.Minute
		p.fetched = time.Duration(2+w.rand.IntN(20)) * time.Second
	}
	return p
}

// states plans links that end up in each state, for each domain.
func (w *world) states() {
	phone := place{"198.51.100.23", "Safari on iPhone"}
	for i, domain := range []string{Harbor, Clinic, Bakery} {
		recently := w.ago(time.Duration(20-6*i) * time.Hour)
		for n, p := range []plot{
			{make: w.byPortal(3)},                                     // waiting
			{make: w.byPortal(3), opened: 9 * time.Minute},            // opened
			{make: w.byPortal(3), opened: time.Minute, fetched: 10e9}, // downloaded
			{make: w.byPortal(1), opened: time.Minute, fetched: 12e9}, // used
			{make: w.byPortal(3), revoked: 30 * time.Minute},          // revoked
			{make: w.byVisitor(phone)},                                // expired, after an hour
		} {
			box := mailboxes[(7*i+n)%len(mailboxes)]
			p.at = recently.Add(time.Duration(11*n) * time.Minute)
			p.address, p.name, p.account, p.device, p.platform = box[0]+"@"+domain, box[1], account.Default, phone, profile.IPhone
			w.play(p)
		}
	}
}

// pick records who can sign in, and a link in each state.
func (w *world) pick(ctx context.Context) error {
	w.made.Owner, w.made.Admin = w.people[owner].SignIn, w.people[admin].SignIn
	w.made.Auditor, w.made.Customer = w.people[auditor].SignIn, w.people[customer].SignIn
	for _, state := range setup.States() {
		found, err := w.links.List(ctx, setup.Filter{Account: account.Default, States: []setup.State{state}, Limit: 1})
		if err != nil {
			return err
		}
		if len(found.Links) == 0 {
			return fmt.Errorf("no link is %s", state)
		}
		w.made.Links[state] = w.links.Path(found.Links[0])
	}
	return nil
}
