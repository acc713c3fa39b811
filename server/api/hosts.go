package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
)

// An ApprovedHost is a server that domains may use.
type ApprovedHost struct {
	Host      string `json:"host" doc:"A host, or \"*.\" and the domain that hosts are below." example:"*.example.com"`
	CreatedAt moment `json:"created_at"`
}

// An ApprovedHostList is all servers that domains may use.
type ApprovedHostList struct {
	Hosts []ApprovedHost `json:"approved_hosts" doc:"By their names."`
}

// hosts adds what may be read of approved hosts. Owners change them, in the
// control panel.
func (a *API) hosts(h huma.API) {
	op := operation("list-approved-hosts", http.MethodGet, "/approved-hosts", account.DomainsRead, "List the servers that domains may use")
	op.Description += " A key can give a domain only servers of this list, or those that the domain has already; another one is refused as host_unapproved. Owners of the account approve servers in the control panel."
	register(a, h, op, a.listApprovedHosts)
}

func (a *API) listApprovedHosts(ctx context.Context, c call, _ *struct{}) (*answer[ApprovedHostList], error) {
	all, err := a.Hosts.List(ctx, c.key.Account)
	if err != nil {
		return nil, err
	}
	out := &answer[ApprovedHostList]{ApprovedHostList{make([]ApprovedHost, 0, len(all))}}
	for _, host := range all {
		out.Body.Hosts = append(out.Body.Hosts, ApprovedHost{host.Pattern, moment{host.Created}})
	}
	return out, nil
}
