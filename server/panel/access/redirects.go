package access

import (
	"net/http"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/web"
)

// redirectsPath is the path of the public keys of hosting panels.
const redirectsPath = "/keys/redirect"

// redirectFields are the changeable fields of a public key.
var redirectFields = []string{"name", "domains"}

func redirectPath(id string) string { return panel.Prefix + redirectsPath + "/" + id }

func (p *Pages) redirectRowOf(k redirect.Key) redirectRow {
	row := redirectRow{
		ID: k.ID, Name: k.Name, Algorithm: k.Algorithm(), Domains: k.Domains, Created: k.Created, Expires: k.Expires, LastUsed: k.LastUsed, State: "live",
	}
	if !k.Live(p.Now()) {
		row.State = "expired"
	} else {
		row.Soon = endsSoon(k.Created, k.Expires, p.Now())
	}
	return row
}

// redirectRows returns all public keys of the account, which has few.
func (p *Pages) redirectRows(v *panel.Visit) ([]redirectRow, error) {
	all, err := p.Redirects.List(v.Ctx(), v.Account())
	var rows []redirectRow
	for _, k := range all {
		rows = append(rows, p.redirectRowOf(k))
	}
	return rows, err
}

// redirectPage returns the page of a public key, or of a new one if it has no
// ID.
func (p *Pages) redirectPage(v *panel.Visit, f panel.Frame, k redirect.Key, form web.Form) (redirectPage, error) {
	page := redirectPage{Frame: f, Form: form}
	if k.ID != "" {
		page.Row, page.PEM, page.Issuer = p.redirectRowOf(k), k.PEM(), k.Account
		page.Audience = p.BaseURL.String()
	}
	domains, err := p.Domains.List(v.Ctx(), v.Account())
	for _, d := range domains {
		page.Domains = append(page.Domains, d.Name)
	}
	return page, err
}

func (p *Pages) newRedirect(v *panel.Visit) error {
	page, err := p.redirectPage(v, p.Frame(v, "keys"), redirect.Key{}, web.Form{"expires": "365"})
	if err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "redirect-key", page.Frame, page)
}

// createRedirect registers a public key and shows what to sign with it. A
// private key that was pasted isn't shown again.
func (p *Pages) createRedirect(v *panel.Visit) error {
	spec, err := p.redirectSpec(v)
	var k redirect.Key
	if err == nil {
		spec.Life, err = keyLife(v.Form)
	}
	if err == nil {
		k, err = p.Redirects.Create(v.Ctx(), v.By(), v.Account(), spec)
	}
	if err != nil {
		if strings.Contains(v.Form["public_key"], "PRIVATE") {
			v.Form["public_key"] = ""
		}
		return p.redirectAgain(v, err, redirect.Key{})
	}
	return p.To(v, redirectPath(k.ID), "redirect.created")
}

func (p *Pages) redirectAgain(v *panel.Visit, err error, k redirect.Key) error {
	page, failed := p.redirectPage(v, panel.Frame{}, k, v.Form)
	if failed != nil {
		return failed
	}
	return p.Again(v, err, "redirect-key", "keys", func(f panel.Frame) any {
		page.Frame = f
		return page
	})
}

// redirectSpec reads the form of a public key.
func (p *Pages) redirectSpec(v *panel.Visit) (redirect.Spec, error) {
	spec := redirect.Spec{Name: v.Form["name"], PEM: v.Form["public_key"], Domains: panel.Words(v.Form["domains"])}
	for _, name := range spec.Domains {
		host, err := profile.ParseHost(name)
		if err == nil {
			_, err = p.Domains.Get(v.Ctx(), v.Account(), host)
		}
		if err != nil {
			return spec, fault.On("domains", fault.Invalid, "Enter domains of this account, for example example.com, or leave this empty for all.")
		}
	}
	return spec, nil
}

func (p *Pages) redirect(v *panel.Visit) error {
	k, err := p.Redirects.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	page, err := p.redirectPage(v, p.Frame(v, "keys"), k, web.Form{"name": k.Name, "domains": strings.Join(k.Domains, "\n")})
	if err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "redirect-key", page.Frame, page)
}

func (p *Pages) updateRedirect(v *panel.Visit) error {
	k, err := p.Redirects.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	spec, err := p.redirectSpec(v)
	if err == nil {
		_, err = p.Redirects.Update(v.Ctx(), v.By(), v.Account(), k.ID, spec)
	}
	if err != nil {
		return p.redirectAgain(v, err, k)
	}
	return p.To(v, redirectPath(k.ID), "redirect.saved")
}

func (p *Pages) askDeleteRedirect(v *panel.Visit) error {
	k, err := p.Redirects.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.Ask(v, "keys", "redirect", map[string]any{"Key": k.Name}, redirectPath(k.ID))
}

func (p *Pages) deleteRedirect(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+"/keys", "redirect.deleted", func() error {
		return p.Redirects.Delete(v.Ctx(), v.By(), v.Account(), v.Param("id"), nil)
	})
}
