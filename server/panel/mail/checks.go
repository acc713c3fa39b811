package mail

import (
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/autoconfig"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/web"
)

// How often the DNS is asked for the records of one domain.
const (
	limitDNS  = 3
	dnsWindow = 30 * time.Second
)

// NewDNSLimiter returns the limit on how often a domain's DNS is asked.
func NewDNSLimiter(now func() time.Time) *web.Limiter {
	return web.NewLimiter("dns", limitDNS, dnsWindow, now)
}

// targets are the servers of a domain.
func targets(d settings.Domain) []probe.Target {
	return probe.Targets(d.Service.Incoming, d.Service.Outgoing, d.Service.Calendars, d.Service.Contacts)
}

// checkDomain asks the domain's servers whether they offer TLS as a device
// needs it.
func (p *Pages) checkDomain(v *panel.Visit) error {
	d, err := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	if err := p.checkServers(v, d); err != nil {
		return p.domainAgain(v, err, d)
	}
	return p.To(v, panel.Path("domains", d.Name), "domain.checked")
}

// checkServers checks the servers and keeps what they said.
func (p *Pages) checkServers(v *panel.Visit, d settings.Domain) error {
	results, err := p.Checker.Check(v.Ctx(), d.Name, targets(d))
	if err != nil {
		return err
	}
	var checks []settings.ServerCheck
	for _, r := range results {
		checks = append(checks, settings.ServerCheck{Kind: string(r.Kind), Server: r.Server.String(), State: string(r.State), NotAfter: r.NotAfter})
	}
	return p.Checks.KeepServerChecks(v.Ctx(), d.ID, p.Now(), checks)
}

// checkDNS asks the DNS for the records that a domain is to have.
func (p *Pages) checkDNS(v *panel.Visit) error {
	d, err := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	if err := p.DNSLimiter.Use(d.Name).Exceeded(); err != nil {
		return p.domainAgain(v, err, d)
	}
	records := autoconfig.Records(d, p.BaseURL)
	var checks []settings.RecordCheck
	for i, state := range autoconfig.Check(v.Ctx(), p.DNS, records) {
		checks = append(checks, settings.RecordCheck{Name: records[i].Name, Type: records[i].Type, Value: records[i].Value, State: string(state)})
	}
	if err := p.Checks.KeepRecordChecks(v.Ctx(), d.ID, p.Now(), checks); err != nil {
		return err
	}
	return p.To(v, panel.Path("domains", d.Name), "domain.records")
}

// setChecks shows the servers, each with what its latest check found. What was
// said about a server that the domain no longer has doesn't count.
func (page *domainPage) setChecks(d settings.Domain, checks settings.Checks) {
	for _, t := range targets(d) {
		row := check{Protocol: string(t.Kind), Server: t.Server.Host, Port: t.Server.Port, Encryption: t.Server.Encryption()}
		for _, c := range checks.Servers {
			if c.Kind == row.Protocol && c.Server == t.Server.String() {
				state := probe.State(c.State)
				row.Severity, row.State, row.Text, row.NotAfter = string(state.Severity()), c.State, state.Detail(), c.NotAfter
				page.CheckedAt = checks.ServersAt
			}
		}
		page.Checks = append(page.Checks, row)
	}
}

// setRecords shows the records, each with how it stood when the DNS was last
// asked for it as it is now.
func (page *domainPage) setRecords(records []autoconfig.Record, checks settings.Checks) {
	lines := make([]string, len(records))
	for i, r := range records {
		row := record{Name: r.Name, Type: r.Type, Value: r.Value}
		for _, c := range checks.Records {
			if c.Name == r.Name && c.Type == r.Type && c.Value == r.Value {
				row.State, page.RecordsAt = c.State, checks.RecordsAt
			}
		}
		if row.State == string(autoconfig.Found) {
			page.FoundRecords++
		}
		page.Records = append(page.Records, row)
		lines[i] = r.String()
	}
	page.Zone = strings.Join(lines, "\n")
}
