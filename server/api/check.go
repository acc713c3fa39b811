package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/probe"
)

// A Checker says whether the mail servers of a domain offer TLS as a profile
// needs it. *probe.Checker is one.
type Checker interface {
	Check(ctx context.Context, domain string, targets []probe.Target) ([]probe.Result, error)
}

// A checkRequest takes nothing: what is checked are the domain's own servers.
type checkRequest struct {
	DomainPath
	Body *struct{}
}

type checkBody struct {
	Body struct {
		Servers []checkedServer `json:"servers"`
	}
}

// A checkedServer is what a check found of one server.
type checkedServer struct {
	Protocol   string         `json:"protocol" enum:"imap,smtp,caldav,carddav"`
	Host       string         `json:"host"`
	Port       int            `json:"port"`
	Encryption string         `json:"encryption" enum:"SSL/TLS,STARTTLS"`
	State      probe.State    `json:"state" doc:"One of the codes of mail servers in docs/codes.md." example:"good"`
	Severity   probe.Severity `json:"severity" enum:"good,warning,error"`
	Detail     string         `json:"detail" doc:"What is so, and the way out."`
	NotAfter   *time.Time     `json:"certificate_not_after,omitempty" doc:"When the certificate expires, if there was one."`
}

// check adds the check of a domain's servers.
func (a *API) check(h huma.API) {
	op := operation("check-domain", http.MethodPost, "/domains/{domain}/check", account.DomainsRead, "Check whether the mail servers offer TLS")
	op.Errors = append(op.Errors, http.StatusNotFound, http.StatusTooManyRequests)
	register(a, h, op, a.checkDomain)
}

func (a *API) checkDomain(ctx context.Context, c call, in *checkRequest) (*checkBody, error) {
	d, err := a.permitted(ctx, c, in.Domain)
	if err != nil {
		return nil, err
	}
	results, err := a.Checker.Check(ctx, d.Name, probe.Targets(d.Service.Incoming, d.Service.Outgoing, d.Service.Calendars, d.Service.Contacts))
	if err != nil {
		return nil, err
	}
	out := &checkBody{}
	for _, r := range results {
		out.Body.Servers = append(out.Body.Servers, checkedOf(r))
	}
	return out, nil
}

func checkedOf(r probe.Result) checkedServer {
	s := checkedServer{
		Protocol:   string(r.Kind),
		Host:       r.Server.Host,
		Port:       r.Server.Port,
		Encryption: r.Server.Encryption(),
		State:      r.State,
		Severity:   r.State.Severity(),
		Detail:     r.State.Detail(),
	}
	if !r.NotAfter.IsZero() {
		s.NotAfter = &r.NotAfter
	}
	return s
}
