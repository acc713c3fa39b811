package logo

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	"github.com/srwiley/rasterx"
	"golang.org/x/image/colornames"
)

// A style says how an element is drawn. Most of it is inherited by the elements
// in it.
type style struct {
	matrix                              rasterx.Matrix2D
	color                               color.NRGBA // the value of currentColor
	fill, line                          paint
	opacity, fillOpacity, strokeOpacity float64
	evenOdd                             bool
	stroke                              stroke
}

func initial() style {
	black := color.NRGBA{A: 255}
	return style{
		matrix: rasterx.Identity, color: black, fill: paint{kind: plain, color: black},
		opacity: 1, fillOpacity: 1, strokeOpacity: 1,
		stroke: stroke{1, 4, rasterx.ButtCap, rasterx.Miter},
	}
}

// apply applies the attributes of the element. It reports whether the element
// is drawn at all.
func (s *style) apply(d *drawing, n *node) bool {
	values := d.values(n)
	if values["display"] == "none" || values["visibility"] == "hidden" {
		return false
	}
	if c, ok := parseColor(values["color"]); ok {
		s.color = c
	}
	s.fill.set(values["fill"], s.color)
	s.line.set(values["stroke"], s.color)
	share(values["fill-opacity"], &s.fillOpacity, 1)
	share(values["stroke-opacity"], &s.strokeOpacity, 1)
	share(values["opacity"], &s.opacity, s.opacity)
	switch values["fill-rule"] {
	case "evenodd":
		s.evenOdd = true
	case "nonzero":
		s.evenOdd = false
	}
	s.applyStroke(d, values)
	s.matrix = s.matrix.Mult(transform(values["transform"]))
	return true
}

func (s *style) applyStroke(d *drawing, values map[string]string) {
	if v, ok := length(values["stroke-width"], d.width); ok {
		s.stroke.width = v
	}
	if v, ok := length(values["stroke-miterlimit"], 0); ok {
		s.stroke.miter = v
	}
	switch values["stroke-linecap"] {
	case "butt":
		s.stroke.cap = rasterx.ButtCap
	case "round":
		s.stroke.cap = rasterx.RoundCap
	case "square":
		s.stroke.cap = rasterx.SquareCap
	}
	switch values["stroke-linejoin"] {
	case "miter":
		s.stroke.join = rasterx.Miter
	case "round":
		s.stroke.join = rasterx.Round
	case "bevel":
		s.stroke.join = rasterx.Bevel
	}
}

// share parses a number from 0 to 1.
func share(text string, v *float64, whole float64) {
	if n, ok := length(text, 1); ok {
		*v = whole * min(max(n, 0), 1)
	}
}

// transform parses a list of transforms, up to the first invalid one.
func transform(text string) rasterx.Matrix2D {
	m := rasterx.Identity
	for {
		name, rest, ok := strings.Cut(text, "(")
		inside, after, closed := strings.Cut(rest, ")")
		if !ok || !closed {
			return m
		}
		step, ok := transformStep(strings.Trim(name, " ,\t\r\n"), numbers(inside))
		if !ok {
			return m
		}
		m, text = m.Mult(step), after
	}
}

func transformStep(name string, v []float64) (rasterx.Matrix2D, bool) {
	m := rasterx.Identity
	switch {
	case name == "matrix" && len(v) == 6:
		return rasterx.Matrix2D{A: v[0], B: v[1], C: v[2], D: v[3], E: v[4], F: v[5]}, true
	case name == "translate" && len(v) == 1:
		return m.Translate(v[0], 0), true
	case name == "translate" && len(v) == 2:
		return m.Translate(v[0], v[1]), true
	case name == "scale" && len(v) == 1:
		return m.Scale(v[0], v[0]), true
	case name == "scale" && len(v) == 2:
		return m.Scale(v[0], v[1]), true
	case name == "rotate" && len(v) == 1:
		return m.Rotate(v[0] * math.Pi / 180), true
	case name == "rotate" && len(v) == 3:
		return m.Translate(v[1], v[2]).Rotate(v[0]*math.Pi/180).Translate(-v[1], -v[2]), true
	case name == "skewX" && len(v) == 1:
		return m.SkewX(v[0] * math.Pi / 180), true
	case name == "skewY" && len(v) == 1:
		return m.SkewY(v[0] * math.Pi / 180), true
	}
	return m, false
}

// A paint is a color, or a gradient by its ID.
type paint struct {
	kind     kind
	color    color.NRGBA // with a gradient: used if the gradient is missing
	gradient string
}

type kind int

const (
	none kind = iota
	plain
	graded
)

// set parses a paint. An invalid one changes nothing.
func (p *paint) set(text string, current color.NRGBA) {
	if rest, ok := strings.CutPrefix(text, "url("); ok {
		id, after, _ := strings.Cut(rest, ")")
		id = strings.Trim(strings.TrimSpace(id), `"'`)
		*p = paint{kind: graded, gradient: strings.TrimPrefix(id, "#")}
		if c, ok := parseColor(strings.TrimSpace(after)); ok {
			p.color = c
		}
		return
	}
	switch c, ok := parseColor(text); {
	case text == "none" || text == "transparent":
		*p = paint{}
	case text == "currentColor" || text == "currentcolor":
		*p = paint{kind: plain, color: current}
	case ok:
		*p = paint{kind: plain, color: c}
	}
}

// at returns the paint at each pixel, or nil if there is none.
func (p paint) at(d *drawing, pen *pen, s style, opacity float64) func(x, y int) color.NRGBA {
	if p.kind == graded {
		if g := d.gradient(p.gradient); g != nil {
			return g.at(pen, s.matrix, opacity)
		}
	}
	c := p.color
	if c.A = uint8(float64(c.A)*opacity + 0.5); p.kind == none || c.A == 0 {
		return nil
	}
	return func(int, int) color.NRGBA { return c }
}

// parseColor parses a CSS color, in the forms that drawing programs write.
func parseColor(text string) (color.NRGBA, bool) {
	text = strings.ToLower(text)
	if c, ok := colornames.Map[text]; ok {
		return color.NRGBA{c.R, c.G, c.B, 255}, true
	}
	if digits, ok := strings.CutPrefix(text, "#"); ok {
		return parseHex(digits)
	}
	name, inside, ok := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	if !ok || name != "rgb" && name != "rgba" {
		return color.NRGBA{}, false
	}
	parts := strings.FieldsFunc(inside, func(r rune) bool { return r == ',' || r == ' ' || r == '/' })
	if len(parts) != 3 && len(parts) != 4 {
		return color.NRGBA{}, false
	}
	v := [4]float64{3: 1}
	for i, part := range parts {
		whole := 255.0
		if i == 3 {
			whole = 1
		}
		n, ok := length(part, whole)
		if !ok {
			return color.NRGBA{}, false
		}
		v[i] = min(max(n, 0), whole)
	}
	return color.NRGBA{uint8(v[0] + 0.5), uint8(v[1] + 0.5), uint8(v[2] + 0.5), uint8(v[3]*255 + 0.5)}, true
}

func parseHex(digits string) (color.NRGBA, bool) {
	if len(digits) == 3 || len(digits) == 4 {
		var b strings.Builder
		for _, r := range digits {
			b.WriteRune(r)
			b.WriteRune(r)
		}
		digits = b.String()
	}
	if len(digits) == 6 {
		digits += "ff"
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || len(digits) != 8 {
		return color.NRGBA{}, false
	}
	return color.NRGBA{uint8(v >> 24), uint8(v >> 16), uint8(v >> 8), uint8(v)}, true
}
