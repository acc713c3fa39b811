package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/fault"
)

// KeySettings are the settings of a key that can be changed.
type KeySettings struct {
	Name      string        `json:"name" minLength:"1" maxLength:"100" doc:"The program that uses the key." example:"Customer portal"`
	ExpiresAt *field.Moment `json:"expires_at,omitempty" doc:"When it expires. Absent if never."`
}

// A Key is a key in the API, without its secret.
type Key struct {
	ID              string        `json:"id" example:"key_k3v7q2m4x5r6t7ab"`
	Name            string        `json:"name" example:"Customer portal"`
	Scopes          []field.Scope `json:"scopes"`
	Domains         []string      `json:"domains" doc:"Domains it can access. Empty means all." example:"[\"example.com\"]"`
	Networks        []string      `json:"networks" doc:"Networks it can be used from. Empty means all." example:"[\"192.0.2.0/24\"]"`
	Test            bool          `json:"test" doc:"A test key: its profiles and pages are marked as tests. A test profile doesn't replace the real profile of the mailbox." example:"false"`
	CreatedAt       field.Moment  `json:"created_at"`
	CreatedBy       Creator       `json:"created_by" doc:"Who created it."`
	ExpiresAt       *field.Moment `json:"expires_at,omitempty" doc:"When it expires. Absent if never."`
	RevokedAt       *field.Moment `json:"revoked_at,omitempty"`
	LastUsedAt      *field.Moment `json:"last_used_at,omitempty" doc:"To the minute. The ETag doesn't depend on it."`
	LastUsedNetwork string        `json:"last_used_network,omitempty" doc:"Network of that use: /24 for IPv4, /48 for IPv6." example:"192.0.2.0/24"`
}

// lasting is the key without its last use.
func (k Key) lasting() any {
	k.LastUsedAt, k.LastUsedNetwork = nil, ""
	return k
}

// A Creator is the creator of a key.
type Creator struct {
	Kind string `json:"kind" enum:"member,key,operator,system" doc:"A member in the control panel, a key, the operator on the command line, or the program itself." example:"key"`
	ID   string `json:"id,omitempty" doc:"ID of the member or key. Absent if your key can't see it." example:"key_r6t7abk3v7q2m4x5"`
	Name string `json:"name,omitempty" doc:"Absent if the member was removed or your key can't see it." example:"panel"`
}

func keyOf(k account.Key) Key {
	out := Key{
		ID: k.ID, Name: k.Name, Scopes: field.Words[field.Scope](k.Scopes), Domains: append([]string{}, k.Domains...), Networks: []string{}, Test: k.Test,
		CreatedAt: field.At(k.Created), CreatedBy: Creator{string(k.CreatedBy.Kind), k.CreatedBy.ID, k.CreatedBy.Name},
		ExpiresAt: field.AtOrNil(k.Expires), RevokedAt: field.AtOrNil(k.Revoked), LastUsedAt: field.AtOrNil(k.LastUsed),
	}
	if k.LastNetwork.IsValid() {
		out.LastUsedNetwork = k.LastNetwork.String()
	}
	for _, n := range k.Networks {
		out.Networks = append(out.Networks, n.String())
	}
	return out
}

func (a *API) keys(h huma.API) {
	register(a, h, operation("list-keys", http.MethodGet, "/keys", account.KeysRead, "List API keys"), a.listKeys)
	register(a, h, forTests(creating("create-key", "/keys", account.KeysWrite, "Create an API key")), a.createKey)
	current := operation("get-current-key", http.MethodGet, "/keys/current", "", "Show your own API key")
	current.Description = "Needs no scope."
	register(a, h, current, a.getCurrentKey)
	register(a, h, operation("get-key", http.MethodGet, "/keys/{id}", account.KeysRead, "Show an API key"), a.getKey)
	patch := operation("patch-key", http.MethodPatch, "/keys/{id}", account.KeysWrite, "Update an API key")
	openapi.Takes[KeySettings, Key](h, nil, &patch)
	register(a, h, patch, a.patchKey)
	register(a, h, creating("rotate-key", "/keys/{id}/rotate", account.KeysWrite, "Replace an API key"), a.rotateKey)
	register(a, h, forTests(operation("revoke-key", http.MethodPost, "/keys/{id}/revoke", account.KeysWrite, "Revoke an API key")), a.revokeKey)
}

// A KeyList is a page of keys.
type KeyList struct {
	Keys []Key `json:"keys" doc:"Newest first."`
	Page
}

// A keysQuery selects the keys to list.
type keysQuery struct {
	CreatedBy string `query:"created_by" maxLength:"30" doc:"Keys created by this member or key." example:"key_r6t7abk3v7q2m4x5"`
	ListQuery
}

func (a *API) listKeys(ctx context.Context, c call, in *keysQuery) (*answer[KeyList], error) {
	all, err := a.Keys.ListSeen(ctx, c.key)
	if err != nil {
		return nil, err
	}
	if in.CreatedBy != "" {
		all = slices.DeleteFunc(all, func(k account.Key) bool { return k.CreatedBy.ID != in.CreatedBy })
	}
	all, next, err := page(in.ListQuery, all, func(k account.Key) place { return newest(k.Created, k.ID) })
	if err != nil {
		return nil, err
	}
	out := &answer[KeyList]{KeyList{[]Key{}, next}}
	for _, k := range all {
		out.Body.Keys = append(out.Body.Keys, keyOf(k))
	}
	return out, nil
}

