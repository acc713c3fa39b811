package mail

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/discovery"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/web"
)

// domainFields are the fields of a domain's form.
var domainFields = []string{"display_name", "imap", "smtp", "caldav", "carddav", "login", "sign_in_hint", "help_text",
	"iphone", "mac", "policy", "policy_id", "return_hosts"}

// newDomainFields are the fields of a new domain's form: foundFields mark what
// a search has filled in.
var newDomainFields = slices.Concat([]string{"name"}, foundFields, domainFields)

// foundFields contain what a search has put into imap and smtp. Input that
// differs from that is never replaced.
var foundFields = []string{"found_imap", "found_smtp"}

// shortFields are the fields that are always shown; the rest is folded up.
var shortFields = []string{"", "name", "imap", "smtp"}

// How often an account may search for servers.
const (
	limitSearches  = 10
	searchesWindow = 5 * time.Minute
)

// NewSearchLimiter returns the limiter of searches for servers by account.
func NewSearchLimiter(now func() time.Time) *web.Limiter {
	return web.NewLimiter("search", limitSearches, searchesWindow, now)
}

// newForm returns the form of a new domain.
func newForm() web.Form {
	return web.Form{"login": string(settings.AddressLogin), "iphone": "yes", "mac": "yes",
		"policy": string(settings.DefaultOffer), "policy_id": settings.StandardPolicy}
}

// newDomain asks for the name of a domain, or for everything with by=hand.
func (p *Pages) newDomain(v *panel.Visit) error {
	page, err := p.domainForm(v, newForm())
	if err != nil {
		return err
	}
	page.Frame, page.Whole = p.Frame(v, "domains"), v.QueryParam("by") == "hand"
	return p.Render(v, http.StatusOK, "domain-form", page.Frame, page)
}

func (p *Pages) domainForm(v *panel.Visit, form web.Form) (domainFormPage, error) {
	policies, err := p.Policies.List(v.Ctx(), v.Account())
	page := domainFormPage{Form: form, Whole: true}
	if incoming, bad := profile.ParseIncoming(form["imap"]); bad == nil {
		page.PasswordAdvice = settings.PasswordAdvice(incoming.Host)
	}
	for _, policy := range policies {
		page.Policies = append(page.Policies, panel.Choice{Value: policy.ID, Label: policy.Name, Erases: policy.Wipes()})
	}
	return page, err
}

// findServers searches for the servers of a domain and fills them in.
func (p *Pages) findServers(v *panel.Visit) error {
	form := v.Form
	whole := hasFields(form)
	if !whole {
		for name, value := range newForm() {
			form[name] = value
		}
	}
	name, err := profile.ParseHost(form["name"])
	if err != nil {
		err = fault.On("name", fault.Invalid, "Enter a domain, for example example.com.")
	} else {
		err = p.SearchLimiter.Use(v.Account()).Exceeded()
	}
	var found discovery.Found
	if err == nil {
		found, err = p.Finder.Find(v.Ctx(), name)
	}
	if err != nil {
		return p.formAgain(v, err, form, func(page *domainFormPage) { page.Whole = whole })
	}
	fill(form, found)
	page, err := p.domainForm(v, form)
	if err != nil {
		return err
	}
	page.Frame, page.Search = p.Frame(v, "domains"), searchView(found)
	return p.Render(v, http.StatusOK, "domain-form", page.Frame, page)
}

// hasFields reports whether the form was the complete one.
func hasFields(form web.Form) bool {
	_, whole := form["imap"]
	return whole
}

// fill puts the servers into the form, unless others were entered.
func fill(form web.Form, found discovery.Found) {
	for field, kind := range map[string]probe.Kind{"imap": probe.Incoming, "smtp": probe.Outgoing} {
		if typed := profile.Trim(form[field]); typed != "" && typed != form["found_"+field] {
			continue
		}
		form[field] = ""
		if s, ok := found.Of(kind); ok {
			form[field] = s.Server.String()
		}
		form["found_"+field] = form[field]
	}
	if found.LocalPart && form["login"] == string(settings.AddressLogin) {
		form["login"] = string(settings.LocalPartLogin)
	}
}

