package mail

import (
	"net/http"
	"strings"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/web"
)

const hostsPath = "/hosts"

// hosts lists the approved servers.
func (p *Pages) hosts(v *panel.Visit) error {
	page, err := p.hostsPage(v, p.Frame(v, "domains"), web.Form{})
	if err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "hosts", page.Frame, page)
}

func (p *Pages) hostsPage(v *panel.Visit, f panel.Frame, form web.Form) (hostsPage, error) {
	page := hostsPage{Frame: f, Form: form}
	all, err := p.Hosts.List(v.Ctx(), v.Account())
	if err != nil {
		return page, err
	}
	var shown []settings.ApprovedHost
	page.Paging, shown = panel.PageOf(v, all, func(h settings.ApprovedHost) []string { return []string{h.Pattern} }, nil,
		panel.Order[settings.ApprovedHost]{By: "host", Compare: func(a, b settings.ApprovedHost) int { return strings.Compare(a.Pattern, b.Pattern) }},
		panel.Order[settings.ApprovedHost]{By: "since", Compare: func(a, b settings.ApprovedHost) int { return a.Created.Compare(b.Created) }})
	for _, h := range shown {
		page.Rows = append(page.Rows, hostRow{h.Pattern, h.Created})
	}
	return page, nil
}

// approveHost lets domains use a server.
func (p *Pages) approveHost(v *panel.Visit) error {
	_, err := p.Hosts.Approve(v.Ctx(), v.By(), v.Account(), v.Form["host"])
	if err == nil {
		return p.To(v, panel.Prefix+hostsPath, "host.approved")
	}
	page, missing := p.hostsPage(v, panel.Frame{}, v.Form)
	if missing != nil {
		return missing
	}
	return p.Again(v, err, "hosts", "domains", func(f panel.Frame) any {
		page.Frame = f
		return page
	})
}

// withdrawHost revokes an approval. The form names it, because a path can't
// contain an asterisk.
func (p *Pages) withdrawHost(v *panel.Visit) error {
	pattern, err := settings.ParseHostPattern(v.Form["host"])
	if err != nil {
		return fault.New(fault.NotFound, "This server isn't on the list.")
	}
	return p.Do(v, panel.Prefix+hostsPath, "host.withdrawn", func() error {
		return p.Hosts.Withdraw(v.Ctx(), v.By(), v.Account(), pattern)
	})
}
