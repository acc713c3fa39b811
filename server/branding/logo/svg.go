package logo

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"io"
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/srwiley/rasterx"
)

// Limits of an SVG. The drawing itself is limited in the canvas.
const (
	maxElements = 4000 // including elements that are used again
	maxDepth    = 48
	maxRead     = 4 << 20 // bytes that are parsed from or created for attributes and styles
)

// mapped is about the size of a map entry, in bytes.
const mapped = 32

// The namespaces of the elements that are drawn, and of links to some of them.
const (
	svgSpace  = "http://www.w3.org/2000/svg"
	linkSpace = "http://www.w3.org/1999/xlink"
)

// A node is an element.
type node struct {
	name     string
	attrs    map[string]string
	size     int // of the attributes
	children []*node
	text     []byte // of a style sheet
}

// A drawing is a parsed SVG and the state of drawing it.
type drawing struct {
	root    *node
	ids     map[string]*node
	classes map[string]map[string]string
	canvas  *canvas
	width   float64 // of the view box
	height  float64
	drawn   int // elements
	spent   int // of maxRead
}

// unreadable is the fault for an SVG that isn't well-formed.
func unreadable() error {
	return refuse("The SVG can't be read. Save it again as plain SVG, or upload a PNG.")
}

// tooMuch is the fault for an SVG beyond the limits.
func tooMuch() error {
	return refuse("The SVG is too complex to draw. Simplify it, or upload a PNG.")
}

// readSVG draws an SVG.
func readSVG(data []byte) (picture *image.RGBA, err error) {
	defer func() {
		switch recover().(type) {
		case nil:
		case errTooMuch:
			picture, err = nil, tooMuch()
		default: // the stroker fails on lines that no logo has
			picture, err = nil, unreadable()
		}
	}()
	d := &drawing{ids: map[string]*node{}, classes: map[string]map[string]string{}}
	if err := d.read(data); err != nil {
		return nil, err
	}
	matrix, err := d.size()
	if err != nil {
		return nil, err
	}
	s := initial()
	s.matrix = matrix
	if err := d.group(d.root, s, 0); err != nil {
		return nil, err
	}
	return d.canvas.picture, nil
}

// size creates the canvas, and returns the transform from the view box to it.
func (d *drawing) size() (rasterx.Matrix2D, error) {
	box := numbers(d.root.attrs["viewBox"])
	if len(box) != 4 {
		width, _ := length(d.root.attrs["width"], 0)
		height, _ := length(d.root.attrs["height"], 0)
		box = []float64{0, 0, width, height}
	}
	d.width, d.height = box[2], box[3]
	longer := math.Max(d.width, d.height)
	if !(d.width > 0) || !(d.height > 0) || longer > 1e6 || longer < 1e-3 {
		return rasterx.Identity, refuse("The SVG has no size. Give it a viewBox, or upload a PNG.")
	}
	scale := Side / longer
	width, height := int(math.Ceil(d.width*scale-1e-6)), int(math.Ceil(d.height*scale-1e-6))
	d.canvas = newCanvas(max(1, width), max(1, height))
	return rasterx.Identity.Scale(scale, scale).Translate(-box[0], -box[1]), nil
}

// read parses the file to a tree. Entities are unknown, including those of a
// DOCTYPE: nothing expands.
func (d *drawing) read(data []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(data))
	decoder.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("not UTF-8") }
	var open []*node
	for count := 0; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return unreadable()
		}
		switch t := token.(type) {
		case xml.StartElement:
			if count++; count > maxElements || len(open) >= maxDepth {
				return tooMuch()
			}
			n := d.node(t)
			if len(open) > 0 {
				above := open[len(open)-1]
				above.children = append(above.children, n)
			} else if d.root == nil {
				d.root = n
			}
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && open[len(open)-1].name == "style" {
				open[len(open)-1].text = append(open[len(open)-1].text, t...)
			}
		}
	}
	if d.root == nil || d.root.name != "svg" {
		return refuse("The logo is neither PNG nor SVG. Save it as one of these.")
	}
	d.readStyles(d.root)
	return nil
}

