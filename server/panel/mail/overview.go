package mail

import (
	"net/http"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/settings"
)

const (
	plotDays     = 14
	shownDomains = 5
	shownActions = 6
	// fewCodes is when a member is told to create new recovery codes.
	fewCodes = 3
	// expiresSoon is how many days before its expiry the signing certificate
	// needs attention.
	expiresSoon = 30
)

// plotStart returns the first day of the plot, in UTC.
func (p *Pages) plotStart() time.Time {
	return p.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-plotDays)
}

// overview shows what needs attention and the current state.
func (p *Pages) overview(v *panel.Visit) error {
	rows, err := p.domainRows(v, settings.Pair{})
	if err != nil {
		return err
	}
	page := overviewPage{Frame: p.Frame(v, "overview"), Domains: len(rows), List: rows[:min(len(rows), shownDomains)], Identity: p.identity()}
	if err := p.plot(v, &page); err != nil {
		return err
	}
	if page.Recent, err = p.recent(v, changes, ""); err != nil {
		return err
	}
	list, err := p.firstRun(v, &page)
	if err != nil {
		return err
	}
	if page.Write && !list.ready() {
		page.Setup = &list
	}
	page.Todos = p.todos(v, page, list)
	return p.Render(v, http.StatusOK, "overview", page.Frame, page)
}

// plot counts the links and their downloads of each day.
func (p *Pages) plot(v *panel.Visit, page *overviewPage) error {
	start := p.plotStart()
	usage, err := p.History.Usage(v.Ctx(), v.Account(), start)
	page.Days = make([]day, plotDays)
	for i := range page.Days {
		page.Days[i].Day = start.AddDate(0, 0, i)
	}
	for _, u := range usage {
		page.Links += u.Links
		page.Downloads += u.Downloads
		if i := int(u.Day.Sub(start) / (24 * time.Hour)); i >= 0 && i < plotDays {
			page.Days[i].Links += u.Links
			page.Days[i].Downloads += u.Downloads
		}
	}
	return err
}

// changes are the actions that the overview shows: changes to the
// configuration.
var changes = []audit.Name{
	audit.DomainCreate, audit.DomainUpdate, audit.DomainDelete, audit.DomainRequest,
	audit.PolicyCreate, audit.PolicyUpdate, audit.PolicyDelete,
	audit.KeyCreate, audit.KeyRevoke,
	audit.RedirectKeyCreate, audit.RedirectKeyUpdate, audit.RedirectKeyDelete,
	audit.AccountCreate, audit.AccountUpdate, audit.AccountSuspend, audit.AccountResume,
	audit.InvitationCreate, audit.InvitationRevoke,
	audit.MemberJoin, audit.MemberUpdate, audit.MemberRemove, audit.MemberPassword,
	audit.TOTPAdd, audit.TOTPRemove, audit.PasskeyAdd, audit.PasskeyRemove, audit.RecoveryCreate, audit.FactorReset,
}

// recent returns the latest actions with one of the names, on the target if it
// isn't empty.
func (p *Pages) recent(v *panel.Visit, names []audit.Name, target string) ([]actionRow, error) {
	records, err := p.History.Recent(v.Ctx(), v.Account(), names, target, shownActions)
	if err != nil {
		return nil, err
	}
	var rows []actionRow
	for _, r := range records {
		a := r.View()
		if a.Actor == nil {
			continue // the page of the log shows it, and the check of the log reports it
		}
		rows = append(rows, actionRow{
			Name:    string(a.Action),
			Target:  a.Target.Name,
			Who:     a.Actor.Name,
			Kind:    a.Actor.Kind,
			Refused: a.Outcome == audit.Refused,
			At:      a.Time,
		})
	}
	return rows, nil
}

// identity returns the current signing identity.
func (p *Pages) identity() identity {
	id := p.Identity()
	out := identity{
		Subject:     id.Name,
		Issuer:      id.Issuer(),
		NotAfter:    id.NotAfter,
		DaysLeft:    int(id.NotAfter.Sub(p.Now()) / (24 * time.Hour)),
		Development: id.Development,
	}
	if id.Fault != nil {
		out.Fault = id.Fault.Error()
	}
	return out
}

// todos returns what needs attention, most urgent first. While the checklist
// is shown, they leave out what it covers.
func (p *Pages) todos(v *panel.Visit, page overviewPage, steps checklist) []todo {
	var list []todo
	add := func(when bool, t todo) {
		if when {
			list = append(list, t)
		}
	}
	id, m := page.Identity, v.In.Member
	days := map[string]any{"Days": id.DaysLeft}
	certificate := "" // whose page is for operators
	if page.Operate {
		certificate = panel.Prefix + "/certificate"
	}
	add(id.Fault != "", todo{ID: "identity_bad", Values: map[string]any{"Fault": id.Fault}, Urgent: true, Path: certificate})
	add(id.Fault == "" && id.DaysLeft <= expiresSoon && !id.Development, todo{ID: "identity_expires", Values: days, Urgent: id.DaysLeft <= 7, Path: certificate})
	add(!m.HasFactor(), todo{ID: "one_factor", Path: panel.Prefix + panel.EnrollPath, Urgent: true})
	add(m.HasFactor() && m.CodesCreated.IsZero(), todo{ID: "no_recovery", Path: panel.Prefix + panel.OwnPath + "/recovery"})
	add(!m.CodesCreated.IsZero() && m.CodesLeft <= fewCodes, todo{ID: "few_recovery", Values: map[string]any{"Left": m.CodesLeft}, Path: panel.Prefix + panel.OwnPath + "/recovery"})
	development := todo{ID: "identity_development", Path: certificate}
	add(steps.BackupDays > 0, todo{ID: "old_backup", Values: map[string]any{"Days": steps.BackupDays}})
	add(id.Development && (page.Setup == nil || !page.Operate), development)
	if page.Setup != nil {
		return list
	}
	names := map[string]string{"owner": "one_owner", "relay": "no_relay", "backup": "no_backup"}
	for _, s := range steps.Then {
		add(!s.Done, todo{ID: names[s.ID], Path: s.Path})
	}
	return list
}