// A NewKey is the input to create a key.
type NewKey struct {
	Name      string        `json:"name" minLength:"1" maxLength:"100" doc:"The program that will use the key." example:"Customer portal"`
	Scopes    []field.Scope `json:"scopes,omitempty" maxItems:"20" doc:"Permissions. Your own key must have each of them." example:"[\"domains:read\",\"profiles:write\"]"`
	Preset    field.Preset  `json:"preset,omitempty" doc:"The scopes for a common purpose, instead of or in addition to scopes."`
	Domains   []string      `json:"domains,omitempty" maxItems:"100" doc:"Domains it can access. Empty means all, which only a key for all domains can grant." example:"[\"example.com\"]"`
	Networks  []string      `json:"networks,omitempty" maxItems:"20" doc:"Networks it can be used from." example:"[\"192.0.2.0/24\"]"`
	ExpiresIn int64         `json:"expires_in,omitempty" minimum:"0" maximum:"315360000" doc:"Lifetime in seconds. 0 means it never expires." example:"31536000"`
	Test      bool          `json:"test,omitempty" doc:"Create a test key. A test key can only create test keys." example:"false"`
}

type createKey struct{ Body NewKey }

// A CreatedKey is a new key with its secret.
type CreatedKey struct {
	Key
	Secret string `json:"key" doc:"The key itself. It's only shown once." example:"mck_k3v7q2m4x5r6t7ab…"`
}

// spec returns the spec of the key.
func (k NewKey) spec(owner string) (account.KeySpec, error) {
	scopes, err := account.WithPreset(field.Words[string](k.Scopes), account.Preset(k.Preset))
	if err != nil {
		return account.KeySpec{}, err
	}
	spec := account.KeySpec{
		Account: owner, Name: k.Name, Scopes: scopes, Domains: k.Domains,
		Life: time.Duration(k.ExpiresIn) * time.Second, Test: k.Test,
	}
	for _, text := range k.Networks {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return spec, fault.On("networks", fault.Invalid, "Enter networks, for example 192.0.2.0/24.")
		}
		spec.Networks = append(spec.Networks, network)
	}
	return spec, nil
}

func (in *createKey) check(_ context.Context, a *API, c call) error {
	spec, err := in.Body.spec(c.key.Account)
	return errors.Join(err, a.Keys.Check(spec))
}

func (a *API) createKey(ctx context.Context, c call, in *createKey) (*resource[CreatedKey], error) {
	spec, err := in.Body.spec(c.key.Account)
	if err != nil {
		return nil, errors.Join(err, a.Keys.Check(spec))
	}
	k, secret, err := a.Keys.CreateByKey(ctx, c.key, c.by, spec)
	if err != nil {
		return nil, err
	}
	return &resource[CreatedKey]{etagOf(keyOf(k)), CreatedKey{keyOf(k), secret}}, nil
}

// A KeyPath identifies a key.
type KeyPath struct {
	ID string `path:"id" maxLength:"40" doc:"The key's ID." example:"key_k3v7q2m4x5r6t7ab"`
}

func (a *API) getCurrentKey(ctx context.Context, c call, _ *struct{}) (*resource[Key], error) {
	k, err := a.Keys.Seen(ctx, c.key, c.key.ID)
	return resourceOf(keyOf(k)), err
}

// A KeyRotation has the options to replace a key.
type KeyRotation struct {
	Overlap int64 `json:"overlap,omitempty" minimum:"60" maximum:"2592000" default:"86400" doc:"How long the old key keeps working, in seconds." example:"86400"`
}

type rotateKey struct {
	KeyPath
	Body *KeyRotation
}

// rotateKey responds with the new key. The old one shows its expiry.
func (a *API) rotateKey(ctx context.Context, c call, in *rotateKey) (*resource[CreatedKey], error) {
	var overlap time.Duration
	if in.Body != nil {
		overlap = time.Duration(in.Body.Overlap) * time.Second
	}
	k, secret, err := a.Keys.RotateByKey(ctx, c.key, c.by, in.ID, overlap)
	if err != nil {
		return nil, err
	}
	return &resource[CreatedKey]{etagOf(keyOf(k)), CreatedKey{keyOf(k), secret}}, nil
}

func (a *API) getKey(ctx context.Context, c call, in *KeyPath) (*resource[Key], error) {
	k, err := a.Keys.Seen(ctx, c.key, in.ID)
	return resourceOf(keyOf(k)), err
}

type patchKey struct {
	KeyPath
	Body mergePatch `contentType:"application/merge-patch+json"`
}

// settingsOf returns the key's settings after the patch.
func (in *patchKey) settingsOf(k account.Key) (account.KeySettings, error) {
	s, err := patched(KeySettings{k.Name, field.AtOrNil(k.Expires)}, in.Body)
	out := account.KeySettings{Name: s.Name}
	if s.ExpiresAt != nil {
		out.Expires = s.ExpiresAt.Time
	}
	return out, err
}

func (a *API) patchKey(ctx context.Context, c call, in *patchKey) (*resource[Key], error) {
	k, err := a.Keys.ChangeByKey(ctx, c.key, c.by, in.ID, func(k account.Key) (account.KeySettings, error) {
		if err := c.matches(keyOf(k)); err != nil {
			return account.KeySettings{}, err
		}
		return in.settingsOf(k)
	})
	return resourceOf(keyOf(k)), err
}

func (a *API) revokeKey(ctx context.Context, c call, in *KeyPath) (*resource[Key], error) {
	if err := a.Keys.RevokeByKey(ctx, c.key, c.by, in.ID); err != nil {
		return nil, err
	}
	return a.getKey(ctx, c, in)
}
