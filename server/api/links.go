package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
)

// LinkSettings are what can be changed of a setup link.
type LinkSettings struct {
	Name         string   `json:"name,omitempty" maxLength:"200" doc:"The sender's name in new messages." example:"Jane Doe"`
	Login        string   `json:"login,omitempty" maxLength:"254" doc:"The user name on the servers; the default is what the domain says." example:"jane@example.com"`
	Locale       string   `json:"locale,omitempty" maxLength:"35" doc:"Language of the page and of the profile's texts; the default is the browser's." example:"en"`
	Variant      string   `json:"variant,omitempty" enum:"mail,secure" doc:"The one that the page offers; absent: the person chooses as the domain offers it."`
	MaxDownloads int      `json:"max_downloads,omitempty" minimum:"1" maximum:"100" default:"5" doc:"How often the button on the page works. 1: once." example:"5"`
	ExternalID   string   `json:"external_id,omitempty" maxLength:"100" doc:"What you know the link by. Webhooks have it too." example:"mbx_812"`
	ReturnURL    string   `json:"return_url,omitempty" maxLength:"1000" doc:"Where the page leads back to: https, on one of the domain's return_hosts." example:"https://panel.example.com/mail"`
	Metadata     Metadata `json:"metadata,omitempty" doc:"What you want to keep with it: up to 20 names, and values of up to 500 bytes. Lists can be filtered by a pair."`
}

// LinkChanges are LinkSettings with the end of a link that is there.
type LinkChanges struct {
	LinkSettings
	ExpiresAt field.Moment `json:"expires_at" doc:"When it ends: in up to 30 days."`
}

// A SetupLink is a link as the API shows it.
type SetupLink struct {
	ID           string          `json:"id" example:"lnk_k3v7q2m4x5r6t7ab"`
	URL          string          `json:"url" format:"uri" doc:"The page for the person. Anyone who has it can set up the mailbox, so hand it over as you would a letter." example:"https://setup.example.com/s/k3v7q2m4x5r6t7ab5tx6vpdxkgqxg6bx2mlrbnu3ta"`
	QRURL        string          `json:"qr_url" format:"uri" doc:"The same as a QR code, as SVG, for as long as the link works. With .png at its end it's a PNG." example:"https://setup.example.com/s/k3v7q2m4x5r6t7ab5tx6vpdxkgqxg6bx2mlrbnu3ta/qr.svg"`
	State        field.LinkState `json:"state" doc:"opened: the button was pressed; looking at the page changes nothing."`
	Downloads    int             `json:"downloads" example:"0"`
	MaxDownloads int             `json:"max_downloads" example:"5"`
	Address      string          `json:"address" example:"jane@example.com"`
	Domain       string          `json:"domain" example:"example.com"`
	Name         string          `json:"name" example:"Jane Doe"`
	Login        string          `json:"login" example:""`
	Locale       string          `json:"locale" example:"en"`
	Variant      string          `json:"variant,omitempty" enum:"mail,secure" doc:"Absent: the person chooses."`
	ExternalID   string          `json:"external_id" example:"mbx_812"`
	ReturnURL    string          `json:"return_url" example:"https://panel.example.com/mail"`
	Metadata     Metadata        `json:"metadata" doc:"What you keep with it."`
	Test         bool            `json:"test" doc:"A test key made it: page and profiles are marked as tests. A test profile stands beside the real one of the mailbox." example:"false"`
	CreatedAt    field.Moment    `json:"created_at"`
	ExpiresAt    field.Moment    `json:"expires_at"`
	RevokedAt    *field.Moment   `json:"revoked_at,omitempty"`
}

func (a *API) linkOf(l setup.Link, now time.Time) SetupLink {
	url := a.BaseURL.String() + a.Links.Path(l)
	return SetupLink{
		ID: l.ID, URL: url, QRURL: url + "/qr.svg", State: field.LinkState(l.State(now)), Downloads: l.Downloads, MaxDownloads: l.MaxDownloads,
		Address: l.Address, Domain: l.Domain, Name: l.Name, Login: l.Login, Locale: l.Locale, Variant: string(l.Variant),
		ExternalID: l.ExternalID, ReturnURL: l.ReturnURL, Metadata: l.Metadata.Values(), Test: l.Test,
		CreatedAt: field.At(l.Created), ExpiresAt: field.At(l.Expires), RevokedAt: field.AtOrNil(l.Revoked),
	}
}

