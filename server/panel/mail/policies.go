package mail

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/web"
)

// policyFields are the fields of a policy's form.
var policyFields = []string{"name", "min_length", "alphanumeric", "min_complex", "auto_lock", "grace",
	"wipe", "max_failed_attempts", "reset_after", "max_age", "history"}

// policies lists the policies.
func (p *Pages) policies(v *panel.Visit) error {
	all, err := p.Policies.List(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	page := policiesPage{Frame: p.Frame(v, "policies")}
	var shown []settings.Policy
	page.Paging, shown = panel.PageOf(v, all, func(p settings.Policy) []string { return append([]string{p.Name}, p.Domains...) }, nil,
		panel.Order[settings.Policy]{By: "name", Compare: func(a, b settings.Policy) int {
			return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		}},
		panel.Order[settings.Policy]{By: "domains", Compare: func(a, b settings.Policy) int { return cmp.Compare(len(a.Domains), len(b.Domains)) }})
	for _, policy := range shown {
		page.Rows = append(page.Rows, policyRow{
			ID:       policy.ID,
			Name:     policy.Name,
			Standard: policy.ID == settings.StandardPolicy,
			Attempts: policy.Passcode.MaxFailedAttempts,
			Length:   policy.Passcode.MinLength,
			Lock:     minutes(policy.Passcode.AutoLock),
			Domains:  policy.Domains,
		})
	}
	return p.Render(v, http.StatusOK, "policies", page.Frame, page)
}

func minutes(d time.Duration) int { return int(d / time.Minute) }

func (p *Pages) newPolicy(v *panel.Visit) error {
	policy := usualPolicy()
	return p.showPolicy(v, policy, policyForm(policy))
}

func (p *Pages) policy(v *panel.Visit) error {
	policy, err := p.Policies.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.showPolicy(v, policy, policyForm(policy))
}

func (p *Pages) showPolicy(v *panel.Visit, policy settings.Policy, form web.Form) error {
	page, err := p.policyPage(v, p.Frame(v, "policies"), policy, form)
	if err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "policy", page.Frame, page)
}

// policyPage returns the page of a policy, with the texts and the profile that
// a person gets.
func (p *Pages) policyPage(v *panel.Visit, f panel.Frame, policy settings.Policy, form web.Form) (policyPage, error) {
	page := policyPage{Frame: f, Form: form, ID: policy.ID, Name: policy.Name, Standard: policy.ID == settings.StandardPolicy,
		Domains: policy.Domains, Rows: policyRows(policy.Passcode)}
	order, err := sample(policy, f.Language.Tag)
	if err != nil {
		return page, err
	}
	xml, err := p.Issuer.Build(order)
	if err != nil {
		return page, err
	}
	page.XML = string(xml)
	page.Consent = strings.Split(p.Issuer.Consent(order), "\n\n")
	return page, nil
}

// sample returns an order for a fictitious person, to show a policy.
func sample(policy settings.Policy, locale string) (issue.Order, error) {
	address, err := profile.ParseAddress("jane@example.com")
	return issue.Order{
		Service: settings.MailService{
			Incoming: profile.Server{Host: "imap.example.com", Port: 993},
			Outgoing: profile.Server{Host: "smtp.example.com", Port: 465},
		},
		Person:   issue.Person{Address: address, Name: "Jane", Locale: locale},
		Platform: profile.IPhone,
		Variant:  settings.Secure,
		Policy:   policy.Passcode,
	}, err
}

// usualPolicy is the initial content of the form of a new policy. Devices are
// erased only if the member chooses so.
func usualPolicy() settings.Policy {
	policy := settings.Policy{Passcode: profile.DefaultPasscode()}
	policy.Passcode.MaxFailedAttempts = 0
	return policy
}

// policyRows returns the rules of a policy as rows of a table.
func policyRows(c profile.Passcode) []setting {
	rows := []setting{
		{"min_length", strconv.Itoa(c.MinLength), true, true},
		{"simple", "", true, true},
		{"auto_lock", strconv.Itoa(minutes(c.AutoLock)), true, true},
		{"grace", strconv.Itoa(minutes(c.Grace)), true, true},
	}
	add := func(name string, value int, iphone, mac bool) {
		if value != 0 {
			rows = append(rows, setting{name, strconv.Itoa(value), iphone, mac})
		}
	}
	if c.Alphanumeric {
		rows = append(rows, setting{"alphanumeric", "", true, true})
	}
	add("min_complex", c.MinComplex, true, true)
	add("max_age", c.MaxAgeDays, true, true)
	add("history", c.History, true, true)
	add("max_failed_attempts", c.MaxFailedAttempts, true, true)
	if c.MaxFailedAttempts != 0 {
		add("reset_after", minutes(c.ResetAfter), false, true)
	}
	return rows
}

