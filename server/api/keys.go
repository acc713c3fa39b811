package api

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/fault"
)

// A Key is a key as the API shows it, without its secret.
type Key struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Scopes    []string   `json:"scopes"`
	Domains   []string   `json:"domains" doc:"Domains that it may act for; none: all."`
	Networks  []string   `json:"networks" doc:"Networks that it may come from; none: all."`
	Test      bool       `json:"test" doc:"It is for trying things out: profiles and pages that it makes are marked as tests, and work like others."`
	Created   time.Time  `json:"created"`
	CreatedBy Creator    `json:"created_by" doc:"Who created it."`
	Expires   *time.Time `json:"expires,omitempty"`
	Revoked   *time.Time `json:"revoked,omitempty"`
	LastUsed  *time.Time `json:"last_used,omitempty" doc:"To the minute."`
}

// A Creator is who created a key.
type Creator struct {
	Kind string `json:"kind" enum:"member,key,operator,system" doc:"A member in the control panel, a key, the operator on the command line, or the program itself."`
	ID   string `json:"id,omitempty" doc:"Of the member or key. Absent if your key may not see it."`
	Name string `json:"name,omitempty" doc:"Absent if the member was removed, or if your key may not see it."`
}

func keyOf(k account.Key) Key {
	out := Key{
		ID: k.ID, Name: k.Name, Scopes: []string{}, Domains: append([]string{}, k.Domains...), Networks: []string{}, Test: k.Test,
		Created: k.Created, CreatedBy: Creator{string(k.CreatedBy.Kind), k.CreatedBy.ID, k.CreatedBy.Name}, Expires: optional(k.Expires), Revoked: optional(k.Revoked), LastUsed: optional(k.LastUsed),
	}
	for _, s := range k.Scopes {
		out.Scopes = append(out.Scopes, string(s))
	}
	for _, n := range k.Networks {
		out.Networks = append(out.Networks, n.String())
	}
	return out
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a *API) keys(h huma.API) {
	register(a, h, operation("list-keys", http.MethodGet, "/keys", account.KeysRead, "List the keys"), a.listKeys)
	create := forTests(operation("create-key", http.MethodPost, "/keys", account.KeysWrite, "Create a key that may do no more than this one"))
	create.DefaultStatus = http.StatusCreated
	register(a, h, create, a.createKey)
	register(a, h, forTests(operation("revoke-key", http.MethodPost, "/keys/{id}/revoke", account.KeysWrite, "Revoke a key at once")), a.revokeKey)
}

type keyList struct {
	Body struct {
		Keys []Key `json:"keys"`
	}
}

func (a *API) listKeys(ctx context.Context, c call, _ *struct{}) (*keyList, error) {
	all, err := a.Keys.ListSeen(ctx, c.key)
	if err != nil {
		return nil, err
	}
	out := &keyList{}
	out.Body.Keys = []Key{}
	for _, k := range all {
		out.Body.Keys = append(out.Body.Keys, keyOf(k))
	}
	return out, nil
}

type createKey struct {
	Body struct {
		Name      string   `json:"name" minLength:"1" maxLength:"100" doc:"Which program will have the key."`
		Scopes    []string `json:"scopes" minItems:"1" maxItems:"20" doc:"What it may do: some of the scopes of this key." example:"[\"domains:read\",\"profiles:write\"]"`
		Domains   []string `json:"domains,omitempty" maxItems:"100" doc:"Domains that it may act for; none: all, which only a key for all may give."`
		Networks  []string `json:"networks,omitempty" maxItems:"20" doc:"Networks that it may come from, such as 192.0.2.0/24."`
		ExpiresIn int64    `json:"expires_in,omitempty" minimum:"0" maximum:"315360000" doc:"Life in seconds; 0: for ever."`
		Test      bool     `json:"test,omitempty" doc:"Make a key for trying things out. A test key makes test keys alone."`
	}
}

type createdKey struct {
	Body struct {
		Key
		Secret string `json:"key" doc:"The key itself. It is shown this once."`
	}
}

func (a *API) createKey(ctx context.Context, c call, in *createKey) (*createdKey, error) {
	spec := account.KeySpec{
		Account: c.key.Account,
		Name:    in.Body.Name,
		Scopes:  in.Body.Scopes,
		Domains: in.Body.Domains,
		Life:    time.Duration(in.Body.ExpiresIn) * time.Second,
		Test:    in.Body.Test,
	}
	for _, text := range in.Body.Networks {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fault.On("networks", fault.Invalid, "Write networks such as 192.0.2.0/24.")
		}
		spec.Networks = append(spec.Networks, network)
	}
	k, secret, err := a.Keys.CreateBelow(ctx, c.key, c.by, spec)
	if err != nil {
		return nil, err
	}
	out := &createdKey{}
	out.Body.Key, out.Body.Secret = keyOf(k), secret
	return out, nil
}

type keyPath struct {
	ID string `path:"id" maxLength:"40"`
}

func (a *API) revokeKey(ctx context.Context, c call, in *keyPath) (*noBody, error) {
	return nil, a.Keys.RevokeBelow(ctx, c.key, c.by, in.ID)
}
