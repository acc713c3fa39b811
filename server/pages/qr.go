package pages

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/web"
)

const svgType = "image/svg+xml"

// qr draws the address of the page as a QR code.
func (p *Pages) qr(c echo.Context) error {
	token := c.Param("token")
	if _, _, err := p.Links.Open(c.Request().Context(), token); err != nil {
		return err
	}
	drawing, err := web.NewQR(p.BaseURL.String() + "/s/" + token)
	if err != nil {
		return err
	}
	// Panels show it on their own pages. Whoever can name it has the link.
	c.Response().Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	return c.Blob(http.StatusOK, svgType, []byte(drawing.SVG()))
}
