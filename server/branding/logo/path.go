package logo

import (
	"math"
	"strconv"

	"github.com/srwiley/rasterx"
	"golang.org/x/image/math/fixed"
)

// A pen draws a path and converts its points to pixels.
type pen struct {
	matrix rasterx.Matrix2D
	path   rasterx.Path

	x, y           float64 // current position
	startX, startY float64 // start of the shape
	ctrlX, ctrlY   float64 // the last control point
	ctrlOf         byte    // 'C' or 'Q': kind of the last curve
	open           bool

	minX, minY, maxX, maxY float64 // of all points
}

func newPen(m rasterx.Matrix2D) *pen {
	return &pen{matrix: m, minX: math.Inf(1), minY: math.Inf(1), maxX: math.Inf(-1), maxY: math.Inf(-1)}
}

// farthest is how far outside the picture a point can be, in pixels. Points
// beyond are moved there, because the numbers of rasterx have a limit.
const farthest = 1 << 15

func (p *pen) point(x, y float64) fixed.Point26_6 {
	p.minX, p.minY, p.maxX, p.maxY = min(p.minX, x), min(p.minY, y), max(p.maxX, x), max(p.maxY, y)
	x, y = p.matrix.Transform(x, y)
	return fixed.Point26_6{X: near(x), Y: near(y)}
}

func near(v float64) fixed.Int26_6 {
	if math.IsNaN(v) {
		return 0
	}
	return fixed.Int26_6(min(max(v, -farthest), farthest) * 64)
}

func (p *pen) moveTo(x, y float64) {
	p.end(false)
	p.x, p.y, p.startX, p.startY, p.ctrlOf = x, y, x, y, 0
}

// begin starts the shape with its first line.
func (p *pen) begin() {
	if !p.open {
		p.startX, p.startY = p.x, p.y
		p.path.Start(p.point(p.x, p.y))
		p.open = true
	}
}

func (p *pen) end(closed bool) {
	if p.open {
		p.path.Stop(closed)
		p.open = false
	}
	if closed {
		p.x, p.y, p.ctrlOf = p.startX, p.startY, 0
	}
}

func (p *pen) lineTo(x, y float64) {
	p.begin()
	p.path.Line(p.point(x, y))
	p.x, p.y, p.ctrlOf = x, y, 0
}

func (p *pen) cubeTo(bx, by, cx, cy, x, y float64) {
	p.begin()
	p.path.CubeBezier(p.point(bx, by), p.point(cx, cy), p.point(x, y))
	p.x, p.y, p.ctrlX, p.ctrlY, p.ctrlOf = x, y, cx, cy, 'C'
}

func (p *pen) quadTo(bx, by, x, y float64) {
	p.begin()
	p.path.QuadBezier(p.point(bx, by), p.point(x, y))
	p.x, p.y, p.ctrlX, p.ctrlY, p.ctrlOf = x, y, bx, by, 'Q'
}

// reflected returns the control point of a smooth continuation.
func (p *pen) reflected(of byte) (x, y float64) {
	if p.ctrlOf != of {
		return p.x, p.y
	}
	return 2*p.x - p.ctrlX, 2*p.y - p.ctrlY
}

// arcTo draws an arc of an ellipse, as in appendix F.6 of SVG 1.1.
func (p *pen) arcTo(rx, ry, degrees float64, large, sweep bool, x, y float64) {
	rx, ry = math.Abs(rx), math.Abs(ry)
	if rx == 0 || ry == 0 || p.x == x && p.y == y {
		p.lineTo(x, y)
		return
	}
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	dx, dy := (p.x-x)/2, (p.y-y)/2
	ax, ay := cos*dx+sin*dy, cos*dy-sin*dx
	if over := ax*ax/(rx*rx) + ay*ay/(ry*ry); over > 1 {
		rx, ry = rx*math.Sqrt(over), ry*math.Sqrt(over)
	}
	root := math.Sqrt(max(0, rx*rx*ry*ry-rx*rx*ay*ay-ry*ry*ax*ax) / (rx*rx*ay*ay + ry*ry*ax*ax))
	if large == sweep {
		root = -root
	}
	cx, cy := root*rx*ay/ry, -root*ry*ax/rx
	from := math.Atan2((ay-cy)/ry, (ax-cx)/rx)
	turn := math.Atan2((-ay-cy)/ry, (-ax-cx)/rx) - from
	if sweep && turn < 0 {
		turn += 2 * math.Pi
	} else if !sweep && turn > 0 {
		turn -= 2 * math.Pi
	}
	midX, midY := cos*cx-sin*cy+(p.x+x)/2, sin*cx+cos*cy+(p.y+y)/2
	onEllipse := func(u, v float64) (float64, float64) {
		u, v = u*rx, v*ry
		return midX + cos*u - sin*v, midY + sin*u + cos*v
	}
	parts := int(math.Abs(turn)/(math.Pi/4)) + 1
	step := turn / float64(parts)
	k := 4.0 / 3 * math.Tan(step/4)
	for i := range parts {
		s0, c0 := math.Sincos(from + step*float64(i))
		s1, c1 := math.Sincos(from + step*float64(i+1))
		bx, by := onEllipse(c0-k*s0, s0+k*c0)
		dx, dy := onEllipse(c1+k*s1, s1-k*c1)
		ex, ey := onEllipse(c1, s1)
		if i == parts-1 {
			ex, ey = x, y
		}
		p.cubeTo(bx, by, dx, dy, ex, ey)
	}
	p.ctrlOf = 0
}

