package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/redirect"
)

// A RedirectKey is a public key as the API shows it.
type RedirectKey struct {
	ID         string        `json:"id" doc:"The kid of what the key signs." example:"rdk_k3v7q2m4x5r6t7ab"`
	Issuer     string        `json:"issuer" doc:"The iss of what the key signs." example:"acc_default"`
	Audience   string        `json:"audience" doc:"The aud of what the key signs." example:"https://setup.example.com"`
	Algorithm  string        `json:"algorithm" enum:"EdDSA,ES256" doc:"The alg of what the key signs; for EdDSA, Ed25519 is taken too."`
	Name       string        `json:"name" doc:"Which program signs." example:"Customer portal"`
	PublicKey  string        `json:"public_key" doc:"The key as PEM." example:"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAQ8enBb+ZNG0DqTsEqXEUgxrbiPB14feWgHhRD5qU4zQ=\n-----END PUBLIC KEY-----\n"`
	Domains    []string      `json:"domains" doc:"Domains that it may sign for; none: all." example:"[\"example.com\"]"`
	CreatedAt  field.Moment  `json:"created_at" doc:"When it was registered."`
	ExpiresAt  *field.Moment `json:"expires_at,omitempty" doc:"When it ends; absent: never."`
	LastUsedAt *field.Moment `json:"last_used_at,omitempty" doc:"To the minute. The ETag doesn't depend on it."`
}

// lasting is the key without its last use.
func (k RedirectKey) lasting() any {
	k.LastUsedAt = nil
	return k
}

func (a *API) redirectKeyOf(k redirect.Key) RedirectKey {
	return RedirectKey{
		ID: k.ID, Issuer: k.Account, Audience: a.BaseURL.String(), Algorithm: k.Algorithm(), Name: k.Name, PublicKey: k.PEM(),
		Domains: append([]string{}, k.Domains...), CreatedAt: field.At(k.Created), ExpiresAt: field.AtOrNil(k.Expires), LastUsedAt: field.AtOrNil(k.LastUsed),
	}
}

func (a *API) redirectKeys(h huma.API) {
	register(a, h, operation("list-redirect-keys", http.MethodGet, "/redirect-keys", account.KeysRead, "List the public keys with which panels sign redirects"), a.listRedirectKeys)
	create := creating("create-redirect-key", "/redirect-keys", account.KeysWrite, "Register a public key")
	create.Description += " What the key signs makes links, so `" + string(account.LinksWrite) + "` is needed too."
	register(a, h, create, a.createRedirectKey)
	register(a, h, operation("get-redirect-key", http.MethodGet, "/redirect-keys/{id}", account.KeysRead, "Show a public key"), a.getRedirectKey)
	update := operation("update-redirect-key", http.MethodPut, "/redirect-keys/{id}", account.KeysWrite, "Replace the name and the domains of a public key")
	patch := operation("patch-redirect-key", http.MethodPatch, "/redirect-keys/{id}", account.KeysWrite, "Change the name or the domains of a public key")
	for _, op := range []*huma.Operation{&update, &patch} {
		op.Description += " It needs `" + string(account.LinksWrite) + "` too."
	}
	openapi.Takes[RedirectKeySettings, RedirectKey](h, &update, &patch)
	register(a, h, update, a.updateRedirectKey)
	register(a, h, patch, a.patchRedirectKey)
	register(a, h, operation("delete-redirect-key", http.MethodDelete, "/redirect-keys/{id}", account.KeysWrite, "Delete a public key: what it signs is refused at once"), a.deleteRedirectKey)
}

// A RedirectKeyList is a page of public keys.
type RedirectKeyList struct {
	Keys []RedirectKey `json:"redirect_keys" doc:"The newest first."`
	Page
}

func (a *API) listRedirectKeys(ctx context.Context, c call, in *ListQuery) (*answer[RedirectKeyList], error) {
	all, err := a.Redirects.List(ctx, c.key.Account)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(k redirect.Key) bool { return c.permitDomains(k.Domains) != nil })
	all, next, err := page(*in, all, func(k redirect.Key) place { return newest(k.Created, k.ID) })
	if err != nil {
		return nil, err
	}
	out := &answer[RedirectKeyList]{RedirectKeyList{[]RedirectKey{}, next}}
	for _, k := range all {
		out.Body.Keys = append(out.Body.Keys, a.redirectKeyOf(k))
	}
	return out, nil
}

// permitDomains refuses domains that the key may not act for; none are all.
func (c call) permitDomains(domains []string) error {
	if len(domains) == 0 {
		return c.permitAll()
	}
	for _, name := range domains {
		if err := c.key.PermitDomain(name); err != nil {
			return err
		}
	}
	return nil
}

// A RedirectKeySettings is what can be changed of a public key.
type RedirectKeySettings struct {
	Name    string   `json:"name" minLength:"1" maxLength:"100" doc:"Which program signs." example:"Customer portal"`
	Domains []string `json:"domains,omitempty" maxItems:"100" doc:"Domains that it may sign for; none: all." example:"[\"example.com\"]"`
}

