package mail

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// linkFilters are the filters of the list of links, and its cursor.
var linkFilters = []string{"address", "domain", "state", "metadata", "sort", "cursor"}

// longest is the longest text of a filter in bytes.
func longest(filter string) int {
	if filter == "metadata" {
		return settings.MaxPair
	}
	return panel.MaxQuery
}

// links lists the links, newest first.
func (p *Pages) links(v *panel.Visit) error {
	page := linksPage{Frame: p.Frame(v, "links"), Form: web.Form{}}
	for _, name := range linkFilters {
		if value := profile.Trim(v.QueryParam(name)); value != "" && len(value) <= longest(name) {
			page.Form[name] = value
		}
	}
	for _, s := range setup.States() {
		page.States = append(page.States, string(s))
	}
	domains, err := p.Domains.List(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	for _, d := range domains {
		page.Domains = append(page.Domains, d.Name)
	}
	filter, err := linkFilter(v.Account(), page.Form)
	if err != nil {
		page.Problems = p.Problems(page.Frame, err)
		return p.Render(v, http.StatusUnprocessableEntity, "links", page.Frame, page)
	}
	found, err := p.Links.List(v.Ctx(), filter)
	if err != nil {
		return err
	}
	for _, l := range found.Links {
		page.Rows = append(page.Rows, linkRowOf(l, p.Now()))
	}
	_, page.Columns = panel.Sorting(panel.Prefix+panel.LinksPath, linkValues(page.Form), "sort", page.Form["sort"], []string{"created_at", "expires_at"})
	if next := found.Next.String(); next != "" {
		page.Older = linkListPath(page.Form, next)
	}
	if page.Form["cursor"] != "" {
		page.Newest = linkListPath(page.Form, "")
	}
	page.Mailable = p.SendsMail && page.Write
	if slices.Contains(page.Domains, filter.Domain) && page.Write {
		page.Revoke = panel.Path("domains", filter.Domain) + "/revoke-links"
	}
	return p.Render(v, http.StatusOK, "links", page.Frame, page)
}

// linkFilter reads the filter and reports all problems at once.
func linkFilter(account string, form web.Form) (setup.Filter, error) {
	f := setup.Filter{Account: account, Limit: panel.PageSize}
	var bad []error
	if text := form["address"]; text != "" {
		address, err := profile.ParseAddress(text)
		if err != nil {
			bad = append(bad, fault.On("address", fault.Invalid, "Enter a full email address, for example jane@example.com."))
		} else {
			f.Mailbox = address.Folded()
		}
	}
	var err error
	if form["domain"] != "" {
		if f.Domain, err = profile.ParseHost(form["domain"]); err != nil {
			bad = append(bad, fault.On("domain", fault.Invalid, "Enter a domain, for example example.com."))
		}
	}
	if form["state"] != "" {
		state, err := setup.ParseState(form["state"])
		f.States, bad = []setup.State{state}, append(bad, err)
	}
	if f.Metadata, err = settings.ParsePair(form["metadata"]); err != nil {
		bad = append(bad, err)
	}
	if slices.Contains(setup.Orders(), setup.Order(form["sort"])) {
		f.Sort = setup.Order(form["sort"])
	}
	if f.After, err = setup.ParsePlace(form["cursor"]); err != nil {
		f.After = setup.Place{} // the first page then
	}
	return f, errors.Join(bad...)
}

// linkValues returns the values of the list's filters.
func linkValues(form web.Form) url.Values {
	values := url.Values{}
	for _, name := range []string{"address", "domain", "state", "metadata"} {
		if form[name] != "" {
			values.Set(name, form[name])
		}
	}
	return values
}

// linkListPath returns the path of the list with the same filters, from the
// cursor on.
func linkListPath(form web.Form, cursor string) string {
	values := linkValues(form)
	if form["sort"] != "" {
		values.Set("sort", form["sort"])
	}
	if cursor != "" {
		values.Set("cursor", cursor)
	}
	if len(values) == 0 {
		return panel.Prefix + panel.LinksPath
	}
	return panel.Prefix + panel.LinksPath + "?" + values.Encode()
}

func linkRowOf(l setup.Link, now time.Time) linkRow {
	return linkRow{l.ID, l.Address, l.Domain, string(l.State(now)), l.Downloads, l.Created, l.Expires, l.Test, revocable(l, now)}
}

// linkFields are the fields of a link's form.
var linkFields = []string{"address", "name", "login", "locale", "variant", "expires", "downloads", "external_id", "return_url"}

// linkLives are the lifetimes that the form offers, in hours.
var linkLives = []int{1, 24, 7 * 24, 30 * 24}

func (p *Pages) newLink(v *panel.Visit) error {
	form := web.Form{"expires": "24", "downloads": strconv.Itoa(setup.LinkMaxDownloads), "address": v.QueryParam("address")}
	if from := v.QueryParam("from"); from != "" {
		l, err := p.Links.Get(v.Ctx(), v.Account(), from)
		if err != nil {
			return err
		}
		form = fromLink(l)
	}
	page, err := p.newLinkPage(v, p.Frame(v, "links"), form)
	if err != nil {
		return err
	}
	if _, err := profile.ParseAddress(page.Form["address"]); err != nil {
		page.Form["address"] = ""
	}
	return p.Render(v, http.StatusOK, "link-new", page.Frame, page)
}

// fromLink returns the form of a link like l.
func fromLink(l setup.Link) web.Form {
	return web.Form{"expires": "24", "downloads": strconv.Itoa(l.MaxDownloads), "address": l.Address, "name": l.Name, "login": l.Login,
		"locale": l.Locale, "variant": string(l.Variant), "external_id": l.ExternalID, "return_url": l.ReturnURL}
}

func (p *Pages) newLinkPage(v *panel.Visit, f panel.Frame, form web.Form) (newLinkPage, error) {
	domains, err := p.Domains.List(v.Ctx(), v.Account())
	return newLinkPage{f, form, len(domains) == 0, p.Texts.Languages()}, err
}

// createLink creates a link and redirects to its page, which shows its URL at
// any time.
func (p *Pages) createLink(v *panel.Visit) error {
	form := v.Form
	spec, err := linkSpec(v.Account(), form)
	var link setup.Link
	if err == nil {
		link, err = p.Links.Create(v.Ctx(), v.By(), spec)
	}
	if err != nil {
		page, failed := p.newLinkPage(v, panel.Frame{}, form)
		if failed != nil {
			return failed
		}
		return p.Again(v, err, "link-new", "links", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	return p.To(v, panel.Path("links", link.ID), "link.created")
}

// linkSpec reads the form of a link.
func linkSpec(account string, form web.Form) (setup.LinkSpec, error) {
	spec := setup.LinkSpec{
		Account: account, Address: form["address"], Name: form["name"], Login: form["login"],
		Locale: form["locale"], Variant: settings.Variant(form["variant"]),
		ExternalID: form["external_id"], ReturnURL: form["return_url"],
	}
	hours, err := strconv.Atoi(form["expires"])
	if err != nil || !slices.Contains(linkLives, hours) {
		return spec, fault.On("expires", fault.Invalid, "Choose one of the times.")
	}
	spec.Life = time.Duration(hours) * time.Hour
	if spec.MaxDownloads, err = strconv.Atoi(strings.TrimSpace(form["downloads"])); err != nil || spec.MaxDownloads < 1 || spec.MaxDownloads > setup.MaxMaxDownloads {
		return spec, fault.On("downloads", fault.Invalid, "Enter a number from 1 to %d.", setup.MaxMaxDownloads)
	}
	return spec, nil
}

// link shows one link.
func (p *Pages) link(v *panel.Visit) error {
	page, err := p.linkPage(v, p.Frame(v, "links"))
	if err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "link", page.Frame, page)
}

// linkPage returns the page of the link in the path. It shows the link's URL
// only to members who may create links, because anyone who has the URL can use
// it.
func (p *Pages) linkPage(v *panel.Visit, f panel.Frame) (linkPage, error) {
	l, err := p.Links.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return linkPage{}, err
	}
	now := p.Now()
	page := linkPage{
		Frame: f, Row: linkRowOf(l, now), Live: l.Live(now), Revocable: revocable(l, now), Name: l.Name, Login: l.Login, Locale: l.Locale,
		Variant: string(l.Variant), ExternalID: l.ExternalID, ReturnURL: l.ReturnURL, Tickets: l.Tickets, Most: l.MaxDownloads, Revoked: l.Revoked,
	}
	if page.Live && v.In.May(account.Change) {
		page.Path = p.Links.Path(l)
		page.URL = p.BaseURL.String() + page.Path
		if page.QR, err = web.NewQR(page.URL); err != nil {
			return page, err
		}
	}
	page.Metadata, page.Form = showMetadata(l.Metadata)
	m, _, err := p.Mails.Last(v.Ctx(), l.ID)
	if err != nil {
		return page, err
	}
	page.Mail = linkMail{string(m.State), string(m.Failure), m.Reply, m.Tried}
	page.Mailable = p.SendsMail && page.URL != "" && m.State != notify.Waiting
	return page, nil
}

// mailLink sends the link to its person by email.
func (p *Pages) mailLink(v *panel.Visit) error {
	return p.Do(v, panel.Path("links", v.Param("id")), "link.mailed", func() error {
		_, err := p.Mails.Send(v.Ctx(), v.By(), v.Account(), v.Param("id"))
		return err
	})
}

// revocable reports whether revoking l would end something: its page, or a
// download that it has permitted.
func revocable(l setup.Link, now time.Time) bool {
	return l.Revoked.IsZero() && now.Before(l.Expires.Add(setup.TicketLife))
}

func (p *Pages) askRevokeLink(v *panel.Visit) error {
	l, err := p.Links.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.Ask(v, "links", "link", map[string]any{"Address": idn.Show(l.Address)}, panel.Path("links", l.ID))
}

func (p *Pages) revokeLink(v *panel.Visit) error {
	return p.Do(v, panel.Path("links", v.Param("id")), "link.revoked", func() error {
		_, err := p.Links.Revoke(v.Ctx(), v.By(), v.Account(), v.Param("id"))
		return err
	})
}

// mailboxOf returns the mailbox of the link in the path: no path of the panel
// contains an address.
func (p *Pages) mailboxOf(v *panel.Visit) (setup.Link, setup.Group, error) {
	l, err := p.Links.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return l, setup.Group{}, err
	}
	address, err := profile.ParseAddress(l.Address)
	return l, setup.Group{Account: v.Account(), Mailbox: address.Folded()}, err
}

