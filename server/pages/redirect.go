package pages

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

// How many unusable signed redirects a network may send in a window before it
// has to wait for the next one.
const (
	limitRedirects  = 60
	redirectsWindow = time.Minute
)

// createSigned creates a link from a hosting panel's token, and redirects to
// its page. The form is on the panel's page. Nothing here depends on where it
// was sent from, because there is no cookie.
func (p *Pages) createSigned(c echo.Context) error {
	network := web.Network(c)
	if err := p.redirects.Look(network.String()).Spent(); err != nil {
		return p.refuseSigned(c, err)
	}
	form, err := web.ReadForm(c, "jwt")
	if err != nil {
		return p.refuseSigned(c, err)
	}
	path, err := p.Redirects.Start(c.Request().Context(), web.Visitor(c), form["jwt"], network)
	if err != nil {
		p.redirects.Use(network.String())
		return p.refuseSigned(c, err)
	}
	return c.Redirect(http.StatusSeeOther, path)
}

// refuseSigned shows what is wrong, in words for the person and with the code
// for the button's developer. Internal errors aren't shown.
func (p *Pages) refuseSigned(c echo.Context, err error) error {
	f := fault.Of(err)
	status := web.Status(f.Code)
	if status >= http.StatusInternalServerError {
		return err
	}
	web.SetRetryAfter(c, f)
	in := p.frame(c, "", p.installationBrand(c.Request().Context()))
	page := errorPage{
		frame: in, Status: status, Code: string(f.Code),
		Title: p.Texts.Text(in.Language, "redirect.title", nil), Detail: p.text(in, f),
	}
	if f.Code == fault.RedirectInvalid {
		page.Code += ": " + f.Field
	}
	return p.render(c, status, "error", in.Language, page)
}
