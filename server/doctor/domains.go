package doctor

import (
	"context"

	"github.com/updatecase/mobileconfig/server/autoconfig"
	"github.com/updatecase/mobileconfig/server/dial"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/settings"
)

// mostDomains limits how many domains are checked: those of the accounts in
// turn, as they are listed.
const mostDomains = 50

// domains checks the mail servers and the DNS records of the domains.
func (v *visit) domains(ctx context.Context) {
	if v.store == nil {
		return
	}
	var all []settings.Domain
	for _, id := range v.accounts(ctx) {
		some, err := v.store.Domains(ctx, id)
		if err != nil {
			return
		}
		all = append(all, some...)
	}
	if len(all) == 0 {
		v.add(NoDomain, "", "")
	}
	dialer := dial.New(dial.Config{Allow: v.Server.AllowNetworks, Resolver: v.Server.HostResolver})
	prober := probe.New(dialer, v.Roots, v.Now)
	for _, d := range all[:min(len(all), mostDomains)] {
		for _, target := range probe.Targets(d.Service.Incoming, d.Service.Outgoing, d.Service.Calendars, d.Service.Contacts) {
			r := prober.Check(ctx, target.Kind, target.Server)
			if s := r.State.Severity(); s != probe.Fine {
				v.add(MailServer, d.Name, "%s %s: %s. %s", r.Kind, r.Server, r.State, r.State.Detail())
				v.found[len(v.found)-1].Severity = severityOf(s)
			}
		}
		v.records(ctx, d)
	}
}

func severityOf(s probe.Severity) Severity {
	if s == probe.Error {
		return Error
	}
	return Warning
}

// records checks the DNS records of a domain. All missing ones are one finding:
// they are helpful, but not required.
func (v *visit) records(ctx context.Context, d settings.Domain) {
	if v.base == nil {
		return
	}
	records := autoconfig.Records(d, v.base)
	for i, state := range autoconfig.Check(ctx, v.Resolver, records) {
		if state == autoconfig.Other {
			v.add(DNSRecord, d.Name, "The DNS record for %s isn't %s.", records[i].Name, records[i])
		}
	}
}

// upkeep checks the daily work.
func (v *visit) upkeep(ctx context.Context) {
	if v.store == nil {
		return
	}
	if n, err := v.store.FailedLogs(ctx); err == nil && n > 0 {
		v.add(LogDamaged, "", "The daily check of %d action logs failed.", n)
	}
	at, err := v.store.LastBackup(ctx)
	switch {
	case err != nil:
	case at.IsZero():
		v.add(BackupNone, "", "")
	case notify.OldBackup(at, v.Now()):
		v.add(BackupOld, "", "The last backup is from %s.", at.UTC().Format("2006-01-02 at 15:04 MST"))
	}
}