func (p *Pages) askRevokeMailbox(v *panel.Visit) error {
	l, group, err := p.mailboxOf(v)
	if err != nil {
		return err
	}
	n, err := p.Links.Count(v.Ctx(), group)
	if err != nil {
		return err
	}
	return p.Ask(v, "links", "mailbox-links", map[string]any{"Address": idn.Show(l.Address), "Links": n}, panel.Path("links", l.ID))
}

func (p *Pages) revokeMailbox(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+panel.LinksPath, "links.revoked", func() error {
		_, group, err := p.mailboxOf(v)
		if err == nil {
			_, err = p.Links.RevokeAll(v.Ctx(), v.By(), group)
		}
		return err
	})
}

func (p *Pages) askRevokeDomain(v *panel.Visit) error {
	d, err := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	n, err := p.Links.Count(v.Ctx(), setup.Group{Account: v.Account(), Domain: d.Name})
	if err != nil {
		return err
	}
	return p.Ask(v, "links", "links", map[string]any{"Domain": idn.Show(d.Name), "Links": n}, panel.Prefix+panel.LinksPath+"?domain="+url.QueryEscape(d.Name))
}

func (p *Pages) revokeDomain(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+panel.LinksPath, "links.revoked", func() error {
		d, err := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
		if err == nil {
			_, err = p.Links.RevokeAll(v.Ctx(), v.By(), setup.Group{Account: v.Account(), Domain: d.Name})
		}
		return err
	})
}