// node returns an element of SVG; those of other namespaces have no name.
// Attributes of other namespaces, for example an ID that an editor adds, are
// ignored.
func (d *drawing) node(t xml.StartElement) *node {
	n := &node{attrs: map[string]string{}}
	if t.Name.Space == svgSpace || t.Name.Space == "" {
		n.name = t.Name.Local
	}
	for _, a := range t.Attr {
		if space := a.Name.Space; space != "" && space != linkSpace && space != "xlink" {
			continue
		}
		n.attrs[a.Name.Local] = strings.TrimSpace(a.Value)
		n.size += len(a.Name.Local) + len(a.Value)
	}
	if id := n.attrs["id"]; id != "" && d.ids[id] == nil {
		d.ids[id] = n
	}
	return n
}

// readStyles parses the class rules of style sheets. Other rules, for example
// imports, are ignored.
func (d *drawing) readStyles(n *node) {
	if n.name == "style" {
		for _, rule := range strings.Split(string(n.text), "}") {
			selectors, body, ok := strings.Cut(rule, "{")
			if !ok {
				continue
			}
			for _, selector := range strings.Split(selectors, ",") {
				class, ok := strings.CutPrefix(strings.TrimSpace(selector), ".")
				if !ok {
					continue
				}
				if d.classes[class] == nil {
					d.classes[class] = map[string]string{}
				}
				d.spend(len(body))
				declarations(body, d.classes[class])
			}
		}
	}
	for _, child := range n.children {
		d.readStyles(child)
	}
}

// spend stops a drawing that takes too much to parse: a few bytes can use a
// long path or a large style sheet thousands of times.
func (d *drawing) spend(size int) {
	if d.spent += size; d.spent > maxRead {
		panic(errTooMuch{})
	}
}

// values returns the properties of an element: from attributes, its classes,
// and its style.
func (d *drawing) values(n *node) map[string]string {
	values := maps.Clone(n.attrs)
	for _, class := range strings.Fields(n.attrs["class"]) {
		d.spend(len(d.classes[class]))
		maps.Copy(values, d.classes[class])
	}
	declarations(n.attrs["style"], values)
	d.spend(n.size + mapped*len(values))
	return values
}

// declarations parses "fill:#123456; stroke:none" into values.
func declarations(text string, values map[string]string) {
	for _, each := range strings.Split(text, ";") {
		if name, value, ok := strings.Cut(each, ":"); ok {
			values[strings.TrimSpace(name)] = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "!important"))
		}
	}
}

