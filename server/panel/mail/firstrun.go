package mail

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// setupPath is the page with the commands for steps that the panel can't
// perform.
const setupPath = "/setup"

// checkedDomains is how many domains are searched for one whose servers were
// checked.
const checkedDomains = 20

// An Installation reports what has been done for the whole installation.
type Installation interface {
	// LastBackup returns when the last backup was written, or the zero time.
	LastBackup(ctx context.Context) (time.Time, error)
}

// firstRun returns the steps to the first device, and the steps before
// inviting others. The first group is empty once a device has downloaded its
// profile and everything before that is done.
func (p *Pages) firstRun(v *panel.Visit, page *overviewPage) (checklist, error) {
	var list checklist
	add := func(to *[]setupStep, s setupStep) {
		s.Number = list.Total + 1
		list.Total++
		if s.Done {
			list.Done++
		}
		*to = append(*to, s)
	}
	id := page.Identity
	if page.Operate {
		add(&list.First, setupStep{ID: "certificate", Done: id.Fault == "" && !id.Development, Path: panel.Prefix + setupPath + "#certificate"})
	}
	domain := setupStep{ID: "domain", Done: page.Domains > 0, Path: panel.Prefix + "/domains/new"}
	if domain.Done {
		domain.Detail = idn.Show(page.List[0].Name)
	} else if waiting, err := p.Domains.Pending(v.Ctx(), v.Account()); err != nil {
		return list, err
	} else if len(waiting) > 0 {
		domain.Path = panel.Path("domains", waiting[0].Name)
	}
	add(&list.First, domain)
	checked, err := p.checkedStep(v)
	if err != nil {
		return list, err
	}
	add(&list.First, checked)
	if err := p.linkSteps(v, page, &list, add); err != nil {
		return list, err
	}
	if page.Manage {
		owners, err := p.owners(v)
		if err != nil {
			return list, err
		}
		add(&list.Then, setupStep{ID: "owner", Done: owners > 1, Path: panel.Prefix + "/members/invite"})
	}
	if page.Operate {
		last, err := p.Installation.LastBackup(v.Ctx())
		if err != nil {
			return list, err
		}
		if notify.OldBackup(last, p.Now()) {
			list.BackupDays = int(p.Now().Sub(last) / (24 * time.Hour))
		}
		add(&list.Then, setupStep{ID: "relay", Done: p.SendsMail, Path: panel.Prefix + setupPath + "#relay"})
		add(&list.Then, setupStep{ID: "backup", Done: !last.IsZero(), Path: panel.Prefix + setupPath + "#backup"})
	}
	list.mark()
	return list, nil
}

// mark marks the next step.
func (l *checklist) mark() {
	for i := range l.First {
		if !l.First[i].Done {
			l.First[i].Next = true
			return
		}
	}
}

// ready reports whether everything for a first device is done, ignoring a test
// certificate: a separate warning covers that.
func (l checklist) ready() bool {
	for _, s := range l.First {
		if !s.Done && s.ID != "certificate" {
			return false
		}
	}
	return true
}

// checkedStep is done once the servers of a domain have passed their checks.
func (p *Pages) checkedStep(v *panel.Visit) (setupStep, error) {
	step := setupStep{ID: "servers"}
	domains, err := p.Domains.List(v.Ctx(), v.Account())
	if err != nil {
		return step, err
	}
	for _, d := range domains[:min(len(domains), checkedDomains)] {
		checks, err := p.Checks.Checks(v.Ctx(), d.ID)
		if err != nil {
			return step, err
		}
		if current(d, checks.Servers) && !failing(checks.Servers) {
			step.Done, step.Detail = true, idn.Show(d.Name)
			return step, nil
		}
		if step.Path == "" {
			step.Path = panel.Path("domains", d.Name) + "#servers"
		}
	}
	return step, nil
}

// current reports whether the checks cover all servers that the domain has
// now.
func current(d settings.Domain, checks []settings.ServerCheck) bool {
	checked := map[string]bool{}
	for _, c := range checks {
		checked[c.Kind+" "+c.Server] = true
	}
	for _, t := range targets(d) {
		if !checked[string(t.Kind)+" "+t.Server.String()] {
			return false
		}
	}
	return true
}

// failing reports whether devices can't use one of the servers.
func failing(checks []settings.ServerCheck) bool {
	for _, c := range checks {
		if probe.State(c.State).Severity() == probe.Error {
			return true
		}
	}
	return false
}

// linkSteps are about the first link, which is shown while nobody has opened
// it.
func (p *Pages) linkSteps(v *panel.Visit, page *overviewPage, list *checklist, add func(*[]setupStep, setupStep)) error {
	run, err := p.History.FirstRun(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	link := setupStep{ID: "link", Done: run.Created}
	if page.Domains > 0 {
		link.Path = panel.Prefix + panel.LinksPath + "/new?address=" + url.QueryEscape(p.ownAddress(v, page.List))
	}
	add(&list.First, link)
	add(&list.First, setupStep{ID: "opened", Done: run.Opened, Path: panel.Prefix + panel.LinksPath})
	add(&list.First, setupStep{ID: "downloaded", Done: run.Downloaded})
	if !run.Created || run.Opened || !page.Write {
		return nil
	}
	found, err := p.Links.List(v.Ctx(), setup.Filter{Account: v.Account(), States: []setup.State{setup.Waiting}, Limit: 1})
	if err != nil || len(found.Links) == 0 {
		return err
	}
	list.URL = p.BaseURL.String() + p.Links.Path(found.Links[0])
	list.Link = panel.Path("links", found.Links[0].ID)
	list.QR, err = web.NewQR(list.URL)
	return err
}

// ownAddress returns the member's address if it is in one of the domains.
func (p *Pages) ownAddress(v *panel.Visit, domains []domainRow) string {
	_, host, _ := strings.Cut(v.In.Member.Email, "@")
	if slices.ContainsFunc(domains, func(d domainRow) bool { return d.Name == host }) {
		return v.In.Member.Email
	}
	return ""
}

func (p *Pages) owners(v *panel.Visit) (int, error) {
	members, err := p.Members.List(v.Ctx(), v.Account())
	n := 0
	for _, m := range members {
		if m.Role == account.Owner {
			n++
		}
	}
	return n, err
}

// setup shows the commands for what an operator does outside of the panel.
func (p *Pages) setup(v *panel.Visit) error {
	f := p.Frame(v, "overview")
	return p.Render(v, http.StatusOK, "setup", f, setupPage{
		Frame:       f,
		Host:        p.BaseURL.Hostname(),
		Certificate: "mobileconfig serve … --base-url " + p.BaseURL.String() + " --signing-cert fullchain.pem --signing-key privkey.pem",
		Relay:       "mobileconfig serve … --mail-server mail.example.com --mail-from setup@example.com --mail-user setup --mail-password-file FILE",
		Backup:      "mobileconfig backup --data DIR -o backup.tar",
	})
}
