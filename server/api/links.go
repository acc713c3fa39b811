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

// LinkSettings are the settings of a setup link that can be changed.
type LinkSettings struct {
	Name         string   `json:"name,omitempty" maxLength:"200" doc:"The sender's name in new messages." example:"Jane Doe"`
	Login        string   `json:"login,omitempty" maxLength:"254" doc:"Username on the servers. The default depends on the domain's login setting." example:"jane@example.com"`
	Locale       string   `json:"locale,omitempty" maxLength:"35" doc:"Language of the page and the profile. The default is the browser's." example:"en"`
	Variant      string   `json:"variant,omitempty" enum:"mail,secure" doc:"The only variant on the page. By default people choose from what the domain offers."`
	MaxDownloads int      `json:"max_downloads,omitempty" minimum:"1" maximum:"100" default:"5" doc:"How many times the button on the page works." example:"5"`
	ExternalID   string   `json:"external_id,omitempty" maxLength:"100" doc:"Your own ID for the link. Webhooks include it." example:"mbx_812"`
	ReturnURL    string   `json:"return_url,omitempty" maxLength:"1000" doc:"URL that the page links back to: https, on one of the domain's return_hosts." example:"https://panel.example.com/mail"`
	Metadata     Metadata `json:"metadata,omitempty" doc:"Your own data: up to 20 names, with values of up to 500 bytes. Lists can be filtered by a pair."`
}

// LinkChanges are LinkSettings with the expiry of an existing link.
type LinkChanges struct {
	LinkSettings
	ExpiresAt field.Moment `json:"expires_at" doc:"When it expires, up to 30 days from now."`
}

