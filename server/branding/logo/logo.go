// Package logo makes uploaded logos safe to show: every upload becomes a small
// PNG that this package has drawn itself.
//
// A PNG or SVG can be a decompression bomb, contain scripts, or load files from
// elsewhere. PNGs are decoded only if their size is within limits, and scaled
// down. SVGs are parsed by a parser that supports only shapes, colors and
// gradients, and that stops when a drawing exceeds its limits. Nothing is ever
// loaded, and no byte of the upload is kept.
package logo

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"

	"github.com/updatecase/mobileconfig/server/fault"
)

const (
	// MaxBytes is the maximum size of an upload.
	MaxBytes = 1 << 20
	// Side is the longer side of the result, in pixels: a small original stays
	// small.
	Side = 256
	// MaxKept is the maximum size of the result. It is also sent in emails.
	MaxKept = 48 << 10

	// Field is the form field that faults name.
	Field = "file"

	// maxSide and maxDecoded are the limits of a PNG: pixels per side, and
	// bytes when it is decoded.
	maxSide    = 4096
	maxDecoded = 20 << 20
)

// A Maker creates logos, one at a time, so that several together take no more
// memory than one.
type Maker struct{ turn chan struct{} }

// NewMaker returns a Maker.
func NewMaker() *Maker { return &Maker{make(chan struct{}, 1)} }

// Make redraws a PNG or SVG as a PNG of up to Side pixels per side and MaxKept
// bytes. If it can't, it returns an Invalid fault that says why.
func (m *Maker) Make(ctx context.Context, data []byte) ([]byte, error) {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-m.turn }()
	picture, err := read(data)
	if err != nil {
		return nil, err
	}
	if picture.Opaque() && isBlank(picture) || isClear(picture) {
		return nil, refuse("The logo looks empty: it has only one color. Choose another file.")
	}
	return encode(picture)
}

func refuse(format string, args ...any) error {
	return fault.On(Field, fault.Invalid, format, args...)
}

const pngMagic = "\x89PNG\r\n\x1a\n"

func read(data []byte) (*image.RGBA, error) {
	switch {
	case len(data) > MaxBytes:
		return nil, fault.On(Field, fault.TooLarge, "A logo can have up to %d MB.", MaxBytes>>20)
	case bytes.HasPrefix(data, []byte(pngMagic)):
		return readPNG(data)
	case isSVG(data):
		return readSVG(data)
	}
	return nil, refuse("The logo is neither PNG nor SVG. Save it as one of these.")
}

// isSVG reports whether the file may be text that begins with a tag. Only the
// parser knows whether it is an SVG.
func isSVG(data []byte) bool {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("<"))
}

func readPNG(data []byte) (*image.RGBA, error) {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, refuse("The PNG can't be read. Save it again, or use another file.")
	}
	bytesPerPixel := 4
	switch c.ColorModel {
	case color.RGBA64Model, color.NRGBA64Model, color.Gray16Model:
		bytesPerPixel = 8
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide || c.Width*c.Height > maxDecoded/bytesPerPixel {
		return nil, refuse("The logo has %d × %d pixels. Save it with %d or fewer on each side.", c.Width, c.Height, 1024)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, refuse("The PNG can't be read. Save it again, or use another file.")
	}
	width, height := fit(c.Width, c.Height, Side)
	return scale(picture, width, height), nil
}

// fit returns the size scaled down to at most side pixels per side.
func fit(width, height, side int) (int, int) {
	longer := max(width, height)
	if longer <= side {
		return width, height
	}
	return max(1, width*side/longer), max(1, height*side/longer)
}

// scale returns the picture scaled down: each pixel is the mean of those that
// it replaces.
func scale(picture image.Image, width, height int) *image.RGBA {
	from := picture.Bounds()
	at := pixels(picture)
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		top, bottom := from.Min.Y+y*from.Dy()/height, from.Min.Y+(y+1)*from.Dy()/height
		for x := range width {
			left, right := from.Min.X+x*from.Dx()/width, from.Min.X+(x+1)*from.Dx()/width
			var r, g, b, a, n uint64
			for sy := top; sy < bottom; sy++ {
				for sx := left; sx < right; sx++ {
					c := at(sx, sy)
					r, g, b, a, n = r+uint64(c.R), g+uint64(c.G), b+uint64(c.B), a+uint64(c.A), n+1
				}
			}
			out.SetRGBA(x, y, color.RGBA{uint8(r / n >> 8), uint8(g / n >> 8), uint8(b / n >> 8), uint8(a / n >> 8)})
		}
	}
	return out
}

// pixels returns the pixels of a picture, with premultiplied alpha.
func pixels(picture image.Image) func(x, y int) color.RGBA64 {
	if p, ok := picture.(image.RGBA64Image); ok {
		return p.RGBA64At
	}
	return func(x, y int) color.RGBA64 {
		r, g, b, a := picture.At(x, y).RGBA()
		return color.RGBA64{R: uint16(r), G: uint16(g), B: uint16(b), A: uint16(a)}
	}
}

// isClear reports whether the picture is fully transparent.
func isClear(p *image.RGBA) bool {
	for i := 3; i < len(p.Pix); i += 4 {
		if p.Pix[i] != 0 {
			return false
		}
	}
	return true
}

// isBlank reports whether all pixels are the same.
func isBlank(p *image.RGBA) bool {
	for i := range p.Pix {
		if p.Pix[i] != p.Pix[i%4] {
			return false
		}
	}
	return true
}

// encode encodes the picture as a PNG, scaled down if it would be too large.
func encode(p *image.RGBA) ([]byte, error) {
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	for side := Side; side >= 32; side = side * 3 / 4 {
		width, height := fit(p.Bounds().Dx(), p.Bounds().Dy(), side)
		if width != p.Bounds().Dx() || height != p.Bounds().Dy() {
			p = scale(p, width, height)
		}
		var out bytes.Buffer
		if err := encoder.Encode(&out, p); err != nil {
			return nil, err
		}
		if out.Len() <= MaxKept {
			return out.Bytes(), nil
		}
	}
	return nil, errors.New("logo: no size fits") // 32 × 32 pixels have 4 KiB
}
