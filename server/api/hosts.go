package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/settings"
)

// An ApprovedHost is a server that domains can use.
type ApprovedHost struct {
	Host      string       `json:"host" doc:"A host, or \"*.\" and a parent domain." example:"*.example.com"`
	CreatedAt field.Moment `json:"created_at"`
}

// An ApprovedHostList is a page of approved servers.
type ApprovedHostList struct {
	Hosts []ApprovedHost `json:"approved_hosts" doc:"By name."`
	Page
}

// hosts adds the operation that reads approved hosts. Owners change them in the
// control panel.
func (a *API) hosts(h huma.API) {
	op := operation("list-approved-hosts", http.MethodGet, "/approved-hosts", account.DomainsRead, "List approved servers")
	op.Description += " A key can only set servers from this list, or ones that the domain already has. Others are refused as host_unapproved. Owners of the account approve servers in the control panel."
	register(a, h, op, a.listApprovedHosts)
}

func (a *API) listApprovedHosts(ctx context.Context, c call, in *ListQuery) (*answer[ApprovedHostList], error) {
	all, err := a.Hosts.List(ctx, c.key.Account)
	if err != nil {
		return nil, err
	}
	all, next, err := page(*in, all, func(h settings.ApprovedHost) place { return place{text: h.Pattern} })
	if err != nil {
		return nil, err
	}
	out := &answer[ApprovedHostList]{ApprovedHostList{make([]ApprovedHost, 0, len(all)), next}}
	for _, host := range all {
		out.Body.Hosts = append(out.Body.Hosts, ApprovedHost{host.Pattern, field.At(host.Created)})
	}
	return out, nil
}
