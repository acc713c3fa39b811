package web

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// quiet is the white border of a QR code in modules (ISO/IEC 18004).
const quiet = 4

// dots is the width of a module in a PNG: small enough for an email, and large
// enough for a code printed as wide as a hand.
const dots = 8

// Content types of drawings.
const (
	SVGType = "image/svg+xml"
	PNGType = "image/png"
)

// A QR is a QR code as a drawing: Path is the d of an SVG path that fills the
// dark modules of a square with sides of Size, including the border. It is
// drawn black on white even in dark mode, because some cameras read nothing
// else.
type QR struct {
	Size int
	Path string

	code barcode.Barcode
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
	return QR{size + 2*quiet, b.String(), code}, nil
}

// SVG returns the drawing as a file.
func (q QR) SVG() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %[1]d" shape-rendering="crispEdges">`+
		`<rect width="100%%" height="100%%" fill="#fff"/><path d="%s"/></svg>`, q.Size, q.Path)
}

// PNG returns the drawing, with the same border, for programs that don't
// support SVG, such as mail programs.
func (q QR) PNG() ([]byte, error) {
	side := q.Size * dots
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	inner := img.Bounds().Inset(quiet * dots)
	for y := inner.Min.Y; y < inner.Max.Y; y++ {
		for x := inner.Min.X; x < inner.Max.X; x++ {
			if r, _, _, _ := q.code.At(x/dots-quiet, y/dots-quiet).RGBA(); r == 0 {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("web: qr: %w", err)
	}
	return b.Bytes(), nil
}