// settings are what can be changed of the link.
func (l SetupLink) settings() LinkChanges {
	return LinkChanges{LinkSettings{l.Name, l.Login, l.Locale, l.Variant, l.MaxDownloads, l.ExternalID, l.ReturnURL, l.Metadata}, l.ExpiresAt}
}

// spec is what a link is to be, but for whose it is.
func (s LinkSettings) spec() setup.LinkSpec {
	return setup.LinkSpec{
		Name: s.Name, Login: s.Login, Locale: s.Locale, Variant: settings.Variant(s.Variant),
		MaxDownloads: s.MaxDownloads, ExternalID: s.ExternalID, ReturnURL: s.ReturnURL, Metadata: s.Metadata.orNone(),
	}
}

// A LinkPath names a link.
type LinkPath struct {
	ID string `path:"id" maxLength:"40" doc:"The link's ID." example:"lnk_k3v7q2m4x5r6t7ab"`
}

func (a *API) links(h huma.API) {
	register(a, h, forTests(creating("create-setup-link", "/setup-links", account.LinksWrite, "Make a setup link for a mailbox")), a.createLink)
	a.bulkLinks(h)
	register(a, h, operation("list-setup-links", http.MethodGet, "/setup-links", account.LinksRead, "List the setup links"), a.listLinks)
	register(a, h, operation("get-setup-link", http.MethodGet, "/setup-links/{id}", account.LinksRead, "Show a setup link"), a.getLink)
	patch := operation("patch-setup-link", http.MethodPatch, "/setup-links/{id}", account.LinksWrite, "Change some settings of a setup link")
	openapi.Takes[LinkChanges, SetupLink](h, nil, &patch)
	register(a, h, patch, a.patchLink)
	register(a, h, operation("get-setup-link-mail", http.MethodGet, "/setup-links/{id}/mail", account.LinksRead, "Show what became of the last mail with a setup link"), a.getLinkMail)
	mail := operation("mail-setup-link", http.MethodPost, "/setup-links/{id}/mail", account.LinksWrite, "Send a setup link to its person by mail")
	mail.DefaultStatus = http.StatusAccepted
	register(a, h, mail, a.mailLink)
	register(a, h, forTests(operation("revoke-setup-link", http.MethodPost, "/setup-links/{id}/revoke", account.LinksWrite, "Revoke a setup link at once")), a.revokeLink)
	revoke := forTests(operation("revoke-setup-links", http.MethodPost, "/revoke-setup-links", account.LinksWrite, "Revoke all setup links of a mailbox or domain"))
	revoke.Tags = patch.Tags
	register(a, h, revoke, a.revokeLinks)
	a.drawings(h)
}

// A NewSetupLink is what a link is made of.
type NewSetupLink struct {
	Address string `json:"address" minLength:"1" maxLength:"254" doc:"The mailbox." example:"jane@example.com"`
	LinkSettings
	ExpiresIn int64 `json:"expires_in,omitempty" minimum:"60" maximum:"2592000" default:"86400" doc:"Life in seconds." example:"86400"`
}

type createLink struct{ Body NewSetupLink }

func (in *createLink) spec(c call) setup.LinkSpec {
	spec := in.Body.spec()
	spec.Account, spec.Address = c.key.Account, in.Body.Address
	spec.Life = time.Duration(in.Body.ExpiresIn) * time.Second
	return spec
}

func (in *createLink) check(ctx context.Context, a *API, c call) error {
	if err := permitAddress(c, in.Body.Address); err != nil {
		return err
	}
	return a.Links.Check(ctx, c.by, in.spec(c))
}

// permitAddress refuses a mailbox of a domain that the key may not act for.
func permitAddress(c call, text string) error {
	address, err := profile.ParseAddress(text)
	if err != nil {
		return nil // whoever needs it says so
	}
	return c.key.PermitDomain(address.Domain())
}

func (a *API) createLink(ctx context.Context, c call, in *createLink) (*resource[SetupLink], error) {
	if err := permitAddress(c, in.Body.Address); err != nil {
		return nil, err
	}
	l, err := a.Links.Create(ctx, c.by, in.spec(c))
	if err != nil {
		return nil, err
	}
	return resourceOf(a.linkOf(l, l.Created)), nil
}

// permittedLink returns a link that the key may act for. One of another domain
// is not found: its id tells nothing of the domain.
func (a *API) permittedLink(ctx context.Context, c call, id string) (setup.Link, error) {
	l, err := a.Links.Get(ctx, c.key.Account, id)
	if err == nil && c.key.PermitDomain(l.Domain) != nil {
		err = fault.New(fault.NotFound, "There is no such link.")
	}
	return l, err
}

