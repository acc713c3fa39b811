package mail

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/autoconfig"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// domains lists the domains and the pending ones.
func (p *Pages) domains(v *panel.Visit) error {
	page := domainsPage{Frame: p.Frame(v, "domains"), Form: web.Form{}}
	if text := profile.Trim(v.QueryParam("metadata")); len(text) <= longest("metadata") {
		page.Form["metadata"] = text
	}
	pair, bad := settings.ParsePair(page.Form["metadata"])
	status := http.StatusOK
	if bad != nil {
		status, page.Problems = http.StatusUnprocessableEntity, p.Problems(page.Frame, bad)
	}
	all, err := p.domainRows(v, pair)
	if err != nil {
		return err
	}
	waiting, err := p.Domains.Pending(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	var rows []domainRow
	for _, w := range waiting {
		row := rowOf(w.Domain())
		row.Pending = true
		if pair == (settings.Pair{}) { // it has no metadata yet
			rows = append(rows, row)
		}
	}
	if rows = append(rows, all...); bad != nil {
		rows = nil
	}
	page.Paging, page.Rows = panel.PageOf(v, rows, func(r domainRow) []string { return []string{r.Name, r.Incoming, r.Outgoing} }, []string{"metadata"}, domainOrders...)
	page.Form["q"] = page.Query
	return p.Render(v, status, "domains", page.Frame, page)
}

var domainOrders = []panel.Order[domainRow]{
	{By: "name", Compare: func(a, b domainRow) int { return strings.Compare(a.Name, b.Name) }},
	{By: "servers", Compare: func(a, b domainRow) int { return strings.Compare(a.Incoming, b.Incoming) }},
	{By: "policy", Compare: func(a, b domainRow) int { return strings.Compare(a.Offer, b.Offer) }},
	{By: "links", Compare: func(a, b domainRow) int { return cmp.Compare(a.Links, b.Links) }},
	{By: "downloads", Compare: func(a, b domainRow) int { return cmp.Compare(a.Downloads, b.Downloads) }},
}

// domainRows returns the account's domains with the metadata pair, if that
// isn't zero, and with their recent use.
func (p *Pages) domainRows(v *panel.Visit, pair settings.Pair) ([]domainRow, error) {
	all, err := p.Domains.List(v.Ctx(), v.Account())
	if err != nil {
		return nil, err
	}
	if pair != (settings.Pair{}) {
		all = slices.DeleteFunc(all, func(d settings.Domain) bool { return !d.Metadata.Has(pair) })
	}
	usage, err := p.History.Usage(v.Ctx(), v.Account(), p.plotStart())
	if err != nil {
		return nil, err
	}
	used := map[string]setup.Usage{} // by domain
	for _, u := range usage {
		sum := used[u.Domain]
		used[u.Domain] = setup.Usage{Links: sum.Links + u.Links, Downloads: sum.Downloads + u.Downloads}
	}
	rows := make([]domainRow, len(all))
	for i, d := range all {
		rows[i] = rowOf(d)
		rows[i].Links, rows[i].Downloads = used[d.Name].Links, used[d.Name].Downloads
	}
	return rows, nil
}

func rowOf(d settings.Domain) domainRow {
	return domainRow{
		Name:     d.Name,
		Incoming: d.Service.Incoming.String(),
		Outgoing: d.Service.Outgoing.String(),
		Offer:    string(d.Policy),
		Erases:   d.Policy != settings.Off && d.DevicePolicy.MaxFailedAttempts > 0,
	}
}

// domain shows a domain: how people get to its page, and the state of its
// servers and DNS records. A pending domain has a page of its own.
func (p *Pages) domain(v *panel.Visit) error {
	d, err := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if fault.Is(err, fault.NotFound) {
		return p.pending(v)
	}
	if err != nil {
		return err
	}
	return p.showDomain(v, http.StatusOK, p.Frame(v, "domains"), d)
}

// showDomain shows a domain. The frame can contain problems.
func (p *Pages) showDomain(v *panel.Visit, status int, f panel.Frame, d settings.Domain) error {
	page, err := p.domainPage(v, f, d)
	if err != nil {
		return err
	}
	return p.Render(v, status, "domain", page.Frame, page)
}

// domainAgain shows a domain with its problems.
func (p *Pages) domainAgain(v *panel.Visit, err error, d settings.Domain) error {
	page, failed := p.domainPage(v, panel.Frame{}, d)
	if failed != nil {
		return failed
	}
	return p.Again(v, err, "domain", "domains", func(f panel.Frame) any {
		page.Frame = f
		return page
	})
}

func (p *Pages) domainPage(v *panel.Visit, f panel.Frame, d settings.Domain) (domainPage, error) {
	page := domainPage{
		Frame:       f,
		Row:         rowOf(d),
		URL:         p.BaseURL.String() + "/",
		DisplayName: d.DisplayName,
		Login:       string(d.Login),
		Hint:        d.SignInHint,
		IPhone:      d.MakesFor(profile.IPhone),
		Mac:         d.MakesFor(profile.Mac),
		Calendars:   d.Service.Calendars.String(),
		Contacts:    d.Service.Contacts.String(),
		Attempts:    d.DevicePolicy.MaxFailedAttempts,
		MinLength:   d.DevicePolicy.MinLength,
	}
	var err error
	page.Metadata, page.Form = showMetadata(d.Metadata)
	if text, typed := v.Form["metadata"]; typed {
		page.Form["metadata"] = text
	}
	if page.QR, err = web.NewQR(page.URL); err != nil {
		return page, err
	}
	if d.Policy != settings.Off {
		if page.Policy, err = p.policyName(v, d.PolicyID); err != nil {
			return page, err
		}
	}
	page.PasswordAdvice = settings.PasswordAdvice(d.Service.Incoming.Host)
	checks, err := p.Checks.Checks(v.Ctx(), d.ID)
	if err != nil {
		return page, err
	}
	page.setChecks(d, checks)
	page.setRecords(autoconfig.Records(d, p.BaseURL), checks)
	if err := p.domainUsage(v, d, &page); err != nil {
		return page, err
	}
	page.Recent, err = p.recent(v, []audit.Name{audit.DomainCreate, audit.DomainUpdate, audit.LinkCreate, audit.LinkRevoke}, d.ID)
	return page, err
}

// policyName returns the name of a policy of the account.
func (p *Pages) policyName(v *panel.Visit, id string) (string, error) {
	policies, err := p.Policies.List(v.Ctx(), v.Account())
	i := slices.IndexFunc(policies, func(o settings.Policy) bool { return o.ID == id || id == "" && o.ID == settings.StandardPolicy })
	if err != nil || i < 0 {
		return "", err
	}
	return policies[i].Name, nil
}

// domainUsage counts the links of the last days and their downloads.
func (p *Pages) domainUsage(v *panel.Visit, d settings.Domain, page *domainPage) error {
	usage, err := p.History.Usage(v.Ctx(), v.Account(), p.plotStart())
	for _, u := range usage {
		if u.Domain == d.Name {
			page.Row.Links += u.Links
			page.Row.Downloads += u.Downloads
		}
	}
	page.Days = plotDays
	return err
}

// previewDomain shows what people see on a device.
func (p *Pages) previewDomain(v *panel.Visit) error {
	d, err := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	return p.Preview(v.Context, d, v.Param("device"))
}

func (p *Pages) askDeleteDomain(v *panel.Visit) error {
	d, err := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if fault.Is(err, fault.NotFound) {
		return p.askDeletePending(v)
	}
	if err != nil {
		return err
	}
	page := domainPage{}
	if err := p.domainUsage(v, d, &page); err != nil {
		return err
	}
	return p.Ask(v, "domains", "domain", map[string]any{"Domain": idn.Show(d.Name), "Links": page.Row.Links}, panel.Path("domains", d.Name))
}

func (p *Pages) deleteDomain(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+"/domains", "domain.deleted", func() error {
		err := p.Domains.Delete(v.Ctx(), v.By(), v.Account(), v.Param("domain"), nil)
		if fault.Is(err, fault.NotFound) {
			err = p.Domains.DeletePending(v.Ctx(), v.By(), v.Account(), v.Param("domain"))
		}
		return err
	})
}

// mayApprove reports whether the member can approve a domain without proof.
func mayApprove(v *panel.Visit) bool { return v.In.May(account.Operate) && v.In.May(account.Change) }
