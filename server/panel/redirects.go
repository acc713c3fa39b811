package panel

import (
	"net/http"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/web"
)

// redirectsPath is where the public keys are, with which hosting panels sign.
const redirectsPath = "/keys/redirect"

// redirectFields are what can be changed of a public key.
var redirectFields = []string{"name", "domains"}

func redirectPath(id string) string { return Prefix + redirectsPath + "/" + id }

func (p *Panel) redirectRowOf(k redirect.Key) redirectRow {
	row := redirectRow{
		ID: k.ID, Name: k.Name, Algorithm: k.Algorithm(), Domains: k.Domains, Created: k.Created, Expires: k.Expires, LastUsed: k.LastUsed, State: "live",
	}
	if !k.Live(p.Now()) {
		row.State = "expired"
	}
	return row
}

// redirectRows are all public keys of the account, which has few.
func (p *Panel) redirectRows(v *visit) ([]redirectRow, error) {
	all, err := p.Redirects.List(v.ctx(), v.account())
	var rows []redirectRow
	for _, k := range all {
		rows = append(rows, p.redirectRowOf(k))
	}
	return rows, err
}

// redirectPage is the page of a public key, or of a new one if it has no id.
func (p *Panel) redirectPage(v *visit, f frame, k redirect.Key, form web.Form) (redirectPage, error) {
	page := redirectPage{frame: f, Form: form}
	if k.ID != "" {
		page.Row, page.PEM, page.Issuer = p.redirectRowOf(k), k.PEM(), k.Account
		page.Audience = p.BaseURL.String()
	}
	domains, err := p.Domains.List(v.ctx(), v.account())
	for _, d := range domains {
		page.Domains = append(page.Domains, d.Name)
	}
	return page, err
}

func (p *Panel) newRedirect(v *visit) error {
	page, err := p.redirectPage(v, p.frame(v, "keys"), redirect.Key{}, web.Form{})
	if err != nil {
		return err
	}
	return p.render(v, http.StatusOK, "redirect-key", page.frame, page)
}

// createRedirect registers a public key and shows what to sign with it. A
// private one that was pasted is not shown again.
func (p *Panel) createRedirect(v *visit) error {
	spec, err := p.redirectSpec(v)
	var k redirect.Key
	if err == nil {
		k, err = p.Redirects.Create(v.ctx(), v.by(), v.account(), spec)
	}
	if err != nil {
		if strings.Contains(v.form["public_key"], "PRIVATE") {
			v.form["public_key"] = ""
		}
		return p.redirectAgain(v, err, redirect.Key{})
	}
	return p.to(v, redirectPath(k.ID), "redirect.created")
}

func (p *Panel) redirectAgain(v *visit, err error, k redirect.Key) error {
	page, failed := p.redirectPage(v, frame{}, k, v.form)
	if failed != nil {
		return failed
	}
	return p.again(v, err, "redirect-key", "keys", func(f frame) any {
		page.frame = f
		return page
	})
}

// redirectSpec reads the form of a public key.
func (p *Panel) redirectSpec(v *visit) (redirect.Spec, error) {
	spec := redirect.Spec{Name: strings.TrimSpace(v.form["name"]), PEM: v.form["public_key"], Domains: words(v.form["domains"])}
	for _, name := range spec.Domains {
		host, err := profile.ParseHost(name)
		if err == nil {
			_, err = p.Domains.Get(v.ctx(), v.account(), host)
		}
		if err != nil {
			return spec, fault.On("domains", fault.Invalid, "Name domains of this account, such as example.com, or leave this empty for all.")
		}
	}
	return spec, nil
}

func (p *Panel) redirect(v *visit) error {
	k, err := p.Redirects.Get(v.ctx(), v.account(), v.Param("id"))
	if err != nil {
		return err
	}
	page, err := p.redirectPage(v, p.frame(v, "keys"), k, web.Form{"name": k.Name, "domains": strings.Join(k.Domains, "\n")})
	if err != nil {
		return err
	}
	return p.render(v, http.StatusOK, "redirect-key", page.frame, page)
}

func (p *Panel) updateRedirect(v *visit) error {
	k, err := p.Redirects.Get(v.ctx(), v.account(), v.Param("id"))
	if err != nil {
		return err
	}
	spec, err := p.redirectSpec(v)
	if err == nil {
		_, err = p.Redirects.Update(v.ctx(), v.by(), v.account(), k.ID, spec)
	}
	if err != nil {
		return p.redirectAgain(v, err, k)
	}
	return p.to(v, redirectPath(k.ID), "redirect.saved")
}

func (p *Panel) askDeleteRedirect(v *visit) error {
	k, err := p.Redirects.Get(v.ctx(), v.account(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.ask(v, "keys", "redirect", map[string]any{"Key": k.Name}, redirectPath(k.ID))
}

func (p *Panel) deleteRedirect(v *visit) error {
	return p.do(v, Prefix+"/keys", "redirect.deleted", func() error {
		return p.Redirects.Delete(v.ctx(), v.by(), v.account(), v.Param("id"))
	})
}
