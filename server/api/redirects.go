package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/redirect"
)

// A RedirectKey is a public key as the API shows it.
type RedirectKey struct {
	ID        string     `json:"id" doc:"The kid of what the key signs."`
	Issuer    string     `json:"issuer" doc:"The iss of what the key signs."`
	Audience  string     `json:"audience" doc:"The aud of what the key signs."`
	Algorithm string     `json:"algorithm" enum:"EdDSA,ES256" doc:"The alg of what the key signs."`
	Name      string     `json:"name" doc:"Which program signs."`
	PublicKey string     `json:"public_key" doc:"The key as PEM."`
	Domains   []string   `json:"domains" doc:"Domains that it may sign for; none: all."`
	Created   time.Time  `json:"created" doc:"When it was registered."`
	Expires   *time.Time `json:"expires,omitempty" doc:"When it ends; absent: never."`
	LastUsed  *time.Time `json:"last_used,omitempty" doc:"To the minute."`
}

func (a *API) redirectKeyOf(k redirect.Key) RedirectKey {
	return RedirectKey{
		ID: k.ID, Issuer: k.Account, Audience: a.BaseURL.String(), Algorithm: k.Algorithm(), Name: k.Name, PublicKey: k.PEM(),
		Domains: append([]string{}, k.Domains...), Created: k.Created, Expires: optional(k.Expires), LastUsed: optional(k.LastUsed),
	}
}

func (a *API) redirectKeys(h huma.API) {
	register(a, h, operation("list-redirect-keys", http.MethodGet, "/redirect-keys", account.KeysRead, "List the public keys with which panels sign redirects"), a.listRedirectKeys)
	create := operation("create-redirect-key", http.MethodPost, "/redirect-keys", account.KeysWrite, "Register a public key")
	create.Description += " What the key signs makes links, so `" + string(account.LinksWrite) + "` is needed too."
	create.DefaultStatus = http.StatusCreated
	register(a, h, create, a.createRedirectKey)
	register(a, h, operation("get-redirect-key", http.MethodGet, "/redirect-keys/{id}", account.KeysRead, "Show a public key"), a.getRedirectKey)
	replace := operation("replace-redirect-key", http.MethodPut, "/redirect-keys/{id}", account.KeysWrite, "Change the name and the domains of a public key")
	replace.Description += " It needs `" + string(account.LinksWrite) + "` too."
	register(a, h, replace, a.replaceRedirectKey)
	register(a, h, operation("delete-redirect-key", http.MethodDelete, "/redirect-keys/{id}", account.KeysWrite, "Delete a public key: what it signs is refused at once"), a.deleteRedirectKey)
}

type redirectKeyList struct {
	Body struct {
		Keys []RedirectKey `json:"redirect_keys" doc:"The newest first."`
	}
}

func (a *API) listRedirectKeys(ctx context.Context, c call, _ *struct{}) (*redirectKeyList, error) {
	all, err := a.Redirects.List(ctx, c.key.Account)
	if err != nil {
		return nil, err
	}
	out := &redirectKeyList{}
	out.Body.Keys = []RedirectKey{}
	for _, k := range all {
		if c.permitDomains(k.Domains) == nil {
			out.Body.Keys = append(out.Body.Keys, a.redirectKeyOf(k))
		}
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
	Domains []string `json:"domains,omitempty" maxItems:"100" doc:"Domains that it may sign for; none: all."`
}

type createRedirectKey struct {
	Body struct {
		RedirectKeySettings
		PublicKey string `json:"public_key" minLength:"1" maxLength:"4096" doc:"The public key as PEM: Ed25519 or ECDSA P-256."`
		ExpiresIn int64  `json:"expires_in,omitempty" minimum:"0" maximum:"315360000" doc:"Life in seconds; 0: for ever."`
	}
}

type redirectKeyBody struct{ Body RedirectKey }

func (a *API) redirectKeyBody(k redirect.Key, err error) (*redirectKeyBody, error) {
	if err != nil {
		return nil, err
	}
	return &redirectKeyBody{a.redirectKeyOf(k)}, nil
}

// createRedirectKey registers a key that can do no more than the one that asks.
func (a *API) createRedirectKey(ctx context.Context, c call, in *createRedirectKey) (*redirectKeyBody, error) {
	life := time.Duration(in.Body.ExpiresIn) * time.Second
	if err := a.permitRedirectKey(c, in.Body.Domains); err != nil {
		return nil, err
	}
	if ends := c.key.Expires; !ends.IsZero() && (life == 0 || a.Now().Add(life).After(ends)) {
		return nil, fault.On("expires_in", fault.Forbidden, "A new key may live no longer than this key.")
	}
	return a.redirectKeyBody(a.Redirects.Create(ctx, c.by, c.key.Account, redirect.Spec{
		Name: in.Body.Name, PEM: in.Body.PublicKey, Domains: in.Body.Domains, Life: life,
	}))
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

// A RedirectKeyPath names a public key. It is exported for huma, which reads no
// field that an input embeds otherwise.
type RedirectKeyPath struct {
	ID string `path:"id" maxLength:"40"`
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

func (a *API) getRedirectKey(ctx context.Context, c call, in *RedirectKeyPath) (*redirectKeyBody, error) {
	return a.redirectKeyBody(a.permittedRedirectKey(ctx, c, in.ID))
}

type replaceRedirectKey struct {
	RedirectKeyPath
	Body RedirectKeySettings
}

func (a *API) replaceRedirectKey(ctx context.Context, c call, in *replaceRedirectKey) (*redirectKeyBody, error) {
	k, err := a.permittedRedirectKey(ctx, c, in.ID)
	if err == nil {
		err = a.permitRedirectKey(c, in.Body.Domains)
	}
	if err != nil {
		return nil, err
	}
	return a.redirectKeyBody(a.Redirects.Update(ctx, c.by, c.key.Account, k.ID, redirect.Spec{Name: in.Body.Name, Domains: in.Body.Domains}))
}

func (a *API) deleteRedirectKey(ctx context.Context, c call, in *RedirectKeyPath) (*noBody, error) {
	k, err := a.permittedRedirectKey(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, a.Redirects.Delete(ctx, c.by, c.key.Account, k.ID)
}