// group draws the children of an element.
func (d *drawing) group(n *node, s style, depth int) error {
	for _, child := range n.children {
		if err := d.element(child, s, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// element draws an element. Text and pictures are refused, because they would
// be missing in the logo; elements that show nothing, for example scripts, are
// ignored.
func (d *drawing) element(n *node, s style, depth int) error {
	if d.drawn++; d.drawn > maxElements || depth > maxDepth {
		return tooMuch()
	}
	switch n.name {
	case "text":
		return refuse("The SVG has text, which depends on fonts. Convert it to paths, or upload a PNG.")
	case "image", "foreignObject":
		return refuse("The SVG contains or loads a picture. Upload a PNG instead.")
	case "g", "a", "switch", "svg", "use", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon":
	default:
		return nil
	}
	if !s.apply(d, n) {
		return nil
	}
	switch n.name {
	case "g", "a", "switch":
		return d.group(n, s, depth)
	case "svg":
		s.matrix = s.matrix.Translate(d.lengths(n, "x", "y"))
		return d.group(n, s, depth)
	case "use":
		return d.use(n, s, depth)
	}
	p := newPen(s.matrix)
	d.shape(n, p)
	d.spend(4 * len(p.path))
	d.paint(p, s)
	return nil
}

// use draws an element of the same file again.
func (d *drawing) use(n *node, s style, depth int) error {
	id, ok := strings.CutPrefix(n.attrs["href"], "#")
	if !ok {
		return refuse("The SVG uses part of another file. Save it as a single file, or upload a PNG.")
	}
	used := d.ids[id]
	if used == nil {
		return nil
	}
	s.matrix = s.matrix.Translate(d.lengths(n, "x", "y"))
	if used.name == "symbol" {
		return d.group(used, s, depth)
	}
	return d.element(used, s, depth+1)
}

// lengths parses two lengths, one along each side.
func (d *drawing) lengths(n *node, x, y string) (float64, float64) {
	h, _ := length(n.attrs[x], d.width)
	v, _ := length(n.attrs[y], d.height)
	return h, v
}

// shape draws the element with the pen.
func (d *drawing) shape(n *node, p *pen) {
	switch n.name {
	case "path":
		p.draw(n.attrs["d"])
	case "rect":
		d.rect(n, p)
	case "circle", "ellipse":
		x, y := d.lengths(n, "cx", "cy")
		rx, ry := d.lengths(n, "rx", "ry")
		if n.name == "circle" {
			rx, _ = length(n.attrs["r"], math.Hypot(d.width, d.height)/math.Sqrt2)
			ry = rx
		}
		if rx > 0 && ry > 0 {
			p.moveTo(x+rx, y)
			p.arcTo(rx, ry, 0, false, true, x-rx, y)
			p.arcTo(rx, ry, 0, false, true, x+rx, y)
			p.end(true)
		}
	case "line":
		p.moveTo(d.lengths(n, "x1", "y1"))
		p.lineTo(d.lengths(n, "x2", "y2"))
		p.end(false)
	case "polyline", "polygon":
		points := numbers(n.attrs["points"])
		for i := 0; i+1 < len(points); i += 2 {
			if i == 0 {
				p.moveTo(points[0], points[1])
			} else {
				p.lineTo(points[i], points[i+1])
			}
		}
		p.end(n.name == "polygon")
	}
}

func (d *drawing) rect(n *node, p *pen) {
	x, y := d.lengths(n, "x", "y")
	w, h := d.lengths(n, "width", "height")
	rx, okX := length(n.attrs["rx"], d.width)
	ry, okY := length(n.attrs["ry"], d.height)
	if !okX {
		rx = ry
	}
	if !okY {
		ry = rx
	}
	rx, ry = min(max(rx, 0), w/2), min(max(ry, 0), h/2)
	if !(w > 0) || !(h > 0) {
		return
	}
	p.moveTo(x+rx, y)
	p.lineTo(x+w-rx, y)
	p.arcTo(rx, ry, 0, false, true, x+w, y+ry)
	p.lineTo(x+w, y+h-ry)
	p.arcTo(rx, ry, 0, false, true, x+w-rx, y+h)
	p.lineTo(x+rx, y+h)
	p.arcTo(rx, ry, 0, false, true, x, y+h-ry)
	p.lineTo(x, y+ry)
	p.arcTo(rx, ry, 0, false, true, x+rx, y)
	p.end(true)
}

// paint fills the path and draws its outline.
func (d *drawing) paint(p *pen, s style) {
	if len(p.path) == 0 {
		return
	}
	if fill := s.fill.at(d, p, s, s.opacity*s.fillOpacity); fill != nil {
		d.canvas.fill(p.path, s.evenOdd, fill)
	}
	scale := math.Sqrt(math.Abs(s.matrix.A*s.matrix.D - s.matrix.B*s.matrix.C))
	width := min(s.stroke.width*scale, 4*Side)
	line := s.line.at(d, p, s, s.opacity*s.strokeOpacity)
	if line == nil || !(width > 0) {
		return
	}
	outline := s.stroke
	outline.width, outline.miter = width, min(s.stroke.miter, 100)
	d.canvas.stroke(p.path, outline, line)
}

// numbers parses a list of numbers, up to the first invalid one.
func numbers(text string) []float64 {
	var all []float64
	for l := (&lexer{text}); ; {
		v, ok := l.number()
		if !ok {
			return all
		}
		all = append(all, v)
	}
}

// units says how many pixels a unit has.
var units = map[string]float64{"": 1, "px": 1, "pt": 4.0 / 3, "pc": 16, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96}

// length parses a length; a percentage is relative to the whole.
func length(text string, whole float64) (float64, bool) {
	if part, ok := strings.CutSuffix(text, "%"); ok {
		v, err := strconv.ParseFloat(part, 64)
		return sane(v / 100 * whole), err == nil
	}
	l := &lexer{text}
	v, ok := l.number()
	unit, known := units[strings.TrimSpace(l.rest)]
	return sane(v * unit), ok && known
}

// sane returns a number that is safe to compute with.
func sane(v float64) float64 {
	if math.IsNaN(v) || math.Abs(v) > 1e9 {
		return 0
	}
	return v
}