func (a *API) getLink(ctx context.Context, c call, in *LinkPath) (*resource[SetupLink], error) {
	l, err := a.permittedLink(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return resourceOf(a.linkOf(l, a.Now())), nil
}

type patchLink struct {
	LinkPath
	Body mergePatch `contentType:"application/merge-patch+json"`
}

// change is what the patch makes of the link.
func (in *patchLink) change(now SetupLink) (setup.LinkSpec, time.Time, error) {
	s, err := patched(now.settings(), in.Body)
	return s.spec(), s.ExpiresAt.Time, err
}

func (in *patchLink) check(ctx context.Context, a *API, c call) error {
	l, err := a.permittedLink(ctx, c, in.ID)
	if err != nil {
		return err
	}
	spec, end, err := in.change(a.linkOf(l, a.Now()))
	if err != nil {
		return err
	}
	return a.Links.CheckChange(ctx, l, spec, end)
}

func (a *API) patchLink(ctx context.Context, c call, in *patchLink) (*resource[SetupLink], error) {
	l, err := a.permittedLink(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	l, err = a.Links.Change(ctx, c.by, c.key.Account, l.ID, func(l setup.Link) (setup.LinkSpec, time.Time, error) {
		now := a.linkOf(l, a.Now())
		if err := c.matches(now); err != nil {
			return setup.LinkSpec{}, time.Time{}, err
		}
		return in.change(now)
	})
	if err != nil {
		return nil, err
	}
	return resourceOf(a.linkOf(l, a.Now())), nil
}

// A LinkMail is a mail with a setup link.
type LinkMail struct {
	ID        string               `json:"id" doc:"Its Message-ID begins with it, at every try." example:"msg_q2m4x5r6t7abk3v7"`
	State     field.DeliveryState  `json:"state" doc:"sent: your mail server has taken it. given_up: it refused the mail, or took none for three days. dropped: the link led nowhere any more."`
	Tries     int                  `json:"tries" example:"1"`
	Reason    field.DeliveryReason `json:"reason,omitempty" doc:"Why the last try failed."`
	Reply     string               `json:"reply,omitempty" doc:"What the mail server said that refused it." example:"550 5.1.1 User unknown"`
	CreatedAt field.Moment         `json:"created_at"`
	TriedAt   *field.Moment        `json:"tried_at,omitempty"`
	EndedAt   *field.Moment        `json:"ended_at,omitempty"`
}

func linkMailOf(m mailing.Mail) *answer[LinkMail] {
	return &answer[LinkMail]{LinkMail{
		ID: m.ID, State: field.DeliveryState(m.State), Tries: m.Tries, Reason: field.DeliveryReason(m.Failure), Reply: m.Reply,
		CreatedAt: field.At(m.Created), TriedAt: field.AtOrNil(m.Tried), EndedAt: field.AtOrNil(m.Ended),
	}}
}

func (a *API) getLinkMail(ctx context.Context, c call, in *LinkPath) (*answer[LinkMail], error) {
	l, err := a.permittedLink(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	m, ok, err := a.Mails.Last(ctx, l.ID)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "This link was not sent by mail.")
	}
	return linkMailOf(m), err
}

func (a *API) mailLink(ctx context.Context, c call, in *LinkPath) (*answer[LinkMail], error) {
	l, err := a.permittedLink(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	m, err := a.Mails.Send(ctx, c.by, c.key.Account, l.ID)
	return linkMailOf(m), err
}

type linksQuery struct {
	Address    string            `query:"address" maxLength:"254" doc:"A mailbox." example:"jane@example.com"`
	Domain     string            `query:"domain" maxLength:"255" doc:"A mail domain." example:"example.com"`
	State      []field.LinkState `query:"state" maxItems:"6" doc:"The states that links are in now, separated by commas." example:"[\"waiting\",\"opened\"]"`
	ExternalID string            `query:"external_id" maxLength:"100" doc:"The id that you gave them."`
	Name       string            `query:"name" maxLength:"200" doc:"Part of the name; upper and lower case are alike." example:"doe"`
	From       time.Time         `query:"from" doc:"Links made at this time or later."`
	To         time.Time         `query:"to" doc:"Links made before this time."`
	Test       string            `query:"test" enum:"true,false" doc:"Links that are tests, or those that are none."`
	Sort       field.LinkOrder   `query:"sort" default:"-created_at" doc:"The order. A minus sign: the latest first."`
	MetadataQuery
	ListQuery
}

// A SetupLinkList is a page of setup links.
type SetupLinkList struct {
	Links []SetupLink `json:"setup_links" doc:"In the order of sort. A page may be short, or empty, and have a next one."`
	Page
}

// filter reads the query.
func (q *linksQuery) filter(a *API, c call) (setup.Filter, error) {
	f := setup.Filter{
		Account: c.key.Account, Domains: c.key.Domains, States: field.Words[setup.State](q.State), ExternalID: profile.Trim(q.ExternalID),
		From: q.From, To: q.To, Name: profile.Trim(q.Name), Sort: setup.Order(q.Sort), Limit: q.Limit,
	}
	if q.Test != "" {
		test := q.Test == "true"
		f.Test = &test
	}
	g, err := a.group(c, q.Address, q.Domain)
	bad := []error{err}
	f.Mailbox, f.Domain = g.Mailbox, g.Domain
	if err := profile.CheckLine(f.ExternalID); err != nil {
		bad = append(bad, fault.OnText("external_id", err, fault.Invalid, "The external id has a character that may not stand there."))
	}
	f.Metadata, err = q.pair()
	bad = append(bad, err)
	f.After, err = setup.ParsePlace(q.Cursor)
	return f, errors.Join(append(bad, err)...)
}

func (q *linksQuery) check(_ context.Context, a *API, c call) error {
	_, err := q.filter(a, c)
	return err
}

func (a *API) listLinks(ctx context.Context, c call, in *linksQuery) (*answer[SetupLinkList], error) {
	f, err := in.filter(a, c)
	if err != nil {
		return nil, err
	}
	found, err := a.Links.List(ctx, f)
	if err != nil {
		return nil, err
	}
	out := &answer[SetupLinkList]{SetupLinkList{Links: []SetupLink{}}}
	for _, l := range found.Links {
		out.Body.Links = append(out.Body.Links, a.linkOf(l, a.Now()))
	}
	out.Body.NextCursor = found.Next.String()
	return out, nil
}

// group reads a mailbox and a domain, of which each may be empty, and refuses
// those that the key may not act for.
func (a *API) group(c call, address, domain string) (setup.Group, error) {
	g := setup.Group{Account: c.key.Account}
	var bad []error
	if address != "" {
		parsed, err := profile.ParseAddress(address)
		if err != nil {
			bad = append(bad, fault.OnText("address", err, fault.AddressMalformed, "Enter an email address, for example jane@example.com."))
		} else {
			g.Mailbox = parsed.Folded()
			bad = append(bad, c.key.PermitDomain(parsed.Domain()))
		}
	}
	if domain != "" {
		host, err := profile.ParseHost(domain)
		if err != nil {
			bad = append(bad, fault.On("domain", fault.Invalid, "Name a domain such as example.com."))
		} else {
			g.Domain = host
			bad = append(bad, c.key.PermitDomain(host))
		}
	}
	return g, errors.Join(bad...)
}

func (a *API) revokeLink(ctx context.Context, c call, in *LinkPath) (*resource[SetupLink], error) {
	l, err := a.permittedLink(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	if l, err = a.Links.Revoke(ctx, c.by, c.key.Account, l.ID); err != nil {
		return nil, err
	}
	return resourceOf(a.linkOf(l, a.Now())), nil
}

// A LinkGroup is a mailbox or a domain.
type LinkGroup struct {
	Address string `json:"address,omitempty" maxLength:"254" doc:"The mailbox whose links to revoke; else name the domain." example:"jane@example.com"`
	Domain  string `json:"domain,omitempty" maxLength:"255" doc:"The domain whose links to revoke."`
}

type revokeLinks struct{ Body LinkGroup }

// RevokedLinks says what came of a revocation.
type RevokedLinks struct {
	Revoked int `json:"revoked" doc:"How many links were revoked. Those that led nowhere any more are not counted." example:"2"`
}

func (in *revokeLinks) check(_ context.Context, a *API, c call) error {
	if (in.Body.Address == "") == (in.Body.Domain == "") {
		return fault.On("address", fault.Invalid, "Name either an address or a domain.")
	}
	_, err := a.group(c, in.Body.Address, in.Body.Domain)
	return err
}

func (a *API) revokeLinks(ctx context.Context, c call, in *revokeLinks) (*answer[RevokedLinks], error) {
	if err := in.check(ctx, a, c); err != nil {
		return nil, err
	}
	g, err := a.group(c, in.Body.Address, in.Body.Domain)
	if err != nil {
		return nil, err
	}
	n, err := a.Links.RevokeAll(ctx, c.by, g)
	return &answer[RevokedLinks]{RevokedLinks{n}}, err
}
