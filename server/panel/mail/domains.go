package mail

import (
	"net/http"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/autoconfig"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// domainFields are those of the form of a domain.
var domainFields = []string{"display_name", "imap", "smtp", "caldav", "carddav", "login", "sign_in_hint", "help_text",
	"iphone", "mac", "policy", "policy_id", "return_hosts"}

// domains lists the domains.
func (p *Pages) domains(v *panel.Visit) error {
	all, err := p.domainRows(v)
	if err != nil {
		return err
	}
	page := domainsPage{Frame: p.Frame(v, "domains")}
	page.Paging, page.Rows = panel.PageOf(v, all, func(r domainRow) []string { return []string{r.Name, r.Incoming, r.Outgoing} })
	return p.Render(v, http.StatusOK, "domains", page.Frame, page)
}

// domainRows are the account's domains with what was done by them lately.
func (p *Pages) domainRows(v *panel.Visit) ([]domainRow, error) {
	all, err := p.Domains.List(v.Ctx(), v.Account())
	if err != nil {
		return nil, err
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
		rows[i] = domainRow{
			Name:     d.Name,
			Incoming: d.Service.Incoming.String(),
			Outgoing: d.Service.Outgoing.String(),
			Offer:    string(d.Policy),
			Erases:   d.Policy != settings.Off && d.DevicePolicy.MaxFailedAttempts > 0,

			Links:     used[d.Name].Links,
			Downloads: used[d.Name].Downloads,
		}
	}
	return rows, nil
}

func (p *Pages) newDomain(v *panel.Visit) error {
	return p.showDomain(v, settings.Domain{}, web.Form{"login": string(settings.AddressLogin), "iphone": "yes", "mac": "yes",
		"policy": string(settings.Off), "policy_id": settings.StandardPolicy}, nil)
}

// showDomain shows the form of a domain, a new one if d is none, and what fill
// adds to the page.
func (p *Pages) showDomain(v *panel.Visit, d settings.Domain, form web.Form, fill func(*domainPage)) error {
	page, err := p.domainPage(v, p.Frame(v, "domains"), d, form)
	if err != nil {
		return err
	}
	if fill != nil {
		fill(&page)
	}
	return p.Render(v, http.StatusOK, "domain", page.Frame, page)
}

func (p *Pages) domainPage(v *panel.Visit, f panel.Frame, d settings.Domain, form web.Form) (domainPage, error) {
	policies, err := p.Policies.List(v.Ctx(), v.Account())
	page := domainPage{Frame: f, Form: form, Name: d.Name}
	if d.Name != "" {
		page.setRecords(autoconfig.Records(d, p.BaseURL), nil)
	}
	if incoming, bad := profile.ParseIncoming(form["imap"]); bad == nil {
		page.PasswordAdvice = settings.PasswordAdvice(incoming.Host)
	}
	for _, policy := range policies {
		page.Policies = append(page.Policies, panel.Choice{Value: policy.ID, Label: policy.Name, Erases: policy.Wipes()})
	}
	return page, err
}

// createDomain makes a domain. Where a proof by DNS is missing, the page says
// which record to publish.
func (p *Pages) createDomain(v *panel.Visit) error {
	form := v.Form
	var made settings.Domain
	spec, err := domainSpec(form)
	if err == nil {
		create := p.Domains.Create
		if form["approve"] == "yes" && v.In.Member.May(account.Operate) {
			create = p.Domains.CreateApproved
		}
		made, err = create(v.Ctx(), v.Deciding(), v.Account(), spec)
	}
	if err != nil {
		return p.domainAgain(v, err, settings.Domain{}, form)
	}
	return p.To(v, panel.Path("domains", made.Name), "domain.created")
}

// domainAgain shows the form again with what is wrong.
func (p *Pages) domainAgain(v *panel.Visit, err error, d settings.Domain, form web.Form) error {
	page, failed := p.domainPage(v, panel.Frame{}, d, form)
	if failed != nil {
		return failed
	}
	if host, bad := profile.ParseHost(form["name"]); bad == nil && fault.Is(err, fault.DomainUnproven) {
		page.ProofName, page.ProofValue = p.Domains.Proof(v.Account(), host)
	}
	return p.Again(v, err, "domain", "domains", func(f panel.Frame) any {
		page.Frame = f
		return page
	})
}

func domainSpec(form web.Form) (settings.DomainSpec, error) {
	spec := settings.DomainSpec{
		Name:        form["name"],
		Incoming:    form["imap"],
		Outgoing:    form["smtp"],
		Calendars:   form["caldav"],
		Contacts:    form["carddav"],
		Policy:      settings.Offer(form["policy"]),
		PolicyID:    form["policy_id"],
		DisplayName: form["display_name"],
		HelpText:    form["help_text"],
		SignInHint:  form["sign_in_hint"],
		Login:       settings.Login(form["login"]),
		ReturnHosts: panel.Words(form["return_hosts"]),
	}
	for _, platform := range settings.Platforms() {
		if form[string(platform)] == "yes" {
			spec.Platforms = append(spec.Platforms, string(platform))
		}
	}
	if len(spec.Platforms) == 0 {
		return spec, fault.On("iphone", fault.PlatformUnknown, "Choose for which devices profiles are made: one at least.")
	}
	return spec, nil
}

// answers are what servers and the DNS have said of a domain.
type answers struct {
	Checks []check
	DNS    []autoconfig.State // of its records, in their order
}

// domain shows a domain, and what was just asked about it.
func (p *Pages) domain(v *panel.Visit) error {
	d, err := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	var said answers
	p.Shown(v, &said)
	return p.showDomain(v, d, domainForm(d), func(page *domainPage) {
		page.Checks = said.Checks
		if records := autoconfig.Records(d, p.BaseURL); len(said.DNS) == len(records) {
			page.setRecords(records, said.DNS)
		}
	})
}

// domainForm is the domain as its form shows it.
func domainForm(d settings.Domain) web.Form {
	form := web.Form{
		"display_name": d.DisplayName,
		"imap":         d.Service.Incoming.String(),
		"smtp":         d.Service.Outgoing.String(),
		"caldav":       d.Service.Calendars.String(),
		"carddav":      d.Service.Contacts.String(),
		"login":        string(d.Login),
		"sign_in_hint": d.SignInHint,
		"help_text":    d.HelpText,
		"policy":       string(d.Policy),
		"policy_id":    d.PolicyID,
		"return_hosts": strings.Join(d.ReturnHosts, "\n"),
	}
	if d.Login == "" {
		form["login"] = string(settings.AddressLogin)
	}
	if d.PolicyID == "" {
		form["policy_id"] = settings.StandardPolicy
	}
	for _, platform := range settings.Platforms() {
		if d.MakesFor(platform) {
			form[string(platform)] = "yes"
		}
	}
	return form
}

func (p *Pages) updateDomain(v *panel.Visit) error {
	form := v.Form
	d, err := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	spec, err := domainSpec(form)
	if err == nil {
		_, err = p.Domains.Update(v.Ctx(), v.Deciding(), v.Account(), d.Name, spec)
	}
	if err != nil {
		return p.domainAgain(v, err, d, form)
	}
	return p.To(v, panel.Path("domains", d.Name), "domain.saved")
}

// checkDomain asks the domain's servers whether they offer TLS as a device
// needs it.
func (p *Pages) checkDomain(v *panel.Visit) error {
	d, err := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	results, err := p.Checker.Check(v.Ctx(), d.Name, probe.Targets(d.Service.Incoming, d.Service.Outgoing, d.Service.Calendars, d.Service.Contacts))
	if err != nil {
		return p.domainAgain(v, err, d, domainForm(d))
	}
	var checks []check
	for _, r := range results {
		checks = append(checks, check{string(r.Kind), r.Server.String(), string(r.State.Severity()), r.State.Detail(), r.NotAfter})
	}
	return p.ShowOnce(v, panel.Path("domains", d.Name), answers{Checks: checks})
}

func (p *Pages) askDeleteDomain(v *panel.Visit) error {
	d, err := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	rows, err := p.domainRows(v)
	if err != nil {
		return err
	}
	links := 0
	for _, r := range rows {
		if r.Name == d.Name {
			links = r.Links
		}
	}
	return p.Ask(v, "domains", "domain", map[string]any{"Domain": idn.Show(d.Name), "Links": links}, panel.Path("domains", d.Name))
}

func (p *Pages) deleteDomain(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+"/domains", "domain.deleted", func() error {
		return p.Domains.Delete(v.Ctx(), v.By(), v.Account(), v.Param("domain"), nil)
	})
}
