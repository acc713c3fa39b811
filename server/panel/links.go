package panel

import (
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
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// linkFilters are what the list of links can be filtered by, and where it goes
// on.
var linkFilters = []string{"address", "domain", "state", "cursor"}

// links lists the links, the newest first.
func (p *Panel) links(v *visit) error {
	page := linksPage{frame: p.frame(v, "links"), Form: web.Form{}}
	for _, name := range linkFilters {
		if value := profile.Trim(v.QueryParam(name)); value != "" && len(value) <= maxQuery {
			page.Form[name] = value
		}
	}
	for _, s := range setup.States() {
		page.States = append(page.States, string(s))
	}
	domains, err := p.Domains.List(v.ctx(), v.account())
	if err != nil {
		return err
	}
	for _, d := range domains {
		page.Domains = append(page.Domains, d.Name)
	}
	filter, err := linkFilter(v.account(), page.Form)
	if err != nil {
		page.Problems = p.problems(page.frame, err)
		return p.render(v, http.StatusUnprocessableEntity, "links", page.frame, page)
	}
	found, err := p.Links.List(v.ctx(), filter)
	if err != nil {
		return err
	}
	for _, l := range found.Links {
		page.Rows = append(page.Rows, linkRowOf(l, p.Now()))
	}
	if next := found.Next.String(); next != "" {
		page.Older = linkListPath(page.Form, next)
	}
	if page.Form["cursor"] != "" {
		page.Newest = linkListPath(page.Form, "")
	}
	if slices.Contains(page.Domains, filter.Domain) && page.Write {
		page.Revoke = path("domains", filter.Domain) + "/revoke-links"
	}
	return p.render(v, http.StatusOK, "links", page.frame, page)
}

// linkFilter reads the filter. Problems come all at once.
func linkFilter(account string, form web.Form) (setup.Filter, error) {
	f := setup.Filter{Account: account, Limit: pageSize}
	bad := problemList{form: form}
	if text := form["address"]; text != "" {
		address, err := profile.ParseAddress(text)
		if err != nil {
			bad.add("address", "Write a whole mail address, such as jane@example.com.")
		} else {
			f.Mailbox = address.Folded()
		}
	}
	f.Domain = bad.domain("domain")
	var err error
	if f.State, err = setup.ParseState(form["state"]); err != nil {
		bad.all = append(bad.all, fault.Of(err))
	}
	if f.Before, err = setup.ParsePlace(form["cursor"]); err != nil {
		f.Before = setup.Place{} // the first part then
	}
	return f, bad.err()
}

// linkListPath is the list with the same filters, from the cursor on.
func linkListPath(form web.Form, cursor string) string {
	values := url.Values{}
	for _, name := range linkFilters {
		if form[name] != "" {
			values.Set(name, form[name])
		}
	}
	if values.Set("cursor", cursor); cursor == "" {
		values.Del("cursor")
	}
	if len(values) == 0 {
		return Prefix + linksPath
	}
	return Prefix + linksPath + "?" + values.Encode()
}

func linkRowOf(l setup.Link, now time.Time) linkRow {
	return linkRow{l.ID, l.Address, l.Domain, string(l.State(now)), l.Downloads, l.Created, l.Expires, l.Test}
}

// linkFields are those of the form of a link.
var linkFields = []string{"address", "name", "login", "locale", "variant", "expires", "downloads", "external_id", "return_url"}

// linkLives are for how many hours a link may be made by the form.
var linkLives = []int{1, 24, 7 * 24, 30 * 24}

func (p *Panel) newLink(v *visit) error {
	page, err := p.newLinkPage(v, p.frame(v, "links"), web.Form{"expires": "24", "downloads": strconv.Itoa(setup.LinkMaxDownloads), "address": v.QueryParam("address")})
	if err != nil {
		return err
	}
	if _, err := profile.ParseAddress(page.Form["address"]); err != nil {
		page.Form["address"] = ""
	}
	return p.render(v, http.StatusOK, "link-new", page.frame, page)
}

func (p *Panel) newLinkPage(v *visit, f frame, form web.Form) (newLinkPage, error) {
	domains, err := p.Domains.List(v.ctx(), v.account())
	return newLinkPage{f, form, len(domains) == 0}, err
}

// createLink makes a link and leads to its page, which shows the address
// whenever it is asked for.
func (p *Panel) createLink(v *visit) error {
	form := v.form
	spec, err := linkSpec(v.account(), form)
	var link setup.Link
	if err == nil {
		link, err = p.Links.Create(v.ctx(), v.by(), spec)
	}
	if err != nil {
		page, failed := p.newLinkPage(v, frame{}, form)
		if failed != nil {
			return failed
		}
		return p.again(v, err, "link-new", "links", func(f frame) any {
			page.frame = f
			return page
		})
	}
	return p.to(v, path("links", link.ID), "link.created")
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
		return spec, fault.On("downloads", fault.Invalid, "Write a number from 1 to %d.", setup.MaxMaxDownloads)
	}
	return spec, nil
}

