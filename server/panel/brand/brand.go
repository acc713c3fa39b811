// Package brand holds the control panel's pages about branding: name, logo,
// color and links of the account and its domains, and previews of all emails.
package brand

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"

	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/branding/logo"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// Pages are the handlers. All fields are required.
type Pages struct {
	*panel.Panel
	Brands  *branding.Brands
	Domains Domains
}

// Domains finds the domains of accounts. *settings.Domains is one.
type Domains interface {
	// Get returns a domain of the account, or a NotFound fault.
	Get(ctx context.Context, account, name string) (settings.Domain, error)
}

// The paths of the pages, below the panel: for the account and for a domain.
const (
	accountPath = "/branding"
	domainPath  = "/domains/:domain/branding"
	mailsPath   = "/branding/mails"
)

// nav is the entry of the sidebar.
const nav = "branding"

var fields = []string{"name", "color", "help_url", "imprint_url", "privacy_url"}

// Routes are all routes of these pages, and who may use them.
func (p *Pages) Routes() []panel.Route {
	all := []panel.Route{
		panel.Get(mailsPath, account.Look, panel.Signed, p.mails),
		panel.Get(mailsPath+"/:kind", account.Look, panel.Signed, p.mail),
		panel.Get(mailsPath+"/:kind/page", account.Look, panel.Signed, p.mailPage),
		panel.Get(domainPath+"/mail", account.Look, panel.Signed, p.linkMail),
	}
	for _, path := range []string{accountPath, domainPath} {
		all = append(all,
			panel.Get(path, account.Look, panel.Signed, p.show),
			panel.Post(path, account.Change, panel.Fresh, fields, p.save),
			panel.Post(path+"/preview", account.Change, panel.Signed, fields, p.preview),
			panel.Get(path+"/logo", account.Change, panel.Fresh, p.back),
			panel.Upload(path+"/logo", account.Change, panel.Fresh, p.setLogo),
			panel.Button(path+"/logo/remove", account.Change, panel.Fresh, p.removeLogo),
		)
	}
	return all
}

// A subject is what the pages are about: the account, or a domain.
type subject struct {
	branding.Owner
	called string // the domain's display name
	path   string
}

func (p *Pages) subject(v *panel.Visit) (subject, error) {
	name := v.Param("domain")
	if name == "" {
		return subject{branding.Owner{Account: v.Account()}, "", panel.Prefix + accountPath}, nil
	}
	d, err := p.Domains.Get(v.Ctx(), v.Account(), name)
	return subject{branding.Owner{Account: d.Account, DomainID: d.ID, Domain: d.Name}, d.DisplayName, panel.Path("domains", d.Name, "branding")}, err
}

// show shows the brand with a preview.
func (p *Pages) show(v *panel.Visit) error {
	s, err := p.subject(v)
	if err != nil {
		return err
	}
	own, base, err := p.Brands.Own(v.Ctx(), s.Owner)
	if err != nil {
		return err
	}
	page := p.page(v, s, own, base)
	page.Frame = p.Frame(v, nav)
	return p.Render(v, http.StatusOK, "branding", page.Frame, page)
}

// page returns the page of a brand, stored or previewed.
func (p *Pages) page(v *panel.Visit, s subject, own, base branding.Brand) brandingPage {
	page := brandingPage{
		Path: s.path, Domain: s.Domain, Confirmed: v.In.Session.Fresh(p.Now()), Logo: own.View("").Logo,
		Form: web.Form{"name": own.Name, "color": own.Color, "help_url": own.HelpURL, "imprint_url": own.ImprintURL, "privacy_url": own.PrivacyURL},
	}
	if s.DomainID != "" {
		page.Inherited = web.Form{"name": base.Name, "color": base.Color, "help_url": base.HelpURL, "imprint_url": base.ImprintURL, "privacy_url": base.PrivacyURL}
		page.InheritsLogo = own.Logo == "" && base.Logo != ""
		if s.called != "" {
			page.Inherited["name"] = s.called
		}
	}
	if own.Name == "" {
		own.Name = s.called
	}
	seen := own.Over(base)
	last := p.BaseURL.Hostname()
	if s.Domain != "" {
		last = idn.Show(s.Domain)
	}
	page.Seen = seen.View(last)
	c := seen.Shade()
	page.Sheet, page.Color = c.PreviewSheet(), colorView(c)
	return page
}

