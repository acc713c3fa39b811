package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/probe"
)

// A Checker checks whether the mail servers of a domain offer the TLS that profiles
// need. *probe.Checker is one.
type Checker interface {
	Check(ctx context.Context, domain string, targets []probe.Target) ([]probe.Result, error)
}

// Nothing is an object without fields.
type Nothing struct{}

// A checkRequest has no fields: the domain's own servers are checked.
type checkRequest struct {
	DomainPath
	Body *Nothing
}

// A DomainCheck is the result of a check.
type DomainCheck struct {
	Servers []CheckedServer `json:"servers"`
}

// A CheckedServer is the result for one server.
type CheckedServer struct {
	Protocol   string            `json:"protocol" enum:"imap,smtp,caldav,carddav"`
	Host       string            `json:"host" example:"imap.example.com"`
	Port       int               `json:"port" minimum:"1" maximum:"65535" example:"993"`
	Encryption string            `json:"encryption" enum:"SSL/TLS,STARTTLS"`
	State      field.ServerState `json:"state" doc:"See the codes for mail servers in docs/codes.md." example:"good"`
	Severity   probe.Severity    `json:"severity" enum:"good,warning,error"`
	Detail     string            `json:"detail" doc:"What was found and how to fix it." example:"The server offers the TLS that profiles need."`
	ExpiresAt  *field.Moment     `json:"certificate_expires_at,omitempty" doc:"When the certificate expires. Absent if there was none."`
}

// check adds the check of a domain's servers.
func (a *API) check(h huma.API) {
	op := forTests(operation("check-domain", http.MethodPost, "/domains/{id}/check", account.DomainsRead, "Check a domain's mail servers"))
	register(a, h, op, a.checkDomain)
}

func (a *API) checkDomain(ctx context.Context, c call, in *checkRequest) (*answer[DomainCheck], error) {
	d, err := a.permitted(ctx, c, in.Name)
	if err != nil {
		return nil, err
	}
	results, err := a.Checker.Check(ctx, d.Name, probe.Targets(d.Service.Incoming, d.Service.Outgoing, d.Service.Calendars, d.Service.Contacts))
	if err != nil {
		return nil, err
	}
	out := &answer[DomainCheck]{DomainCheck{[]CheckedServer{}}}
	for _, r := range results {
		out.Body.Servers = append(out.Body.Servers, checkedOf(r))
	}
	return out, nil
}

func checkedOf(r probe.Result) CheckedServer {
	s := CheckedServer{
		Protocol:   string(r.Kind),
		Host:       r.Server.Host,
		Port:       r.Server.Port,
		Encryption: r.Server.Encryption(),
		State:      field.ServerState(r.State),
		Severity:   r.State.Severity(),
		Detail:     r.State.Detail(),
	}
	s.ExpiresAt = field.AtOrNil(r.NotAfter)
	return s
}