// searchView shows the results of a search.
func searchView(found discovery.Found) *search {
	s := &search{}
	for _, each := range found.Servers {
		row := foundServer{Server: each.Server.String(), Source: string(each.Source), NotAfter: each.NotAfter, Soon: each.State == probe.ExpiresSoon}
		switch each.Kind {
		case probe.Incoming:
			s.Incoming = &row
		case probe.Outgoing:
			s.Outgoing = &row
		default:
			s.Also = append(s.Also, also{string(each.Kind), row.Server})
		}
	}
	for _, l := range found.Looks {
		s.Looks = append(s.Looks, look{string(l.Source), string(l.Outcome), l.Servers})
	}
	return s
}

// createDomain adds a domain and checks its servers. If its proof is missing,
// it is stored as pending.
func (p *Pages) createDomain(v *panel.Visit) error {
	spec, err := domainSpec(v.Form)
	var made settings.Domain
	var pending bool
	if err == nil {
		made, pending, err = p.Domains.Add(v.Ctx(), v.Deciding(), v.Account(), spec)
	}
	switch {
	case err != nil:
		return p.formAgain(v, err, v.Form, nil)
	case pending:
		return p.To(v, panel.Path("domains", made.Name), "domain.pending")
	}
	return p.goLive(v, made)
}

// formAgain shows a form again with its problems, after set has filled in more
// of the page.
func (p *Pages) formAgain(v *panel.Visit, err error, form web.Form, set func(*domainFormPage)) error {
	page, failed := p.domainForm(v, form)
	if failed != nil {
		return failed
	}
	if set != nil {
		set(&page)
	}
	for _, f := range fault.All(err) {
		page.Advanced = page.Advanced || !slices.Contains(shortFields, f.Field)
	}
	return p.Again(v, err, "domain-form", "domains", func(f panel.Frame) any {
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
		return spec, fault.On("iphone", fault.PlatformUnknown, "Choose at least one kind of device.")
	}
	return spec, nil
}

// editDomain shows the settings of a domain or a pending domain.
func (p *Pages) editDomain(v *panel.Visit) error {
	d, waits, err := p.domainOrPending(v)
	if err != nil {
		return err
	}
	page, err := p.domainForm(v, formOf(d))
	if err != nil {
		return err
	}
	page.Frame, page.Name, page.Pending = p.Frame(v, "domains"), d.Name, waits
	return p.Render(v, http.StatusOK, "domain-form", page.Frame, page)
}

// domainOrPending returns the domain in the path, and whether it is pending.
func (p *Pages) domainOrPending(v *panel.Visit) (d settings.Domain, waits bool, err error) {
	d, err = p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if !fault.Is(err, fault.NotFound) {
		return d, false, err
	}
	pending, err := p.Domains.GetPending(v.Ctx(), v.Account(), v.Param("domain"))
	return pending.Domain(), true, err
}

// formOf returns the domain as its form shows it.
func formOf(d settings.Domain) web.Form {
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

// updateDomain saves the settings of a domain, and checks its servers.
func (p *Pages) updateDomain(v *panel.Visit) error {
	d, waits, err := p.domainOrPending(v)
	if err != nil {
		return err
	}
	spec, err := domainSpec(v.Form)
	switch {
	case err != nil:
	case waits:
		err = p.Domains.UpdatePending(v.Ctx(), v.Deciding(), v.Account(), d.Name, spec)
	default:
		d, err = p.saveAndCheck(v, d, spec)
	}
	if err != nil {
		return p.formAgain(v, err, v.Form, func(page *domainFormPage) { page.Name, page.Pending = d.Name, waits })
	}
	return p.To(v, panel.Path("domains", d.Name), "domain.saved")
}

// saveAndCheck saves the settings. Servers that were checked a moment ago
// aren't checked again.
func (p *Pages) saveAndCheck(v *panel.Visit, d settings.Domain, spec settings.DomainSpec) (settings.Domain, error) {
	saved, err := p.Domains.Update(v.Ctx(), v.Deciding(), v.Account(), d.Name, spec)
	if err != nil {
		return d, err
	}
	if err := p.checkServers(v, saved); err != nil && !fault.Is(err, fault.Limited) {
		return d, err
	}
	return saved, nil
}
