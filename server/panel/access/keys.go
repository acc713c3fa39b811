package access

import (
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
		return append([]string{k.Name, k.ID}, k.Domains...)
	}, keyOrders...)
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
	{By: "used", Compare: func(a, b account.Key) int { return a.LastUsed.Compare(b.LastUsed) }},
	{By: "expires", Compare: func(a, b account.Key) int { return panel.Ends(a.Expires, b.Expires) }},
}

func keyRowOf(k account.Key, now time.Time) panel.KeyRow {
	row := panel.KeyRow{ID: k.ID, Name: k.Name, Domains: k.Domains, Created: k.Created, Expires: k.Expires, LastUsed: k.LastUsed, State: "live", Test: k.Test,
		CreatedBy: k.CreatedBy.Name, CreatedByKind: string(k.CreatedBy.Kind)}
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
		row.Soon = endsSoon(k.Created, k.Expires, now)
	}
	return row
}

// endsSoon reports whether people are warned that a key ends: when its last
// month begins, or the last half of a shorter life.
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

// keyLives are for how many days a key may be made; 0 is for ever.
var keyLives = []int{30, 90, 365, 0}

// newKey shows the form of a key, or the key that has just been made.
func (p *Pages) newKey(v *panel.Visit) error {
	var made madeKey
	there, shown := p.Shown(v, &made)
	if shown {
		return p.To(v, panel.Prefix+"/keys", "shown")
	}
	page, err := p.keyPage(v, p.Frame(v, "keys"), web.Form{"expires": "365"})
	if err != nil {
		return err
	}
	if there {
		page.Form["name"], page.Key = made.Name, made.Key
	}
	return p.Render(v, http.StatusOK, "key", page.Frame, page)
}

// A madeKey is a key as it is shown, once.
type madeKey struct{ Name, Key string }

func (p *Pages) keyPage(v *panel.Visit, f panel.Frame, form web.Form) (keyPage, error) {
	domains, err := p.Domains.List(v.Ctx(), v.Account())
	page := keyPage{Frame: f, Form: form, Scopes: scopeNames(), Presets: presetNames()}
	for _, d := range domains {
		page.Domains = append(page.Domains, d.Name)
	}
	return page, err
}

// createKey makes a key, which the next page shows, once.
func (p *Pages) createKey(v *panel.Visit) error {
	form := v.Form
	page, err := p.keyPage(v, p.Frame(v, "keys"), form)
	if err != nil {
		return err
	}
	made := madeKey{Name: form["name"]}
	spec, err := p.keySpec(v, form)
	if err == nil {
		_, made.Key, err = p.Keys.Create(v.Ctx(), v.By(), spec)
	}
	if err != nil {
		return p.Again(v, err, "key", "keys", func(f panel.Frame) any {
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
			return spec, fault.On("domains", fault.Invalid, "Name domains of this account, such as example.com, or leave this empty for all.")
		}
	}
	for _, text := range panel.Words(form["networks"]) {
		network, err := account.ParseNetwork(text)
		if err != nil {
			return spec, fault.On("networks", fault.Invalid, "Name networks such as 192.0.2.0/24 or 2001:db8::/48, or leave this empty for any.")
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

// keyLife reads for how long a key is to work; 0 is for ever.
func keyLife(form web.Form) (time.Duration, error) {
	days, err := strconv.Atoi(form["expires"])
	if err != nil && form["expires"] != "" || !slices.Contains(keyLives, days) {
		return 0, fault.On("expires", fault.Invalid, "Choose one of the times.")
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

func (p *Pages) askRevokeKey(v *panel.Visit) error {
	all, err := p.Keys.List(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	for _, k := range all {
		if k.ID == v.Param("id") && k.Revoked.IsZero() {
			return p.Ask(v, "keys", "key", map[string]any{"Key": k.Name}, panel.Prefix+"/keys")
		}
	}
	return fault.New(fault.NotFound, "There is no such key.")
}

func (p *Pages) revokeKey(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+"/keys", "key.revoked", func() error {
		return p.Keys.Revoke(v.Ctx(), v.By(), v.Account(), v.Param("id"))
	})
}
