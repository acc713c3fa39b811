package logo_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/branding/logo"
	"github.com/updatecase/mobileconfig/server/fault"
)

// most is how much memory a logo may take, of all that is allocated for it
// together.
const most = 64 << 20

// A hostile logo is refused, or becomes a picture drawn here.
type hostile struct {
	name    string
	data    []byte
	refused bool
}

func svg(body string) []byte {
	return []byte(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 100 100">` + body + `</svg>`)
}

const disc = `<circle cx="50" cy="50" r="40" fill="#0b6b62"/>`

// hostiles are malicious or damaged logos.
func hostiles(t *testing.T) []hostile {
	remote := "https://tracker.example/pixel.png"
	return []hostile{
		// What SVGs can contain besides drawings.
		{"script", svg(`<script>alert(1)</script>` + disc), false},
		{"script of another host", svg(`<script xlink:href="https://evil.example/x.js"/>` + disc), false},
		{"event handlers", svg(`<g onload="alert(1)" onclick="alert(2)">` + disc + `</g>`), false},
		{"link to a script", svg(`<a xlink:href="javascript:alert(1)">` + disc + `</a>`), false},
		{"remote picture", svg(disc + `<image xlink:href="` + remote + `" width="100" height="100"/>`), true},
		{"local file", svg(disc + `<image href="file:///etc/passwd" width="100" height="100"/>`), true},
		{"picture within", svg(disc + `<image href="data:image/png;base64,iVBORw0KGgo=" width="100" height="100"/>`), true},
		{"HTML within", svg(disc + `<foreignObject width="9" height="9"><iframe xmlns="http://www.w3.org/1999/xhtml" src="` + remote + `"/></foreignObject>`), true},
		{"part of another file", svg(`<use xlink:href="https://evil.example/a.svg#x"/>` + disc), true},
		{"remote fill", svg(`<rect width="50" height="50" fill="url(https://evil.example/a.svg#g)"/>` + disc), false},
		{"remote style sheet", svg(`<style>@import url("` + remote + `"); .a{fill:url(` + remote + `)}</style>` + disc), false},
		{"remote font", svg(`<style>@font-face{font-family:x;src:url(` + remote + `)}</style>` + disc), false},
		{"style sheet by instruction", append([]byte(`<?xml-stylesheet href="`+remote+`"?>`), svg(disc)...), false},
		{"remote filter and mask", svg(`<g filter="url(` + remote + `#f)" mask="url(` + remote + `#m)">` + disc + `</g>`), false},
		{"animation", svg(disc + `<animate attributeName="href" values="` + remote + `" begin="0s"/><set attributeName="onload" to="alert(1)"/>`), false},
		{"text", svg(disc + `<text x="5" y="50">Bank of Trust</text>`), true},
		{"entity of a file", []byte(`<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg viewBox="0 0 9 9">` + disc + `<desc>&x;</desc></svg>`), true},
		{"billion laughs", []byte(`<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><svg viewBox="0 0 9 9"><desc>&b;</desc></svg>`), true},
		// What would take too long, or too much.
		{"uses that double", svg(`<defs>` + doubling(disc, 40) + `</defs><use href="#u39"/>`), true},
		{"attributes used again", svg(disc + doubling(`<rect`+counted(` a%x=""`, 5000)+`/>`, 11)), true},
		{"styles used again", svg(disc + doubling(`<rect style="`+counted(`a%x:;`, 5000)+`"/>`, 11)), true},
		{"path used again", svg(disc + doubling(`<path fill="none" d="`+strings.Repeat("h0", 10000)+`"/>`, 11)), true},
		{"path of moves used again", svg(disc + doubling(`<path d="`+strings.Repeat("M1 1", 10000)+`"/>`, 11)), true},
		{"gradient of many attributes", svg(disc + `<linearGradient id="g"` + counted(` a%x=""`, 5000) + `><stop/></linearGradient>` + strings.Repeat(`<path fill="url(#g)" d="M0 0h1v1"/>`, 1000)), true},
		{"classes without end", svg(disc + `<style>.a{` + counted(`a%x:;`, 3000) + `}</style><rect class="` + strings.Repeat("a ", 10000) + `"/>`), true},
		{"selectors without end", svg(disc + `<style>` + strings.Repeat(".a,", 5000) + `.a{` + counted(`a%x:;`, 1000) + `}</style>`), true},
		{"style sheet in pieces", svg(disc + `<style>` + strings.Repeat(`a<!---->`, 100000) + `</style>`), false},
		{"use of itself", svg(`<g id="a">` + disc + `<use href="#a"/></g>`), true},
		{"deep groups", svg(strings.Repeat("<g>", 1000) + disc + strings.Repeat("</g>", 1000)), true},
		{"many elements", svg(strings.Repeat(`<rect width="100" height="100"/>`, 30000)), true},
		{"full-size layers", svg(`<linearGradient id="g"><stop stop-color="red"/><stop offset="1" stop-color="blue"/></linearGradient>` + strings.Repeat(`<rect width="100" height="100" fill="url(#g)"/>`, 3900)), true},
		{"endless path", svg(`<path d="M0 0` + strings.Repeat("L100 100 0 0", 60000) + `"/>`), true},
		{"flat lines without end", svg(`<path d="M0 0` + strings.Repeat("L100 9 0 9", 90000) + `"/>`), true},
		{"endless curve", svg(`<path stroke="red" d="M0 0` + strings.Repeat("c9e8 9e8-9e8 9e8 1 1", 30000) + `"/>`), true},
		{"wide stroke of curves", svg(`<path stroke="red" stroke-width="1e9" stroke-linejoin="round" stroke-linecap="round" fill="none" d="M0 0` + strings.Repeat("q50 99 1 1", 90000) + `"/>`), true},
		{"endless dashes", svg(`<path stroke="red" stroke-dasharray="0.0000001 0" d="M0 0L100 100"/>` + disc), false},
		{"numbers without end", svg(`<circle cx="1e308" cy="-1e308" r="1e308"/><path d="M1e999 0L0 1e999Z"/>` + disc), false},
		{"NaN", svg(`<rect x="NaN" y="Infinity" width="50" height="50" transform="scale(0) matrix(1 0 0 0 NaN 1)"/>` + disc), false},
		{"no size", []byte(`<svg xmlns="http://www.w3.org/2000/svg">` + disc + `</svg>`), true},
		{"size of a wall", []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000000000 1000000000">` + disc + `</svg>`), true},
		{"line for a size", []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 0.001"><rect width="500" height="9"/></svg>`), false},
		{"gradient of itself", svg(`<linearGradient id="g" href="#g"/><rect width="90" height="90" fill="url(#g)"/>` + disc), false},
		{"gradient with 3,900 colors", svg(`<linearGradient id="g">` + strings.Repeat(`<stop offset=".5" stop-color="red"/>`, 3900) + `</linearGradient><rect width="90" height="90" fill="url(#g)"/>`), false},
		{"broken off", svg(disc)[:150], true},
		{"UTF-16", append([]byte{0xff, 0xfe}, []byte("<\x00s\x00v\x00g\x00")...), true},
		{"bytes of no letter", append([]byte("<svg>"), 0xff, 0xfe, 0xfd), true},
		// PNGs.
		{"bomb of a PNG", pngOf(t, 30000, 30000), true},
		{"PNG of a billion pixels that lies", header(t, 1<<30, 1), true},
		{"PNG without pixels", header(t, 0, 0), true},
		{"4 million pixels of 16 bits", pngOf(t, 2000, 2000), true},
		{"2 million pixels", plainPNG(t, striped(2000, 1000)), false},
		{"animated PNG", with(plainPNG(t, small()), chunk("acTL", []byte{0, 0, 0, 9, 0, 0, 0, 0})), false},
		{"PNG with a text bomb", with(plainPNG(t, small()), chunk("zTXt", append([]byte("Comment\x00\x00"), deflated(t, 64<<20)...))), false},
		{"PNG with a color profile", with(plainPNG(t, small()), chunk("iCCP", append([]byte("x\x00\x00"), deflated(t, 64<<20)...))), false},
		{"PNG with a wrong checksum", corrupt(plainPNG(t, small())), true},
		{"half a PNG", plainPNG(t, small())[:90], true},
		{"PNG with a script behind it", append(plainPNG(t, small()), []byte("<script>alert(1)</script>")...), false},
		{"noise", noise(t), false},
		{"clear PNG", plainPNG(t, image.NewNRGBA(image.Rect(0, 0, 50, 50))), true},
		// What is neither.
		{"GIF", gifOf(t), true},
		{"JPEG", jpegOf(t), true},
		{"HTML", []byte(`<!doctype html><html><script>alert(1)</script></html>`), true},
		{"compressed SVG", deflated(t, 1000), true},
		{"PHP", []byte(`<?php system($_GET[0]); ?>`), true},
		{"nothing", nil, true},
		{"zeros", make([]byte, 1000), true},
		{"larger than may be", bytes.Repeat([]byte(" "), logo.MaxBytes+1), true},
	}
}

// TestHostileLogos checks that every hostile logo is refused with a fault that
// says why, or redrawn as a small PNG that contains only pixels, in little
// memory.
func TestHostileLogos(t *testing.T) {
	all := hostiles(t)
	if len(all) < 40 {
		t.Fatalf("%d logos", len(all))
	}
	m := logo.NewMaker()
	for _, tt := range all {
		t.Run(tt.name, func(t *testing.T) {
			before := allocated()
			out, err := m.Make(t.Context(), tt.data)
			if took := allocated() - before; took > most {
				t.Errorf("took %d MiB", took>>20)
			}
			if tt.refused {
				if f := fault.Of(err); err == nil || f.Code != fault.Invalid && f.Code != fault.TooLarge || f.Field != logo.Field || f.Detail == "" {
					t.Errorf("got %d bytes and %v, want a refusal", len(out), err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkOurs(t, out)
		})
	}
}

// checkOurs expects a small PNG that contains only pixels.
func checkOurs(t *testing.T, data []byte) {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Size(); len(data) > logo.MaxKept || max(size.X, size.Y) > logo.Side {
		t.Errorf("%d bytes, %v pixels", len(data), size)
	}
	for at := 8; at < len(data); {
		name := string(data[at+4 : at+8])
		if !strings.Contains("IHDR PLTE tRNS IDAT IEND", name) {
			t.Errorf("has a chunk %q", name)
		}
		at += 12 + int(binary.BigEndian.Uint32(data[at:]))
		if at > len(data) || name == "IEND" && at != len(data) {
			t.Errorf("bytes after the end")
		}
	}
}

func allocated() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.TotalAlloc
}

// TestDraws compares logos with the pictures beside them, which rsvg-convert -w
// 256 has drawn.
func TestDraws(t *testing.T) {
	files, err := filepath.Glob("testdata/*.svg")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d logos, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := logo.NewMaker().Make(t.Context(), data)
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".svg") + ".png"
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := difference(t, got, want); d > 1 {
				t.Errorf("differs by %.2f of 255 a pixel from %s", d, golden)
			}
		})
	}
}

// difference returns the mean difference of two pictures.
func difference(t *testing.T, a, b []byte) float64 {
	t.Helper()
	p, err := png.Decode(bytes.NewReader(a))
	if err != nil {
		t.Fatal(err)
	}
	q, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if p.Bounds() != q.Bounds() {
		t.Fatalf("sizes %v and %v", p.Bounds(), q.Bounds())
	}
	sum, n := 0.0, 0
	for y := range p.Bounds().Dy() {
		for x := range p.Bounds().Dx() {
			r1, g1, b1, a1 := p.At(x, y).RGBA()
			r2, g2, b2, a2 := q.At(x, y).RGBA()
			for _, d := range []int{int(r1) - int(r2), int(g1) - int(g2), int(b1) - int(b2), int(a1) - int(a2)} {
				sum, n = sum+float64(max(d, -d))/257, n+1
			}
		}
	}
	return sum / float64(n)
}

// TestEditorIDs checks that IDs that an editor adds in its own namespace don't
// hide any others.
func TestEditorIDs(t *testing.T) {
	m := logo.NewMaker()
	want, err := m.Make(t.Context(), svg(disc))
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Make(t.Context(), svg(`<defs><g id="Layer1" serif:id="Layer 1" xmlns:serif="http://www.serif.com/">`+disc+`</g></defs><use xlink:href="#Layer1"/>`))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes and %v, want the %d of the group alone", len(got), err, len(want))
	}
}