// A SetupLink is a setup link in the API.
type SetupLink struct {
	ID           string          `json:"id" example:"lnk_k3v7q2m4x5r6t7ab"`
	URL          string          `json:"url" format:"uri" doc:"The setup page. Anyone with this URL who knows the password can set up the mailbox, so send it only to its owner." example:"https://setup.example.com/s/k3v7q2m4x5r6t7ab5tx6vpdxkgqxg6bx2mlrbnu3ta"`
	QRURL        string          `json:"qr_url" format:"uri" doc:"The URL as a QR code in SVG, while the link works. Replace .svg with .png for a PNG." example:"https://setup.example.com/s/k3v7q2m4x5r6t7ab5tx6vpdxkgqxg6bx2mlrbnu3ta/qr.svg"`
	State        field.LinkState `json:"state" doc:"opened: the button was pressed. Viewing the page changes nothing."`
	Downloads    int             `json:"downloads" example:"0"`
	MaxDownloads int             `json:"max_downloads" example:"5"`
	Address      string          `json:"address" example:"jane@example.com"`
	Domain       string          `json:"domain" example:"example.com"`
	Name         string          `json:"name" example:"Jane Doe"`
	Login        string          `json:"login" example:""`
	Locale       string          `json:"locale" example:"en"`
	Variant      string          `json:"variant,omitempty" enum:"mail,secure" doc:"Absent if the person chooses."`
	ExternalID   string          `json:"external_id" example:"mbx_812"`
	ReturnURL    string          `json:"return_url" example:"https://panel.example.com/mail"`
	Metadata     Metadata        `json:"metadata" doc:"Your own data."`
	Test         bool            `json:"test" doc:"Created with a test key: page and profiles are marked as tests. A test profile doesn't replace the real profile of the mailbox." example:"false"`
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

// settings returns the link's settings that can be changed.
func (l SetupLink) settings() LinkChanges {
	return LinkChanges{LinkSettings{l.Name, l.Login, l.Locale, l.Variant, l.MaxDownloads, l.ExternalID, l.ReturnURL, l.Metadata}, l.ExpiresAt}
}

// spec returns the spec of a link without its mailbox.
func (s LinkSettings) spec() setup.LinkSpec {
	return setup.LinkSpec{
		Name: s.Name, Login: s.Login, Locale: s.Locale, Variant: settings.Variant(s.Variant),
		MaxDownloads: s.MaxDownloads, ExternalID: s.ExternalID, ReturnURL: s.ReturnURL, Metadata: s.Metadata.orNone(),
	}
}

// A LinkPath identifies a link.
type LinkPath struct {
	ID string `path:"id" maxLength:"40" doc:"The link's ID." example:"lnk_k3v7q2m4x5r6t7ab"`
}

func (a *API) links(h huma.API) {
	register(a, h, forTests(creating("create-setup-link", "/setup-links", account.LinksWrite, "Create a setup link")), a.createLink)
	a.bulkLinks(h)
	register(a, h, operation("list-setup-links", http.MethodGet, "/setup-links", account.LinksRead, "List setup links"), a.listLinks)
	register(a, h, operation("get-setup-link", http.MethodGet, "/setup-links/{id}", account.LinksRead, "Show a setup link"), a.getLink)
	patch := operation("patch-setup-link", http.MethodPatch, "/setup-links/{id}", account.LinksWrite, "Update a setup link")
	openapi.Takes[LinkChanges, SetupLink](h, nil, &patch)
	register(a, h, patch, a.patchLink)
	register(a, h, operation("get-setup-link-mail", http.MethodGet, "/setup-links/{id}/mail", account.LinksRead, "Show the last email of a setup link"), a.getLinkMail)
	mail := operation("mail-setup-link", http.MethodPost, "/setup-links/{id}/mail", account.LinksWrite, "Send a setup link by email")
	mail.DefaultStatus = http.StatusAccepted
	register(a, h, mail, a.mailLink)
	register(a, h, forTests(operation("revoke-setup-link", http.MethodPost, "/setup-links/{id}/revoke", account.LinksWrite, "Revoke a setup link")), a.revokeLink)
	revoke := forTests(operation("revoke-setup-links", http.MethodPost, "/revoke-setup-links", account.LinksWrite, "Revoke all setup links of a mailbox or domain"))
	revoke.Tags = patch.Tags
	register(a, h, revoke, a.revokeLinks)
	a.drawings(h)
}

// A NewSetupLink is the input to create a link.
type NewSetupLink struct {
	Address string `json:"address" minLength:"1" maxLength:"254" doc:"The mailbox." example:"jane@example.com"`
	LinkSettings
	ExpiresIn int64 `json:"expires_in,omitempty" minimum:"60" maximum:"2592000" default:"86400" doc:"Lifetime in seconds." example:"86400"`
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

// permitAddress refuses a mailbox in a domain that the key can't access.
func permitAddress(c call, text string) error {
	address, err := profile.ParseAddress(text)
	if err != nil {
		return nil // the operation reports it if it's required
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

// permittedLink returns a link that the key can access. One of another domain isn't
// found: its ID doesn't reveal the domain.
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

// change returns the link's settings after the patch.
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

// A LinkMail is an email with a setup link.
type LinkMail struct {
	ID        string               `json:"id" doc:"Prefix of its Message-ID, the same for every attempt." example:"msg_q2m4x5r6t7abk3v7"`
	State     field.DeliveryState  `json:"state" doc:"sent: your mail server accepted it. given_up: the server refused it, or was unavailable for 3 days. dropped: the link no longer worked."`
	Tries     int                  `json:"tries" example:"1"`
	Reason    field.DeliveryReason `json:"reason,omitempty" doc:"Why the last attempt failed."`
	Reply     string               `json:"reply,omitempty" doc:"Reply of the mail server that refused it." example:"550 5.1.1 User unknown"`
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
		err = fault.New(fault.NotFound, "This link wasn't sent by email.")
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
	State      []field.LinkState `query:"state" maxItems:"6" doc:"Current states, separated by commas." example:"[\"waiting\",\"opened\"]"`
	ExternalID string            `query:"external_id" maxLength:"100" doc:"Your own ID."`
	Name       string            `query:"name" maxLength:"200" doc:"Part of the name, ignoring case." example:"doe"`
	From       time.Time         `query:"from" doc:"Links created at or after this time."`
	To         time.Time         `query:"to" doc:"Links created before this time."`
	Test       string            `query:"test" enum:"true,false" doc:"Only test links, or only other links."`
	Sort       field.LinkOrder   `query:"sort" default:"-created_at" doc:"Sort order. A minus sign means latest first."`
	MetadataQuery
	ListQuery
}

// A SetupLinkList is a page of setup links.
type SetupLinkList struct {
	Links []SetupLink `json:"setup_links" doc:"In the order of sort. A page can be short or empty and still have a next one."`
	Page
}

// filter parses the query.
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
		bad = append(bad, fault.OnText("external_id", err, fault.Invalid, "The external ID contains a character that isn't allowed."))
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

// group parses an optional mailbox and an optional domain, and refuses those that the
// key can't access.
func (a *API) group(c call, address, domain string) (setup.Group, error) {
	g := setup.Group{Account: c.key.Account}
	var bad []error
	if address != "" {
		parsed, err := profile.ParseAddress(address)
		if err != nil {
			bad = append(bad, fault.OnText("address", err, fault.AddressMalformed, "Enter a full email address, for example jane@example.com."))
		} else {
			g.Mailbox = parsed.Folded()
			bad = append(bad, c.key.PermitDomain(parsed.Domain()))
		}
	}
	if domain != "" {
		host, err := profile.ParseHost(domain)
		if err != nil {
			bad = append(bad, fault.On("domain", fault.Invalid, "Enter a domain, for example example.com."))
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
	Address string `json:"address,omitempty" maxLength:"254" doc:"Mailbox whose links to revoke. Send either this or domain." example:"jane@example.com"`
	Domain  string `json:"domain,omitempty" maxLength:"255" doc:"Domain whose links to revoke."`
}

type revokeLinks struct{ Body LinkGroup }

// RevokedLinks is the result of a revocation.
type RevokedLinks struct {
	Revoked int `json:"revoked" doc:"Number of revoked links, without those that no longer worked." example:"2"`
}

func (in *revokeLinks) check(_ context.Context, a *API, c call) error {
	if (in.Body.Address == "") == (in.Body.Domain == "") {
		return fault.On("address", fault.Invalid, "Send either address or domain.")
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
