package pages

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/autoconfig"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// A sheetPage lists the settings of a link for printing, for programs that are
// set up manually.
type sheetPage struct{ linkPage }

// sheet shows the settings of a link. It changes nothing.
func (p *Pages) sheet(c echo.Context) error {
	if _, err := web.ReadLink(c, "lang"); err != nil {
		return err
	}
	link, domain, err := p.Links.Open(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	page, err := p.linkPage(c, link, domain)
	if err != nil {
		return err
	}
	return p.render(c, http.StatusOK, "sheet", page.Language, sheetPage{page})
}

// scan draws the account of a link as the QR code that Thunderbird on Android
// scans.
func (p *Pages) scan(c echo.Context) error {
	link, domain, err := p.Links.Open(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	text, err := scanOf(link, domain)
	if err != nil {
		return err
	}
	drawing, err := web.NewQR(text)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, web.SVGType, []byte(drawing.SVG()))
}

func scanOf(link setup.Link, domain settings.Domain) (string, error) {
	address, err := profile.ParseAddress(link.Address)
	if err != nil {
		return "", err
	}
	return autoconfig.ThunderbirdScan(domain, address, link.Name, link.Login)
}