// TestScales scales a PNG down and checks its colors.
func TestScales(t *testing.T) {
	big := image.NewNRGBA(image.Rect(0, 0, 1024, 512))
	for y := range 512 {
		for x := range 1024 {
			big.SetNRGBA(x, y, color.NRGBA{R: uint8(x / 512 * 255), G: uint8(y / 256 * 255), A: 255})
		}
	}
	out, err := logo.NewMaker().Make(t.Context(), plainPNG(t, big))
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != image.Rect(0, 0, 256, 128) {
		t.Errorf("is %v", got.Bounds())
	}
	for at, want := range map[image.Point]color.NRGBA{{10, 10}: {A: 255}, {250, 10}: {R: 255, A: 255}, {10, 120}: {G: 255, A: 255}, {250, 120}: {R: 255, G: 255, A: 255}} {
		if c := color.NRGBAModel.Convert(got.At(at.X, at.Y)); c != want {
			t.Errorf("%v at %v, want %v", c, at, want)
		}
	}
}

func FuzzMake(f *testing.F) {
	for _, seed := range []string{disc, `<path d="M1 1h9v9a2 2 0 01.5.5zM4e0-3.5.5" stroke="#123" stroke-linejoin="round"/>`,
		`<g transform="rotate(9 1 2) skewX(3)"><rect rx="4" width="50%" height="9"/></g>`,
		`<linearGradient id="g"><stop stop-color="red"/></linearGradient><use href="#x"/><ellipse id="x" rx="9" ry="3" fill="url(#g)"/>`} {
		f.Add(svg(seed))
	}
	files, _ := filepath.Glob("testdata/*.[sp][vn]g")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(data)
		}
	}
	m := logo.NewMaker()
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := m.Make(t.Context(), data)
		if err == nil {
			checkOurs(t, out)
		} else if f := fault.Of(err); f.Code != fault.Invalid && f.Code != fault.TooLarge {
			t.Fatal(err)
		}
	})
}