// link shows one link. The address of its page is for those who may make
// links: whoever has it can use it.
func (p *Panel) link(v *visit) error {
	l, err := p.Links.Get(v.ctx(), v.account(), v.Param("id"))
	if err != nil {
		return err
	}
	now := p.Now()
	page := linkPage{
		frame: p.frame(v, "links"), Row: linkRowOf(l, now), Live: l.Live(now), Revocable: revocable(l, now), Name: l.Name, Login: l.Login, Locale: l.Locale,
		Variant: string(l.Variant), ExternalID: l.ExternalID, ReturnURL: l.ReturnURL, Tickets: l.Tickets, Most: l.MaxDownloads, Revoked: l.Revoked,
	}
	if page.Live && v.in.Member.May(account.Change) {
		page.Path = p.Links.Path(l)
		page.URL = p.BaseURL.String() + page.Path
		if page.QR, err = web.NewQR(page.URL); err != nil {
			return err
		}
	}
	return p.render(v, http.StatusOK, "link", page.frame, page)
}

// revocable reports whether revoking l would end something: its page, or a
// download that it has permitted.
func revocable(l setup.Link, now time.Time) bool {
	return l.Revoked.IsZero() && now.Before(l.Expires.Add(setup.TicketLife))
}

func (p *Panel) askRevokeLink(v *visit) error {
	l, err := p.Links.Get(v.ctx(), v.account(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.ask(v, "links", "link", map[string]any{"Address": idn.Show(l.Address)}, path("links", l.ID))
}

func (p *Panel) revokeLink(v *visit) error {
	return p.do(v, path("links", v.Param("id")), "link.revoked", func() error {
		_, err := p.Links.Revoke(v.ctx(), v.by(), v.account(), v.Param("id"))
		return err
	})
}

// mailboxOf is the mailbox of the link in the path, whose address no path of
// the panel holds.
func (p *Panel) mailboxOf(v *visit) (setup.Link, setup.Group, error) {
	l, err := p.Links.Get(v.ctx(), v.account(), v.Param("id"))
	if err != nil {
		return l, setup.Group{}, err
	}
	address, err := profile.ParseAddress(l.Address)
	return l, setup.Group{Account: v.account(), Mailbox: address.Folded()}, err
}

func (p *Panel) askRevokeMailbox(v *visit) error {
	l, group, err := p.mailboxOf(v)
	if err != nil {
		return err
	}
	n, err := p.Links.Count(v.ctx(), group)
	if err != nil {
		return err
	}
	return p.ask(v, "links", "mailbox-links", map[string]any{"Address": idn.Show(l.Address), "Links": n}, path("links", l.ID))
}

func (p *Panel) revokeMailbox(v *visit) error {
	return p.do(v, Prefix+linksPath, "links.revoked", func() error {
		_, group, err := p.mailboxOf(v)
		if err == nil {
			_, err = p.Links.RevokeAll(v.ctx(), v.by(), group)
		}
		return err
	})
}

func (p *Panel) askRevokeDomain(v *visit) error {
	d, err := p.Domains.Get(v.ctx(), v.account(), v.Param("domain"))
	if err != nil {
		return err
	}
	n, err := p.Links.Count(v.ctx(), setup.Group{Account: v.account(), Domain: d.Name})
	if err != nil {
		return err
	}
	return p.ask(v, "links", "links", map[string]any{"Domain": idn.Show(d.Name), "Links": n}, Prefix+linksPath+"?domain="+url.QueryEscape(d.Name))
}

func (p *Panel) revokeDomain(v *visit) error {
	return p.do(v, Prefix+linksPath, "links.revoked", func() error {
		d, err := p.Domains.Get(v.ctx(), v.account(), v.Param("domain"))
		if err == nil {
			_, err = p.Links.RevokeAll(v.ctx(), v.by(), setup.Group{Account: v.account(), Domain: d.Name})
		}
		return err
	})
}
