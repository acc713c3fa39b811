package mail

import (
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/autoconfig"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// How often the DNS is asked for the records of one domain.
const (
	limitDNS  = 3
	dnsWindow = 30 * time.Second
)

// checkDNS asks the DNS for the records that a domain is to have.
func (p *Pages) checkDNS(v *panel.Visit) error {
	d, err := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if err != nil {
		return err
	}
	if err := p.DNSLimiter.Use(d.Name).Exceeded(); err != nil {
		return p.domainAgain(v, err, d, domainForm(d))
	}
	records := autoconfig.Records(d, p.BaseURL)
	states := autoconfig.Check(v.Ctx(), p.DNS, records)
	return p.ShowOnce(v, panel.Path("domains", d.Name), answers{DNS: states})
}

// setRecords shows the records, with their states if they were asked for.
func (page *domainPage) setRecords(records []autoconfig.Record, states []autoconfig.State) {
	page.Records = nil
	lines := make([]string, len(records))
	for i, r := range records {
		row := record{Name: r.Name, Type: r.Type, Value: r.Value}
		if states != nil {
			row.State = string(states[i])
		}
		page.Records = append(page.Records, row)
		lines[i] = r.String()
	}
	page.Zone = strings.Join(lines, "\n")
}

// NewDNSLimiter returns the limit on how often a domain's DNS is asked.
func NewDNSLimiter(now func() time.Time) *web.Limiter {
	return web.NewLimiter("dns", limitDNS, dnsWindow, now)
}
