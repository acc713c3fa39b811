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

// How often the DNS records of one domain can be checked.
const (
	limitDNS  = 3
	dnsWindow = 30 * time.Second
)

// NewDNSLimiter returns the limiter of DNS checks by domain.
func NewDNSLimiter(now func() time.Time) *web.Limiter {
	return web.NewLimiter("dns", limitDNS, dnsWindow, now)
}

// targets returns the servers of a domain.
func targets(d settings.Domain) []probe.Target {
	return probe.Targets(d.Service.Incoming, d.Service.Outgoing, d.Service.Calendars, d.Service.Contacts)
}

// checkDomain checks whether the domain's servers offer TLS as devices
// require.
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

// checkServers checks the servers and stores the results.
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

// checkDNS looks up the DNS records that a domain should have.
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

// setChecks shows the servers, each with the result of its latest check.
// Results for servers that the domain no longer has are ignored.
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

// setRecords shows the records, each with the result of its latest check, if
// the record hasn't changed since.
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