// policyForm returns the policy as its form shows it.
func policyForm(policy settings.Policy) web.Form {
	c := policy.Passcode
	form := web.Form{
		"name":        policy.Name,
		"min_length":  strconv.Itoa(c.MinLength),
		"min_complex": strconv.Itoa(c.MinComplex),
		"auto_lock":   strconv.Itoa(minutes(c.AutoLock)),
		"grace":       strconv.Itoa(minutes(c.Grace)),
		"max_age":     strconv.Itoa(c.MaxAgeDays),
		"history":     strconv.Itoa(c.History),
	}
	if c.Alphanumeric {
		form["alphanumeric"] = "yes"
	}
	standard := profile.DefaultPasscode()
	form["max_failed_attempts"], form["reset_after"] = strconv.Itoa(standard.MaxFailedAttempts), strconv.Itoa(minutes(standard.ResetAfter))
	if policy.Wipes() {
		form["wipe"], form["max_failed_attempts"] = "yes", strconv.Itoa(c.MaxFailedAttempts)
		form["reset_after"] = strconv.Itoa(minutes(c.ResetAfter))
	}
	return form
}

// policySpec reads the form of a policy. An invalid number becomes one that
// the rules of its field refuse.
func policySpec(form web.Form) settings.PolicySpec {
	number := func(name string) int {
		text := strings.TrimSpace(form[name])
		if text == "" {
			return 0
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return -1
		}
		return n
	}
	spec := settings.PolicySpec{
		Name:            form["name"],
		MinLength:       number("min_length"),
		AutoLockMinutes: number("auto_lock"),
		GraceMinutes:    number("grace"),
		MinComplex:      number("min_complex"),
		MaxAgeDays:      number("max_age"),
		History:         number("history"),
		Alphanumeric:    form["alphanumeric"] == "yes",
	}
	if form["wipe"] == "yes" {
		spec.MaxFailedAttempts, spec.ResetMinutes = number("max_failed_attempts"), number("reset_after")
	}
	return spec
}

func (p *Pages) createPolicy(v *panel.Visit) error {
	form := v.Form
	policy, err := p.Policies.Create(v.Ctx(), v.By(), v.Account(), policySpec(form))
	if err != nil {
		return p.policyAgain(v, err, usualPolicy(), form)
	}
	return p.To(v, panel.Path("policies", policy.ID), "policy.created")
}

func (p *Pages) updatePolicy(v *panel.Visit) error {
	form := v.Form
	policy, err := p.Policies.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	if _, err := p.Policies.Update(v.Ctx(), v.By(), v.Account(), policy.ID, policySpec(form)); err != nil {
		return p.policyAgain(v, err, policy, form)
	}
	return p.To(v, panel.Path("policies", policy.ID), "policy.saved")
}

// formNames are the form's names of fields that the settings name differently.
var formNames = map[string]string{"auto_lock_minutes": "auto_lock", "grace_minutes": "grace", "reset_minutes": "reset_after", "max_age_days": "max_age"}

func (p *Pages) policyAgain(v *panel.Visit, err error, policy settings.Policy, form web.Form) error {
	page, failed := p.policyPage(v, p.Frame(v, "policies"), policy, form)
	if failed != nil {
		return failed
	}
	for _, f := range fault.All(err) {
		if name, ok := formNames[f.Field]; ok {
			f.Field = name
		}
	}
	return p.Again(v, err, "policy", "policies", func(f panel.Frame) any {
		page.Frame = f
		return page
	})
}

func (p *Pages) askDeletePolicy(v *panel.Visit) error {
	policy, err := p.Policies.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.Ask(v, "policies", "policy", map[string]any{"Policy": policy.Name}, panel.Path("policies", policy.ID))
}

func (p *Pages) deletePolicy(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+"/policies", "policy.deleted", func() error {
		return p.Policies.Delete(v.Ctx(), v.By(), v.Account(), v.Param("id"), nil)
	})
}
