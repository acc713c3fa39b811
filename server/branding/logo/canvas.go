package logo

import (
	"image"
	"image/color"
	"math"
	"slices"

	"github.com/srwiley/rasterx"
	"golang.org/x/image/math/fixed"
)

// Limits of a drawing, all its shapes together. Without limits, a few hundred
// bytes could keep a CPU busy for days.
const (
	maxLines     = 1 << 17
	maxCrossings = 1 << 20 // of lines with rows
	maxPainted   = 1 << 23 // pixels
)

// sub is how many sample rows a row of pixels has.
const sub = 4

// errTooMuch is the panic value that ends a drawing beyond the limits: the
// stroker, which calls the canvas, has no errors.
type errTooMuch struct{}

// A canvas fills shapes. It is a scanner for rasterx, which converts curves and
// outlines of strokes to lines.
type canvas struct {
	picture *image.RGBA
	paint   func(x, y int) color.NRGBA
	evenOdd bool

	lines []line
	last  fixed.Point26_6
	rows  [][]crossing // by row of samples
	cover []float32    // of a row of pixels

	drawn, crossed, painted int
}

type line struct{ ax, ay, bx, by float32 } // in pixels

// A crossing is where a line crosses a row, and whether it goes down (1) or up
// (-1).
type crossing struct {
	x  float32
	up int8
}

var _ rasterx.Scanner = (*canvas)(nil)

func newCanvas(width, height int) *canvas {
	return &canvas{picture: image.NewRGBA(image.Rect(0, 0, width, height)), rows: make([][]crossing, height*sub), cover: make([]float32, width+1)}
}

// Start begins a line. The filler closes its shapes; the stroker draws both
// sides of an outline alternately, and closes nothing.
func (c *canvas) Start(a fixed.Point26_6) { c.last = a }

// Line adds a line.
func (c *canvas) Line(b fixed.Point26_6) {
	if c.drawn++; c.drawn > maxLines {
		panic(errTooMuch{})
	}
	if c.last.Y != b.Y {
		c.lines = append(c.lines, line{float32(c.last.X) / 64, float32(c.last.Y) / 64, float32(b.X) / 64, float32(b.Y) / 64})
	}
	c.last = b
}

// Draw fills the shape that was added.
func (c *canvas) Draw() {
	for i := range c.rows {
		c.rows[i] = c.rows[i][:0]
	}
	for _, l := range c.lines {
		c.cross(l)
	}
	for y := range c.picture.Rect.Dy() {
		c.fillRow(y)
	}
}

// cross records where the line crosses sample rows, at their center.
func (c *canvas) cross(l line) {
	up := int8(1)
	if l.ay > l.by {
		l, up = line{l.bx, l.by, l.ax, l.ay}, -1
	}
	first := max(0, int(math.Ceil(float64(l.ay)*sub-0.5)))
	end := min(len(c.rows), int(math.Ceil(float64(l.by)*sub-0.5)))
	if end <= first {
		return
	}
	if c.crossed += end - first; c.crossed > maxCrossings {
		panic(errTooMuch{})
	}
	slope := (l.bx - l.ax) / (l.by - l.ay)
	for row := first; row < end; row++ {
		y := (float32(row) + 0.5) / sub
		c.rows[row] = append(c.rows[row], crossing{l.ax + (y-l.ay)*slope, up})
	}
}

// fillRow paints a row of pixels.
func (c *canvas) fillRow(y int) {
	clear(c.cover)
	any := false
	for _, row := range c.rows[y*sub : (y+1)*sub] {
		slices.SortFunc(row, func(a, b crossing) int {
			switch {
			case a.x < b.x:
				return -1
			case a.x > b.x:
				return 1
			}
			return 0
		})
		winding := 0
		for i := range len(row) - 1 {
			winding += int(row[i].up)
			if inside := winding != 0; inside && (!c.evenOdd || winding%2 != 0) {
				any = c.span(row[i].x, row[i+1].x) || any
			}
		}
	}
	if any {
		c.blend(y)
	}
}

// span covers part of a sample row.
func (c *canvas) span(from, to float32) bool {
	width := float32(len(c.cover) - 1)
	from, to = min(max(from, 0), width), min(max(to, 0), width)
	if !(from < to) {
		return false
	}
	left, right := int(from), int(to)
	if left == right {
		c.cover[left] += to - from
		return true
	}
	c.cover[left] += float32(left+1) - from
	for x := left + 1; x < right; x++ {
		c.cover[x]++
	}
	c.cover[right] += to - float32(right)
	return true
}

// blend blends the paint into a row, according to its coverage.
func (c *canvas) blend(y int) {
	for x, covered := range c.cover[:len(c.cover)-1] {
		if covered <= 0 {
			continue
		}
		if c.painted++; c.painted > maxPainted {
			panic(errTooMuch{})
		}
		p := c.paint(x, y)
		alpha := float32(p.A) / 255 * min(covered/sub, 1)
		i := c.picture.PixOffset(x, y)
		under := c.picture.Pix[i : i+4 : i+4]
		for k, v := range [4]uint8{p.R, p.G, p.B, 255} {
			under[k] = uint8(float32(v)*alpha + float32(under[k])*(1-alpha) + 0.5)
		}
	}
}

// Clear discards what was added.
func (c *canvas) Clear() {
	c.lines, c.last = c.lines[:0], fixed.Point26_6{}
}

// SetWinding does nothing: fill says which parts are inside.
func (c *canvas) SetWinding(bool) {}

// SetColor does nothing: the canvas has its paint.
func (c *canvas) SetColor(any) {}

// SetBounds does nothing: the canvas has its size.
func (c *canvas) SetBounds(int, int) {}

// SetClip does nothing: nothing is clipped.
func (c *canvas) SetClip(image.Rectangle) {}

// GetPathExtent isn't called by the parts of rasterx used here.
func (c *canvas) GetPathExtent() fixed.Rectangle26_6 { return fixed.Rectangle26_6{} }

// fill fills a shape.
func (c *canvas) fill(path rasterx.Path, evenOdd bool, paint func(x, y int) color.NRGBA) {
	c.evenOdd, c.paint = evenOdd, paint
	filler := rasterx.NewFiller(0, 0, c)
	path.AddTo(filler)
	filler.Draw()
	c.Clear()
}

// A stroke says how a line is drawn. Its widths are in pixels.
type stroke struct {
	width, miter float64
	cap          rasterx.CapFunc
	join         rasterx.JoinMode
}

// stroke draws the outline of a shape.
func (c *canvas) stroke(path rasterx.Path, s stroke, paint func(x, y int) color.NRGBA) {
	c.evenOdd, c.paint = false, paint
	stroker := rasterx.NewStroker(0, 0, c)
	stroker.SetStroke(fixed.Int26_6(s.width*64), fixed.Int26_6(s.miter*64), s.cap, s.cap, rasterx.FlatGap, s.join)
	path.AddTo(stroker)
	stroker.Draw()
	c.Clear()
}