// colorView shows how a color is used.
func colorView(c branding.Color) colorCheck {
	light := c.Light().Accent
	return colorCheck{
		Ratio: fmt.Sprintf("%.1f", math.Floor(c.OnLight()*10)/10), Color: c.String(), Light: light.String(), Dark: c.Dark().Accent.String(), Changed: light != c,
	}
}

func specOf(form web.Form) branding.Spec {
	return branding.Spec{Name: form["name"], Color: form["color"], HelpURL: form["help_url"], ImprintURL: form["imprint_url"], PrivacyURL: form["privacy_url"]}
}

// save stores the submitted brand.
func (p *Pages) save(v *panel.Visit) error {
	s, err := p.subject(v)
	if err != nil {
		return err
	}
	err = p.Brands.Change(v.Ctx(), v.By(), s.Owner, func(branding.Brand) (branding.Spec, error) { return specOf(v.Form), nil })
	if err != nil {
		return p.typed(v, s, err)
	}
	return p.To(v, s.path, "branding.saved")
}

// preview shows the submitted brand without changing anything.
func (p *Pages) preview(v *panel.Visit) error {
	s, err := p.subject(v)
	if err != nil {
		return err
	}
	own, base, err := p.Brands.Own(v.Ctx(), s.Owner)
	if err != nil {
		return err
	}
	own, err = specOf(v.Form).On(own)
	if err != nil {
		return p.typed(v, s, err)
	}
	page := p.page(v, s, own, base)
	page.Form, page.Frame = v.Form, p.Frame(v, nav)
	return p.Render(v, http.StatusOK, "branding", page.Frame, page)
}

// typed shows the form again with its problems.
func (p *Pages) typed(v *panel.Visit, s subject, err error) error {
	own, base, failed := p.Brands.Own(v.Ctx(), s.Owner)
	if failed != nil {
		return failed
	}
	page := p.page(v, s, own, base)
	if v.Form != nil {
		page.Form = v.Form
	}
	return p.Again(v, err, "branding", nav, func(f panel.Frame) any {
		page.Frame = f
		return page
	})
}

// back redirects to the brand after a member has confirmed.
func (p *Pages) back(v *panel.Visit) error {
	s, err := p.subject(v)
	if err != nil {
		return err
	}
	return p.To(v, s.path, "")
}

// setLogo stores the uploaded logo.
func (p *Pages) setLogo(v *panel.Visit) error {
	s, err := p.subject(v)
	if err != nil {
		return err
	}
	data, err := uploaded(v)
	if err == nil {
		err = p.Brands.SetLogo(v.Ctx(), v.By(), s.Owner, data, nil)
	}
	if err != nil {
		return p.typed(v, s, err)
	}
	return p.To(v, s.path, "branding.logo")
}

func uploaded(v *panel.Visit) ([]byte, error) {
	file, _, err := web.Upload(v, logo.MaxBytes)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

func (p *Pages) removeLogo(v *panel.Visit) error {
	s, err := p.subject(v)
	if err != nil {
		return err
	}
	return p.Do(v, s.path, "branding.removed", func() error { return p.Brands.RemoveLogo(v.Ctx(), v.By(), s.Owner, nil) })
}

// brandOf returns the branding of the account's emails.
func (p *Pages) brandOf(v *panel.Visit) (templates.MailBrand, []byte, error) {
	return p.Brands.Mail(v.Ctx(), branding.Owner{Account: v.Account()}, "")
}
