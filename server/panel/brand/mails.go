package brand

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// linkKind is the email with a setup link, which isn't a notification.
const linkKind = "link"

// kinds lists all emails that have texts.
func (p *Pages) kinds(l templates.Language) []string {
	all := []string{linkKind}
	for _, t := range append([]notify.Type{notify.InvitationMail, notify.DigestMail}, notify.Types()...) {
		if id := "mail.event." + string(t); p.Texts.Text(l, id, map[string]any{"Count": 1}) != id || t == notify.DigestMail {
			all = append(all, string(t))
		}
	}
	return all
}

// sample returns an example of the email.
func (p *Pages) sample(v *panel.Visit, l templates.Language, kind string, brand templates.MailBrand) (templates.Mail, error) {
	at := p.Now().Truncate(time.Minute)
	if kind == linkKind {
		if brand.Name == "" {
			brand.Name = p.BaseURL.Hostname()
		}
		return p.Texts.LinkMail(l, templates.LinkMail{
			Service: brand.Name, Address: "jane@example.com", URL: p.BaseURL.String() + "/s/example", Expires: at.Add(7 * 24 * time.Hour), Brand: brand,
		})
	}
	n := templates.Notice{Event: kind, When: at, Brand: brand}
	switch notify.Type(kind) {
	case notify.InvitationMail:
		n.Who, n.Link = v.In.Member.Email, p.BaseURL.String()+panel.Path("invitation", "example")
	case notify.DigestMail:
		n.Count, n.When = 12, time.Time{}
	case notify.LogCheckpoint:
		n.Note = p.BaseURL.Hostname() + "\n41\n…\n\n— " + p.BaseURL.Hostname() + " …\n"
	case notify.TestEvent:
		n.Who = v.In.Member.Email
	case notify.BackupOverdue:
		n.Count, n.Number = 7, 41
	case notify.IdentityExpiring, notify.KeyExpiring:
		n.What, n.Count, n.Number = "example.com", 7, 41
	default:
		n.What, n.Who, n.From, n.Client, n.Number = "example.com", v.In.Member.Email, "192.0.2.7", "Safari, macOS", 41
	}
	return p.Texts.Mail(l, n)
}

// mails lists all emails.
func (p *Pages) mails(v *panel.Visit) error {
	f := p.Frame(v, nav)
	brand, _, err := p.brandOf(v)
	if err != nil {
		return err
	}
	page := mailsPage{Frame: f}
	for _, kind := range p.kinds(f.Language) {
		m, err := p.sample(v, f.Language, kind, brand)
		if err != nil {
			return err
		}
		page.Rows = append(page.Rows, mailKind{kind, m.Subject})
	}
	return p.Render(v, http.StatusOK, "mails", f, page)
}

// find returns the email in the path.
func (p *Pages) find(v *panel.Visit, l templates.Language) (templates.Mail, templates.MailBrand, []byte, error) {
	kind := v.Param("kind")
	for _, known := range p.kinds(l) {
		if kind != known {
			continue
		}
		brand, logo, err := p.brandOf(v)
		if err != nil {
			return templates.Mail{}, brand, nil, err
		}
		m, err := p.sample(v, l, kind, brand)
		return m, brand, logo, err
	}
	return templates.Mail{}, templates.MailBrand{}, nil, fault.New(fault.NotFound, "There is no such email.")
}

// mail shows an email as text.
func (p *Pages) mail(v *panel.Visit) error {
	f := p.Frame(v, nav)
	m, brand, _, err := p.find(v, f.Language)
	if err != nil {
		return err
	}
	page := sampleMail{Frame: f, Kind: v.Param("kind"), Subject: m.Subject, From: brand.Name, Text: m.Text, Address: panel.Path("branding", "mails", v.Param("kind"), "page")}
	if page.From == "" {
		page.From = templates.Program
	}
	return p.Render(v, http.StatusOK, "mail", f, page)
}

// mailPolicy is for an email shown as a page. Emails have styles of their own,
// which the panel's pages may not have. So the email is a separate document,
// without scripts, forms and an origin.
const mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

// mailPage shows an email as mail programs do.
func (p *Pages) mailPage(v *panel.Visit) error {
	m, _, logo, err := p.find(v, p.Language(v))
	if err != nil {
		return err
	}
	return document(v, m, logo)
}

// linkMail shows the email with a setup link as people of a domain receive it.
func (p *Pages) linkMail(v *panel.Visit) error {
	s, err := p.subject(v)
	if err != nil {
		return err
	}
	brand, logo, err := p.Brands.Mail(v.Ctx(), s.Owner, s.called)
	if err != nil {
		return err
	}
	m, err := p.sample(v, p.Language(v), linkKind, brand)
	if err != nil {
		return err
	}
	return document(v, m, logo)
}

// document sends an email as a page. The logo, which is attached to the email, is
// embedded in the page.
func document(v *panel.Visit, m templates.Mail, logo []byte) error {
	v.Response().Header().Set("Content-Security-Policy", mailPolicy)
	picture := "data:" + web.PNGType + ";base64," + base64.StdEncoding.EncodeToString(logo)
	return v.HTML(http.StatusOK, strings.ReplaceAll(m.HTML, `src="cid:`+templates.LogoID+`"`, `src="`+picture+`"`))
}
