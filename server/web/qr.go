package web

import (
	"fmt"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the white border of a QR code in modules (ISO/IEC 18004).
const quiet = 4

// A QR is a QR code as a drawing: Path is the d of an SVG path that fills the
// dark modules of a square with sides of Size, border included. It is drawn
// black on white also in the dark, for some cameras read nothing else.
type QR struct {
	Size int
	Path string
}

// NewQR returns the QR code of a text.
func NewQR(text string) (QR, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return QR{}, fmt.Errorf("web: qr: %w", err)
	}
	var b strings.Builder
	size := code.Bounds().Dx()
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	return QR{size + 2*quiet, b.String()}, nil
}

// SVG is the drawing as a file.
func (q QR) SVG() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %[1]d" shape-rendering="crispEdges">`+
		`<rect width="100%%" height="100%%" fill="#fff"/><path d="%s"/></svg>`, q.Size, q.Path)
}