// A lexer parses the numbers of a path.
type lexer struct{ rest string }

func (l *lexer) skip() {
	for l.rest != "" && (l.rest[0] == ' ' || l.rest[0] == ',' || l.rest[0] >= '\t' && l.rest[0] <= '\r') {
		l.rest = l.rest[1:]
	}
}

// number parses a number, which ends where another one can begin.
func (l *lexer) number() (float64, bool) {
	l.skip()
	end, point, exponent := 0, false, false
	for ; end < len(l.rest); end++ {
		switch c := l.rest[end]; {
		case c >= '0' && c <= '9':
			continue
		case (c == '-' || c == '+') && (end == 0 || exponent && l.rest[end-1]|0x20 == 'e'):
			continue
		case c == '.' && !point && !exponent:
			point = true
			continue
		case c|0x20 == 'e' && end > 0 && !exponent:
			exponent = true
			continue
		}
		break
	}
	v, err := strconv.ParseFloat(l.rest[:end], 64)
	if err != nil || math.Abs(v) > 1e9 {
		return 0, false
	}
	l.rest = l.rest[end:]
	return v, true
}

// flag parses a digit, which the next number may follow directly.
func (l *lexer) flag() (float64, bool) {
	l.skip()
	if l.rest == "" || l.rest[0] != '0' && l.rest[0] != '1' {
		return 0, false
	}
	v := float64(l.rest[0] - '0')
	l.rest = l.rest[1:]
	return v, true
}

// arguments says how many numbers a command has.
var arguments = map[byte]int{'M': 2, 'L': 2, 'H': 1, 'V': 1, 'C': 6, 'S': 4, 'Q': 4, 'T': 2, 'A': 7, 'Z': 0}

// draw draws path data up to its end or the first error, as SVG requires.
func (p *pen) draw(data string) {
	l := &lexer{data}
	for {
		l.skip()
		if l.rest == "" {
			break
		}
		command := l.rest[0]
		want, known := arguments[command&^0x20]
		if !known {
			break
		}
		l.rest = l.rest[1:]
		if !p.commands(l, command, want) {
			break
		}
	}
	p.end(false)
}

// commands draws a command once for each group of its numbers.
func (p *pen) commands(l *lexer, command byte, want int) bool {
	if want == 0 {
		p.end(true)
		return true
	}
	for first := true; ; first = false {
		var v [7]float64
		for i := range want {
			read := l.number
			if want == 7 && (i == 3 || i == 4) {
				read = l.flag
			}
			var ok bool
			if v[i], ok = read(); !ok {
				return i == 0 && !first // the next command, or an error
			}
		}
		p.command(command, v)
		if command&^0x20 == 'M' {
			command = command - 'M' + 'L'
		}
	}
}

// command draws one command. Lower-case commands are relative to the pen.
func (p *pen) command(command byte, v [7]float64) {
	dx, dy := 0.0, 0.0
	if command >= 'a' {
		dx, dy = p.x, p.y
	}
	switch command &^ 0x20 {
	case 'M':
		p.moveTo(v[0]+dx, v[1]+dy)
	case 'L':
		p.lineTo(v[0]+dx, v[1]+dy)
	case 'H':
		p.lineTo(v[0]+dx, p.y)
	case 'V':
		p.lineTo(p.x, v[0]+dy)
	case 'C':
		p.cubeTo(v[0]+dx, v[1]+dy, v[2]+dx, v[3]+dy, v[4]+dx, v[5]+dy)
	case 'S':
		bx, by := p.reflected('C')
		p.cubeTo(bx, by, v[0]+dx, v[1]+dy, v[2]+dx, v[3]+dy)
	case 'Q':
		p.quadTo(v[0]+dx, v[1]+dy, v[2]+dx, v[3]+dy)
	case 'T':
		bx, by := p.reflected('Q')
		p.quadTo(bx, by, v[0]+dx, v[1]+dy)
	case 'A':
		p.arcTo(v[0], v[1], v[2], v[3] != 0, v[4] != 0, v[5]+dx, v[6]+dy)
	}
}
