package logo

import (
	"image/color"
	"math"
	"strings"

	"github.com/srwiley/rasterx"
)

// maxStops is how many colors a gradient may have; others are ignored.
const maxStops = 64

// maxInherited is from how many gradients one may inherit.
const maxInherited = 8

// A gradient is a gradient of the file, with what it inherits from others.
type gradient struct {
	attrs map[string]string
	stops []stop
	round bool
	whole float64 // the base of percentages, if it has the units of the drawing
}

type stop struct {
	offset float64
	color  color.NRGBA
}

// gradient returns the gradient with the id, or nil.
func (d *drawing) gradient(id string) *gradient {
	g := &gradient{attrs: map[string]string{}, whole: math.Max(d.width, d.height)}
	for i := range maxInherited {
		n := d.ids[id]
		if n == nil || n.name != "linearGradient" && n.name != "radialGradient" {
			break
		}
		if i == 0 {
			g.round = n.name == "radialGradient"
		}
		d.spend(n.size + mapped*len(n.attrs) + len(n.children))
		for name, value := range n.attrs {
			if _, ok := g.attrs[name]; !ok {
				g.attrs[name] = value
			}
		}
		if len(g.stops) == 0 {
			g.stops = d.stops(n)
		}
		href, ok := strings.CutPrefix(n.attrs["href"], "#")
		if !ok {
			break
		}
		id = href
	}
	if len(g.stops) == 0 {
		return nil
	}
	return g
}

func (d *drawing) stops(n *node) []stop {
	var all []stop
	last := 0.0
	for _, child := range n.children {
		if child.name != "stop" || len(all) == maxStops {
			continue
		}
		s := initial()
		values := d.values(child)
		s.fill.set(values["stop-color"], s.color)
		opacity := 1.0
		share(values["stop-opacity"], &opacity, 1)
		offset, _ := length(values["offset"], 1)
		last = min(max(offset, last), 1)
		c := s.fill.color
		c.A = uint8(float64(c.A)*opacity + 0.5)
		all = append(all, stop{last, c})
	}
	return all
}

// shades is how many colors are computed between the ends.
const shades = 256

// at returns the gradient over what the pen has drawn.
func (g *gradient) at(pen *pen, m rasterx.Matrix2D, opacity float64) func(x, y int) color.NRGBA {
	whole := g.whole
	if g.attrs["gradientUnits"] != "userSpaceOnUse" {
		whole = 1
		width, height := pen.maxX-pen.minX, pen.maxY-pen.minY
		if !(width > 0) || !(height > 0) {
			c := g.stops[len(g.stops)-1].color
			return func(int, int) color.NRGBA { return c }
		}
		m = m.Translate(pen.minX, pen.minY).Scale(width, height)
	}
	m = m.Mult(transform(g.attrs["gradientTransform"]))
	if det := m.A*m.D - m.B*m.C; math.Abs(det) < 1e-12 || math.IsNaN(det) {
		return nil
	}
	back := m.Invert()
	place := g.place(whole)
	var ramp [shades]color.NRGBA
	for i := range ramp {
		ramp[i] = g.color(float64(i)/(shades-1), opacity)
	}
	spread := g.attrs["spreadMethod"]
	return func(x, y int) color.NRGBA {
		t := place(back.Transform(float64(x)+0.5, float64(y)+0.5))
		switch spread {
		case "repeat":
			t -= math.Floor(t)
		case "reflect":
			if t = math.Mod(math.Abs(t), 2); t > 1 {
				t = 2 - t
			}
		}
		if math.IsNaN(t) {
			t = 0
		}
		return ramp[int(min(max(t, 0), 1)*(shades-1))]
	}
}

// place returns how far along the gradient a point is.
func (g *gradient) place(whole float64) func(x, y float64) float64 {
	get := func(name string, otherwise float64) float64 {
		if v, ok := length(g.attrs[name], whole); ok {
			return v
		}
		return otherwise * whole
	}
	if g.round {
		cx, cy, r := get("cx", 0.5), get("cy", 0.5), get("r", 0.5)
		return func(x, y float64) float64 { return math.Hypot(x-cx, y-cy) / r }
	}
	x1, y1, x2, y2 := get("x1", 0), get("y1", 0), get("x2", 1), get("y2", 0)
	dx, dy := x2-x1, y2-y1
	return func(x, y float64) float64 { return ((x-x1)*dx + (y-y1)*dy) / (dx*dx + dy*dy) }
}

// color returns the color at a position.
func (g *gradient) color(t, opacity float64) color.NRGBA {
	after := 0
	for after < len(g.stops) && g.stops[after].offset <= t {
		after++
	}
	from, to, part := g.stops[max(after-1, 0)], g.stops[min(after, len(g.stops)-1)], 0.0
	if to.offset > from.offset {
		part = min(max((t-from.offset)/(to.offset-from.offset), 0), 1)
	}
	mix := func(a, b uint8) float64 { return float64(a)*(1-part) + float64(b)*part }
	a, b := from.color, to.color
	return color.NRGBA{uint8(mix(a.R, b.R) + 0.5), uint8(mix(a.G, b.G) + 0.5), uint8(mix(a.B, b.B) + 0.5), uint8(mix(a.A, b.A)*opacity + 0.5)}
}