// A NewRedirectKey is what a public key is registered with.
type NewRedirectKey struct {
	RedirectKeySettings
	PublicKey string `json:"public_key" minLength:"1" maxLength:"4096" doc:"The public key as PEM: Ed25519 or ECDSA P-256." example:"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAQ8enBb+ZNG0DqTsEqXEUgxrbiPB14feWgHhRD5qU4zQ=\n-----END PUBLIC KEY-----\n"`
	ExpiresIn int64  `json:"expires_in,omitempty" minimum:"0" maximum:"315360000" doc:"Life in seconds; 0: for ever." example:"31536000"`
}

type createRedirectKey struct{ Body NewRedirectKey }

func (in *createRedirectKey) spec() redirect.Spec {
	return redirect.Spec{
		Name: in.Body.Name, PEM: in.Body.PublicKey, Domains: in.Body.Domains, Life: time.Duration(in.Body.ExpiresIn) * time.Second,
	}
}

func (in *createRedirectKey) check(context.Context, *API, call) error { return in.spec().Check() }

func (a *API) redirectKeyBody(k redirect.Key, err error) (*resource[RedirectKey], error) {
	if err != nil {
		return nil, err
	}
	return resourceOf(a.redirectKeyOf(k)), nil
}

// createRedirectKey registers a key that can do no more than the one that asks.
func (a *API) createRedirectKey(ctx context.Context, c call, in *createRedirectKey) (*resource[RedirectKey], error) {
	spec := in.spec()
	if err := a.permitRedirectKey(c, spec.Domains); err != nil {
		return nil, err
	}
	if ends := c.key.Expires; !ends.IsZero() && (spec.Life == 0 || a.Now().Add(spec.Life).After(ends)) {
		return nil, fault.On("expires_in", fault.Forbidden, "A new key can't expire later than this key.")
	}
	return a.redirectKeyBody(a.Redirects.Create(ctx, c.by, c.key.Account, spec))
}

// permitRedirectKey refuses a public key that could make links which the key
// that asks could not.
func (a *API) permitRedirectKey(c call, domains []string) error {
	if err := c.key.Permit(account.LinksWrite); err != nil {
		return err
	}
	if len(c.key.Networks) > 0 {
		return fault.New(fault.Forbidden, "What a public key signs comes from anywhere, and this key from some networks alone. Register it in the control panel.")
	}
	return c.permitDomains(domains)
}

// A RedirectKeyPath names a public key.
type RedirectKeyPath struct {
	ID string `path:"id" maxLength:"40" doc:"The public key's ID." example:"rdk_k3v7q2m4x5r6t7ab"`
}

// permittedRedirectKey returns a public key that the key may act for. Another
// one is not found: its id tells nothing of it.
func (a *API) permittedRedirectKey(ctx context.Context, c call, id string) (redirect.Key, error) {
	k, err := a.Redirects.Get(ctx, c.key.Account, id)
	if err == nil && c.permitDomains(k.Domains) != nil {
		err = fault.New(fault.NotFound, "There is no such public key.")
	}
	return k, err
}

func (a *API) getRedirectKey(ctx context.Context, c call, in *RedirectKeyPath) (*resource[RedirectKey], error) {
	return a.redirectKeyBody(a.permittedRedirectKey(ctx, c, in.ID))
}

type updateRedirectKey struct {
	RedirectKeyPath
	Body RedirectKeySettings
}

func (s RedirectKeySettings) spec() redirect.Spec {
	return redirect.Spec{Name: s.Name, Domains: s.Domains}
}

func (a *API) updateRedirectKey(ctx context.Context, c call, in *updateRedirectKey) (*resource[RedirectKey], error) {
	return a.changeRedirectKey(ctx, c, in.ID, func(RedirectKeySettings) (RedirectKeySettings, error) { return in.Body, nil })
}

type patchRedirectKey struct {
	RedirectKeyPath
	Body mergePatch `contentType:"application/merge-patch+json"`
}

func (a *API) patchRedirectKey(ctx context.Context, c call, in *patchRedirectKey) (*resource[RedirectKey], error) {
	return a.changeRedirectKey(ctx, c, in.ID, func(s RedirectKeySettings) (RedirectKeySettings, error) { return patched(s, in.Body) })
}

// changeRedirectKey changes the settings, from those that the public key has
// now.
func (a *API) changeRedirectKey(ctx context.Context, c call, id string, change func(RedirectKeySettings) (RedirectKeySettings, error)) (*resource[RedirectKey], error) {
	k, err := a.permittedRedirectKey(ctx, c, id)
	if err != nil {
		return nil, err
	}
	return a.redirectKeyBody(a.Redirects.Change(ctx, c.by, c.key.Account, k.ID, func(k redirect.Key) (redirect.Spec, error) {
		if err := c.matches(a.redirectKeyOf(k)); err != nil {
			return redirect.Spec{}, err
		}
		s, err := change(RedirectKeySettings{k.Name, k.Domains})
		if err == nil {
			err = errors.Join(c.permitDomains(k.Domains), a.permitRedirectKey(c, s.Domains))
		}
		return s.spec(), err
	}))
}

func (a *API) deleteRedirectKey(ctx context.Context, c call, in *RedirectKeyPath) (*noBody, error) {
	k, err := a.permittedRedirectKey(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, a.Redirects.Delete(ctx, c.by, c.key.Account, k.ID, func(k redirect.Key) error {
		return errors.Join(c.permitDomains(k.Domains), c.matches(a.redirectKeyOf(k)))
	})
}