// doubling returns an element that is used twice in an element that is used
// twice, and so on.
func doubling(element string, n int) string {
	var b strings.Builder
	b.WriteString(`<g id="u0">` + element + `</g>`)
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, `<g id="u%d"><use href="#u%d"/><use href="#u%d"/></g>`, i, i-1, i-1)
	}
	return b.String()
}

// counted returns a text n times, each with its number.
func counted(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func small() image.Image {
	p := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	for i := range 40 {
		p.SetNRGBA(i, i, color.NRGBA{R: 200, A: 255})
	}
	return p
}

func plainPNG(t *testing.T, p image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func striped(width, height int) image.Image {
	p := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range p.Pix {
		p.Pix[i] = uint8(i / 4096)
	}
	return p
}

func chunk(name string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, name...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// with inserts a chunk after the header of a PNG.
func with(data, c []byte) []byte {
	return append(append(append([]byte{}, data[:33]...), c...), data[33:]...)
}

func corrupt(data []byte) []byte {
	data[45] ^= 0xff
	return data
}

func deflated(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.Bytes()
}

// header returns a PNG of that size with hardly any data.
func header(t *testing.T, width, height uint32) []byte {
	t.Helper()
	h := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	h = append(h, 8, 6, 0, 0, 0)
	return append(append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", h)...), append(chunk("IDAT", deflated(t, 100)), chunk("IEND", nil)...)...)
}

// pngOf returns a 16-bit PNG whose rows are all zero: it is small.
func pngOf(t *testing.T, width, height int) []byte {
	t.Helper()
	h := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(width)), uint32(height))
	h = append(h, 16, 6, 0, 0, 0)
	size := min((width*8+1)*height, 64<<20)
	return append(append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", h)...), append(chunk("IDAT", deflated(t, size)), chunk("IEND", nil)...)...)
}

func noise(t *testing.T) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	p := image.NewNRGBA(image.Rect(0, 0, 400, 400))
	for i := range p.Pix {
		p.Pix[i] = uint8(r.Uint32())
	}
	return plainPNG(t, p)
}

func gifOf(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, small(), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, small(), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
