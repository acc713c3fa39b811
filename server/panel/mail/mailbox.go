package mail

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// mailboxPath is the page for a person who leaves or has lost a device.
const mailboxPath = "/mailbox"

// shownActionsOfMailbox is how many actions are searched for the downloads of
// a mailbox.
const shownActionsOfMailbox = 100

// mailbox shows what has been set up with a mailbox, and what to do about it.
func (p *Pages) mailbox(v *panel.Visit) error {
	page := mailboxPage{Frame: p.Frame(v, "links"), Form: web.Form{"address": profile.Trim(v.QueryParam("address"))}}
	if page.Form["address"] == "" {
		return p.Render(v, http.StatusOK, "mailbox", page.Frame, page)
	}
	if err := p.fillMailbox(v, &page); err != nil {
		return p.Again(v, err, "mailbox", "links", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	return p.Render(v, http.StatusOK, "mailbox", page.Frame, page)
}

// mailboxIn returns the mailbox with the address, in a domain of the account.
func (p *Pages) mailboxIn(v *panel.Visit, text string) (profile.Address, settings.Domain, error) {
	address, err := profile.ParseAddress(text)
	if err != nil {
		return profile.Address{}, settings.Domain{}, fault.On("address", fault.Invalid, "Enter a full email address, for example maria@example.com.")
	}
	d, err := p.Domains.Get(v.Ctx(), v.Account(), address.Domain())
	if fault.Is(err, fault.NotFound) {
		err = fault.On("address", fault.Invalid, "The domain of this address isn't in this account.")
	}
	return address, d, err
}

func (p *Pages) fillMailbox(v *panel.Visit, page *mailboxPage) error {
	address, d, err := p.mailboxIn(v, page.Form["address"])
	if err != nil {
		return err
	}
	page.Address, page.Domain, page.Server = address.String(), d.Name, d.Service.Incoming.Host
	page.Policy = d.Policy != settings.Off
	if page.Links, err = p.Links.Count(v.Ctx(), setup.Group{Account: v.Account(), Mailbox: address.Folded()}); err != nil {
		return err
	}
	found, err := p.History.Search(v.Ctx(), audit.Filter{Account: v.Account(), Mailbox: address.Folded(),
		Names: []audit.Name{audit.LinkOpen, audit.ProfileDownload, audit.ProfileIssue}, Outcome: audit.Done, Limit: shownActionsOfMailbox})
	if err != nil {
		return err
	}
	page.Downloads, page.More = downloadsOf(found.Records), found.Next != 0
	page.Secure = slices.ContainsFunc(page.Downloads, func(r downloadRow) bool { return r.Secure })
	return nil
}

// downloadsOf returns the downloads among the actions, newest first. The
// choice is in the earlier action that opened the link.
func downloadsOf(records []audit.Record) []downloadRow {
	var rows []downloadRow
	chosen := map[string][]audit.Change{} // by link
	for _, r := range slices.Backward(records) {
		a := r.View()
		if a.Action == audit.LinkOpen {
			chosen[a.Link] = a.Changes
			continue
		}
		row := downloadRow{At: a.Time, Client: a.Client, IP: a.IP, Issued: a.Action == audit.ProfileIssue}
		for _, c := range slices.Concat(chosen[a.Link], a.Changes) {
			switch c.Field {
			case "platform":
				row.Platform = c.New
			case "variant":
				row.Secure = c.New == string(settings.Secure)
			}
		}
		rows = append(rows, row)
	}
	slices.Reverse(rows)
	return rows
}

// leaveMailbox revokes all links of a mailbox, and continues to what is left
// to do.
func (p *Pages) leaveMailbox(v *panel.Visit) error {
	address, _, err := p.mailboxIn(v, v.Form["address"])
	if err == nil {
		_, err = p.Links.RevokeAll(v.Ctx(), v.By(), setup.Group{Account: v.Account(), Mailbox: address.Folded()})
	}
	if err != nil {
		page := mailboxPage{Form: v.Form}
		return p.Again(v, err, "mailbox", "links", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	return v.Redirect(http.StatusSeeOther, panel.Prefix+mailboxPath+"?done=links.revoked&address="+url.QueryEscape(address.String()))
}
