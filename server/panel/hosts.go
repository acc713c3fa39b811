package panel

import (
	"net/http"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/web"
)

const hostsPath = "/hosts"

// hosts lists the approved servers.
func (p *Panel) hosts(v *visit) error {
	page, err := p.hostsPage(v, p.frame(v, "domains"), web.Form{})
	if err != nil {
		return err
	}
	return p.render(v, http.StatusOK, "hosts", page.frame, page)
}

func (p *Panel) hostsPage(v *visit, f frame, form web.Form) (hostsPage, error) {
	page := hostsPage{frame: f, Form: form}
	all, err := p.Hosts.List(v.ctx(), v.account())
	if err != nil {
		return page, err
	}
	var shown []settings.ApprovedHost
	page.paging, shown = pageOf(v, all, func(h settings.ApprovedHost) []string { return []string{h.Pattern} })
	for _, h := range shown {
		page.Rows = append(page.Rows, hostRow{h.Pattern, h.Created})
	}
	return page, nil
}

// approveHost lets domains use a server.
func (p *Panel) approveHost(v *visit) error {
	_, err := p.Hosts.Approve(v.ctx(), v.by(), v.account(), v.form["host"])
	if err == nil {
		return p.to(v, Prefix+hostsPath, "host.approved")
	}
	page, missing := p.hostsPage(v, frame{}, v.form)
	if missing != nil {
		return missing
	}
	return p.again(v, err, "hosts", "domains", func(f frame) any {
		page.frame = f
		return page
	})
}

// withdrawHost ends an approval. The form names it, for a path could hold no
// asterisk.
func (p *Panel) withdrawHost(v *visit) error {
	pattern, err := settings.ParseHostPattern(v.form["host"])
	if err != nil {
		return fault.New(fault.NotFound, "This server is not on the list.")
	}
	return p.do(v, Prefix+hostsPath, "host.withdrawn", func() error {
		return p.Hosts.Withdraw(v.ctx(), v.by(), v.account(), pattern)
	})
}
