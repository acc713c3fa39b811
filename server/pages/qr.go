package pages

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/boombuler/barcode/qr"
	"github.com/labstack/echo/v4"
)

// quiet is the white border of a QR code in modules (ISO/IEC 18004).
const quiet = 4

// qr draws the address of the page as a QR code.
func (p *Pages) qr(c echo.Context) error {
	token := c.Param("token")
	if _, _, err := p.Links.Open(c.Request().Context(), token); err != nil {
		return err
	}
	drawing, err := drawQR(p.BaseURL.String() + "/s/" + token)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "image/svg+xml", drawing)
}

// drawQR returns an SVG drawing, black on white also in the dark, for some
// cameras read nothing else.
func drawQR(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("pages: qr: %w", err)
	}
	size := code.Bounds().Dx()
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %[1]d" shape-rendering="crispEdges">`, size+2*quiet)
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/><path d="`)
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.Bytes(), nil
}
