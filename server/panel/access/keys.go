package access

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// keys lists the keys.
func (p *Pages) keys(v *panel.Visit) error {
	all, err := p.Keys.List(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	page := keysPage{Frame: p.Frame(v, "keys")}
	var shown []account.Key
	page.Paging, shown = panel.PageOf(v, all, func(k account.Key) []string {
		return append([]string{k.Name, k.ID, k.CreatedBy.Name}, k.Domains...)
	}, nil, keyOrders...)
	for _, k := range shown {
		page.Rows = append(page.Rows, keyRowOf(k, p.Now()))
	}
	if page.Redirects, err = p.redirectRows(v); err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "keys", page.Frame, page)
}

var keyOrders = []panel.Order[account.Key]{
	{By: "name", Compare: func(a, b account.Key) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) }},
	{By: "expires", Compare: func(a, b account.Key) int { return panel.Ends(a.Expires, b.Expires) }},
}

func keyRowOf(k account.Key, now time.Time) panel.KeyRow {
	row := panel.KeyRow{ID: k.ID, Name: k.Name, Domains: k.Domains, Created: k.Created, Expires: k.Expires, LastUsed: k.LastUsed, State: "live", Test: k.Test,
		CreatedBy: k.CreatedBy.Name, CreatedByKind: string(k.CreatedBy.Kind)}
	if k.LastNetwork.IsValid() {
		row.LastNetwork = k.LastNetwork.String()
	}
	for _, s := range k.Scopes {
		row.Scopes = append(row.Scopes, string(s))
	}
	for _, n := range k.Networks {
		row.Networks = append(row.Networks, n.String())
	}
	switch {
	case !k.Revoked.IsZero():
		row.State = "revoked"
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		row.State = "expired"
	default:
		row.Soon, row.Unused = endsSoon(k.Created, k.Expires, now), k.Unused(now)
	}
	return row
}

// endsSoon reports whether to warn that a key expires: in its last month, or
// in the last half of a shorter lifetime.
func endsSoon(created, expires, now time.Time) bool {
	return !expires.IsZero() && expires.Sub(now) <= min(account.NoticeAhead, expires.Sub(created)/2)
}

func presetNames() []string {
	var names []string
	for _, p := range account.Presets() {
		names = append(names, string(p))
	}
	return names
}

func scopeNames() []string {
	var names []string
	for _, s := range account.Scopes() {
		names = append(names, string(s))
	}
	return names
}

// keyLives are the lifetimes that can be chosen, in days; 0 means forever.
var keyLives = []int{30, 90, 365, 0}

// newKey shows the form of a key, or the key that has just been created.
func (p *Pages) newKey(v *panel.Visit) error {
	var made shownKey
	there, shown := p.Shown(v, &made)
	if shown {
		return p.To(v, panel.Prefix+"/keys", "shown")
	}
	page, err := p.newKeyPage(v, p.Frame(v, "keys"), web.Form{"expires": "365"})
	if err != nil {
		return err
	}
	if there {
		page.Form["name"], page.Key = made.Name, made.Key
	}
	return p.Render(v, http.StatusOK, "key-new", page.Frame, page)
}

// A shownKey is a new key, shown once.
type shownKey struct{ Name, Key string }

func (p *Pages) newKeyPage(v *panel.Visit, f panel.Frame, form web.Form) (newKeyPage, error) {
	domains, err := p.Domains.List(v.Ctx(), v.Account())
	page := newKeyPage{Frame: f, Form: form, Scopes: scopeNames(), Presets: presetNames()}
	for _, d := range domains {
		page.Domains = append(page.Domains, d.Name)
	}
	return page, err
}

