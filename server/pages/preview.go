package pages

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// Preview shows the page of a link as people of the domain see it on a device.
// There is no such link: the page's buttons are disabled.
func (p *Pages) Preview(c echo.Context, domain settings.Domain, device string) error {
	if !slices.Contains(web.Devices(), web.Device(device)) {
		return fault.New(fault.NotFound, "There is no such page.")
	}
	query := c.Request().URL.Query()
	query.Set("device", device)
	c.Request().URL.RawQuery = query.Encode()
	c.SetParamNames("token")
	c.SetParamValues("preview")
	page, err := p.linkPage(c, setup.Link{Address: "jane@" + domain.Name, Expires: p.Now().Add(24 * time.Hour)}, domain)
	if err != nil {
		return err
	}
	page.Preview, page.QR, page.Scan = true, "/qr.svg", ""
	return p.render(c, http.StatusOK, page.template(), page.Language, page)
}

// startQR draws the URL of the start page as a QR code. Other sites may embed
// it.
func (p *Pages) startQR(c echo.Context) error {
	c.Response().Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	drawing, err := web.NewQR(p.BaseURL.String() + "/")
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, web.SVGType, []byte(drawing.SVG()))
}
