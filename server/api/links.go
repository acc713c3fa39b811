package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/replay"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
)

// A setupLink is a link as the API shows it.
type setupLink struct {
	ID           string     `json:"id" example:"lnk_k3v7q2m4x5r6t7ab"`
	URL          string     `json:"url" doc:"The page for the person. Whoever has it can set up the mailbox, so hand it over as you would a letter."`
	QRURL        string     `json:"qr_url" doc:"The same as a QR code, as SVG, for as long as the link works. With .png at its end it is a PNG."`
	State        string     `json:"state" enum:"waiting,opened,downloaded,used,expired,revoked" doc:"opened: the button was pressed; looking at the page changes nothing."`
	Downloads    int        `json:"downloads"`
	MaxDownloads int        `json:"max_downloads"`
	Address      string     `json:"address"`
	Domain       string     `json:"domain"`
	Name         string     `json:"name"`
	Login        string     `json:"login"`
	Locale       string     `json:"locale"`
	Variant      string     `json:"variant" doc:"Empty: the person chooses."`
	ExternalID   string     `json:"external_id"`
	ReturnURL    string     `json:"return_url"`
	Test         bool       `json:"test" doc:"A test key made it: page and profiles are marked as tests, and work like others."`
	CreatedAt    time.Time  `json:"created_at"`
	ExpiresAt    time.Time  `json:"expires_at"`
	RevokedAt    *time.Time `json:"revoked_at,omitempty"`
}

func (a *API) linkOf(l setup.Link, now time.Time) setupLink {
	url := a.BaseURL.String() + a.Links.Path(l)
	return setupLink{
		ID: l.ID, URL: url, QRURL: url + "/qr.svg", State: string(l.State(now)), Downloads: l.Downloads, MaxDownloads: l.MaxDownloads,
		Address: l.Address, Domain: l.Domain, Name: l.Name, Login: l.Login, Locale: l.Locale, Variant: string(l.Variant),
		ExternalID: l.ExternalID, ReturnURL: l.ReturnURL, Test: l.Test,
		CreatedAt: l.Created.UTC().Truncate(time.Millisecond), ExpiresAt: l.Expires.UTC().Truncate(time.Millisecond), RevokedAt: optional(l.Revoked),
	}
}

type linkBody struct {
	ReplayedHeader
	Body setupLink
}

// A LinkPath is the link in the path of a route.
type LinkPath struct {
	ID string `path:"id" maxLength:"40" doc:"The link's id."`
}

func (a *API) links(h huma.API) {
	create := operation("create-setup-link", http.MethodPost, "/setup-links", account.LinksWrite, "Make a setup link for a mailbox")
	create.DefaultStatus = http.StatusCreated
	register(a, h, create, func(ctx context.Context, c call, in *createLink) (*linkBody, error) {
		return once(ctx, a, c, in.ReplayHeader, in.Body, replayable[linkBody]{
			operation: create.OperationID,
			first:     func(once *replay.Request) (*linkBody, error) { return a.createLink(ctx, c, in, once) },
			again:     func(r replay.Request) (*linkBody, error) { return a.linkAsMade(ctx, c, r.Target) },
		})
	})
	register(a, h, operation("list-setup-links", http.MethodGet, "/setup-links", account.LinksRead, "List the setup links, the newest first"), a.listLinks)
	register(a, h, operation("get-setup-link", http.MethodGet, "/setup-links/{id}", account.LinksRead, "Show a setup link"), a.getLink)
	register(a, h, operation("revoke-setup-link", http.MethodPost, "/setup-links/{id}/revoke", account.LinksWrite, "Revoke a setup link at once"), a.revokeLink)
	register(a, h, operation("revoke-setup-links", http.MethodPost, "/setup-links/revoke", account.LinksWrite, "Revoke all setup links of a mailbox or domain"), a.revokeLinks)
	a.drawings(h)
}

type createLink struct {
	ReplayHeader
	Body struct {
		Address      string `json:"address" maxLength:"254" doc:"The mailbox." example:"jane@example.com"`
		Name         string `json:"name,omitempty" maxLength:"200" doc:"The sender's name in new messages." example:"Jane Doe"`
		Login        string `json:"login,omitempty" maxLength:"254" doc:"The user name on the servers; the default is what the domain says."`
		Locale       string `json:"locale,omitempty" maxLength:"35" doc:"Language of the page and of the profile's texts; the default is the browser's." example:"en"`
		Variant      string `json:"variant,omitempty" enum:"mail,secure" doc:"The one that the page offers; the default is that the person chooses as the domain offers it."`
		ExpiresIn    int64  `json:"expires_in,omitempty" minimum:"60" maximum:"2592000" default:"86400" doc:"Life in seconds."`
		MaxDownloads int    `json:"max_downloads,omitempty" minimum:"1" maximum:"100" default:"5" doc:"How often the button on the page works. 1: once."`
		ExternalID   string `json:"external_id,omitempty" maxLength:"100" doc:"What you know the link by. Webhooks have it too." example:"mbx_812"`
		ReturnURL    string `json:"return_url,omitempty" maxLength:"1000" doc:"Where the page leads back to: https, on one of the domain's return_hosts." example:"https://panel.example.com/mail"`
	}
}

