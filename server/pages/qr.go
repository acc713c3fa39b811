package pages

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/web"
)

// qrSVG draws the URL of the page as a QR code.
func (p *Pages) qrSVG(c echo.Context) error {
	drawing, err := p.qr(c)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, web.SVGType, []byte(drawing.SVG()))
}

// qrPNG is qrSVG for programs that don't support SVG.
func (p *Pages) qrPNG(c echo.Context) error {
	drawing, err := p.qr(c)
	if err != nil {
		return err
	}
	data, err := drawing.PNG()
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, web.PNGType, data)
}

func (p *Pages) qr(c echo.Context) (web.QR, error) {
	token := c.Param("token")
	if _, _, err := p.Links.Open(c.Request().Context(), token); err != nil {
		return web.QR{}, err
	}
	// Panels embed it in their own pages. Anyone who knows its URL has the
	// link anyway.
	c.Response().Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	return web.NewQR(p.BaseURL.String() + "/s/" + token)
}