// createKey creates a key, which the next page shows once.
func (p *Pages) createKey(v *panel.Visit) error {
	form := v.Form
	page, err := p.newKeyPage(v, p.Frame(v, "keys"), form)
	if err != nil {
		return err
	}
	made := shownKey{Name: form["name"]}
	spec, err := p.keySpec(v, form)
	if err == nil {
		_, made.Key, err = p.Keys.Create(v.Ctx(), v.By(), spec)
	}
	if err != nil {
		return p.Again(v, err, "key-new", "keys", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	return p.ShowOnce(v, panel.Prefix+"/keys/new", made)
}

// keySpec reads the form of a key.
func (p *Pages) keySpec(v *panel.Visit, form web.Form) (account.KeySpec, error) {
	spec := account.KeySpec{Account: v.Account(), Name: form["name"], Domains: panel.Words(form["domains"]), Test: form["test"] == "yes"}
	for _, name := range scopeNames() {
		if form[name] == "yes" {
			spec.Scopes = append(spec.Scopes, name)
		}
	}
	for _, name := range spec.Domains {
		host, err := profile.ParseHost(name)
		if err == nil {
			_, err = p.Domains.Get(v.Ctx(), v.Account(), host)
		}
		if err != nil {
			return spec, fault.On("domains", fault.Invalid, "Enter domains of this account, for example example.com, or leave this empty for all.")
		}
	}
	for _, text := range panel.Words(form["networks"]) {
		network, err := account.ParseNetwork(text)
		if err != nil {
			return spec, fault.On("networks", fault.Invalid, "Enter networks, for example 192.0.2.0/24 or 2001:db8::/48, or leave this empty for any.")
		}
		spec.Networks = append(spec.Networks, network)
	}
	var err error
	if spec.Scopes, err = account.WithPreset(spec.Scopes, account.Preset(form["preset"])); err != nil {
		return spec, err
	}
	spec.Life, err = keyLife(form)
	return spec, err
}

// keyLife reads the lifetime of a key; 0 means forever.
func keyLife(form web.Form) (time.Duration, error) {
	days, err := strconv.Atoi(form["expires"])
	if err != nil && form["expires"] != "" || !slices.Contains(keyLives, days) {
		return 0, fault.On("expires", fault.Invalid, "Choose one of the times.")
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

func keyPath(id string) string { return panel.Path("keys", id) }

// overlaps are how many hours a key can keep working beside the one that
// replaces it.
var overlaps = []string{"1", "24", "168", "720"}

// key shows a key, and once the new key if it has just replaced another one.
func (p *Pages) key(v *panel.Visit) error {
	k, err := p.Keys.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	var made shownKey
	if _, shown := p.Shown(v, &made); shown {
		return p.To(v, keyPath(k.ID), "shown")
	}
	page := p.keyPage(p.Frame(v, "keys"), k, web.Form{"name": k.Name, "overlap": "24"})
	page.Key = made.Key
	return p.Render(v, http.StatusOK, "key", page.Frame, page)
}

func (p *Pages) keyPage(f panel.Frame, k account.Key, form web.Form) keyPage {
	return keyPage{Frame: f, Form: form, Row: keyRowOf(k, p.Now()), Overlaps: overlaps}
}

// keyAgain shows the page of a key with the problems of one of its forms.
func (p *Pages) keyAgain(v *panel.Visit, err error) error {
	k, failed := p.Keys.Get(v.Ctx(), v.Account(), v.Param("id"))
	if failed != nil {
		return failed
	}
	form := web.Form{"name": k.Name, "overlap": "24"}
	maps.Copy(form, v.Form)
	return p.Again(v, err, "key", "keys", func(f panel.Frame) any { return p.keyPage(f, k, form) })
}

func (p *Pages) renameKey(v *panel.Visit) error {
	_, err := p.Keys.Change(v.Ctx(), v.By(), v.Account(), v.Param("id"), func(k account.Key) (account.KeySettings, error) {
		return account.KeySettings{Name: v.Form["name"], Expires: k.Expires}, nil
	})
	if err != nil {
		return p.keyAgain(v, err)
	}
	return p.To(v, keyPath(v.Param("id")), "key.saved")
}

// rotateKey replaces a key with one that the next page shows once.
func (p *Pages) rotateKey(v *panel.Visit) error {
	hours, err := strconv.Atoi(v.Form["overlap"])
	if err != nil || !slices.Contains(overlaps, v.Form["overlap"]) {
		return p.keyAgain(v, fault.On("overlap", fault.Invalid, "Choose one of the times."))
	}
	k, secret, err := p.Keys.Rotate(v.Ctx(), v.By(), v.Account(), v.Param("id"), time.Duration(hours)*time.Hour)
	if err != nil {
		return p.keyAgain(v, err)
	}
	return p.ShowOnce(v, keyPath(k.ID), shownKey{k.Name, secret})
}

func (p *Pages) askRevokeKey(v *panel.Visit) error {
	k, err := p.Keys.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err == nil && !k.Revoked.IsZero() {
		err = fault.New(fault.NotFound, "There is no such key.")
	}
	if err != nil {
		return err
	}
	return p.Ask(v, "keys", "key", map[string]any{"Key": k.Name}, keyPath(k.ID))
}

func (p *Pages) revokeKey(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+"/keys", "key.revoked", func() error {
		return p.Keys.Revoke(v.Ctx(), v.By(), v.Account(), v.Param("id"))
	})
}