func (a *API) createLink(ctx context.Context, c call, in *createLink, once *replay.Request) (*linkBody, error) {
	b := in.Body
	if address, err := profile.ParseAddress(b.Address); err == nil {
		if err := c.key.PermitDomain(address.Domain()); err != nil {
			return nil, err
		}
	}
	l, err := a.Links.Create(ctx, c.by, setup.LinkSpec{
		Account: c.key.Account, Address: b.Address, Name: b.Name, Login: b.Login, Locale: b.Locale, Variant: settings.Variant(b.Variant),
		Life: time.Duration(b.ExpiresIn) * time.Second, MaxDownloads: b.MaxDownloads, ExternalID: b.ExternalID, ReturnURL: b.ReturnURL,
		Test: c.key.Test,
	}, once)
	if err != nil {
		return nil, err
	}
	return &linkBody{Body: a.linkOf(l, l.Created)}, nil
}

// linkAsMade is the answer that the link was made with, whatever has become of
// it.
func (a *API) linkAsMade(ctx context.Context, c call, id string) (*linkBody, error) {
	l, err := a.permittedLink(ctx, c, id)
	if err != nil {
		return nil, err
	}
	l.Tickets, l.Downloads, l.Revoked = 0, 0, time.Time{}
	return &linkBody{Body: a.linkOf(l, l.Created)}, nil
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

func (a *API) getLink(ctx context.Context, c call, in *LinkPath) (*linkBody, error) {
	l, err := a.permittedLink(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return &linkBody{Body: a.linkOf(l, a.Now())}, nil
}

type linksQuery struct {
	Address    string `query:"address" maxLength:"254" doc:"A mailbox." example:"jane@example.com"`
	Domain     string `query:"domain" maxLength:"255" doc:"A mail domain." example:"example.com"`
	State      string `query:"state" enum:"waiting,opened,downloaded,used,expired,revoked" doc:"The state that links are in now."`
	ExternalID string `query:"external_id" maxLength:"100" doc:"The id that you gave them."`
	Cursor     string `query:"cursor" maxLength:"60" doc:"What next_cursor of the page before was."`
	Limit      int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many to a page."`
}

type linkList struct {
	Body struct {
		Links      []setupLink `json:"setup_links" doc:"The newest first."`
		NextCursor string      `json:"next_cursor,omitempty"`
	}
}

func (a *API) listLinks(ctx context.Context, c call, in *linksQuery) (*linkList, error) {
	f := setup.Filter{Account: c.key.Account, Domains: c.key.Domains, State: setup.State(in.State), ExternalID: in.ExternalID, Limit: in.Limit}
	g, err := a.group(c, in.Address, in.Domain)
	if err != nil {
		return nil, err
	}
	f.Mailbox, f.Domain = g.Mailbox, g.Domain
	f.ExternalID = profile.Trim(f.ExternalID)
	if err := profile.CheckLine(f.ExternalID); err != nil {
		return nil, fault.OnText("external_id", err, fault.Invalid, "The external id has a character that may not stand there.")
	}
	if f.Before, err = setup.ParsePlace(in.Cursor); err != nil {
		return nil, err
	}
	found, err := a.Links.List(ctx, f)
	if err != nil {
		return nil, err
	}
	out := &linkList{}
	out.Body.Links = []setupLink{}
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
	if address != "" {
		parsed, err := profile.ParseAddress(address)
		if err != nil {
			return g, fault.OnText("address", err, fault.AddressMalformed, "Write a mail address such as jane@example.com.")
		}
		if err := c.key.PermitDomain(parsed.Domain()); err != nil {
			return g, err
		}
		g.Mailbox = parsed.Folded()
	}
	if domain != "" {
		host, err := profile.ParseHost(domain)
		if err != nil {
			return g, fault.On("domain", fault.Invalid, "Name a domain such as example.com.")
		}
		if err := c.key.PermitDomain(host); err != nil {
			return g, err
		}
		g.Domain = host
	}
	return g, nil
}

func (a *API) revokeLink(ctx context.Context, c call, in *LinkPath) (*linkBody, error) {
	l, err := a.permittedLink(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	if l, err = a.Links.Revoke(ctx, c.by, c.key.Account, l.ID); err != nil {
		return nil, err
	}
	return &linkBody{Body: a.linkOf(l, a.Now())}, nil
}

type revokeLinks struct {
	Body struct {
		Address string `json:"address,omitempty" maxLength:"254" doc:"The mailbox whose links to revoke; else name the domain." example:"jane@example.com"`
		Domain  string `json:"domain,omitempty" maxLength:"255" doc:"The domain whose links to revoke."`
	}
}

type revokedLinks struct {
	Body struct {
		Revoked int `json:"revoked" doc:"How many links were revoked. Those that led nowhere any more are not counted."`
	}
}

func (a *API) revokeLinks(ctx context.Context, c call, in *revokeLinks) (*revokedLinks, error) {
	if (in.Body.Address == "") == (in.Body.Domain == "") {
		return nil, fault.On("address", fault.Invalid, "Name either an address or a domain.")
	}
	g, err := a.group(c, in.Body.Address, in.Body.Domain)
	if err != nil {
		return nil, err
	}
	out := &revokedLinks{}
	out.Body.Revoked, err = a.Links.RevokeAll(ctx, c.by, g)
	return out, err
}
