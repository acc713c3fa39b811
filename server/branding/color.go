package branding

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// A Color is an sRGB color.
type Color struct{ R, G, B uint8 }

// standard is the color of pages that have no other.
var standard = Color{0x2b, 0x52, 0xc4}

var hexColor = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// ParseColor reads a color such as "#0b6b62".
func ParseColor(text string) (Color, bool) {
	text = strings.ToLower(text)
	if !hexColor.MatchString(text) {
		return Color{}, false
	}
	v, err := strconv.ParseUint(text[1:], 16, 32)
	return Color{uint8(v >> 16), uint8(v >> 8), uint8(v)}, err == nil
}

// String is the color as ParseColor reads it.
func (c Color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// linear are the values of a channel as amounts of light.
var linear = func() (all [256]float64) {
	for i := range all {
		v := float64(i) / 255
		if v <= 0.04045 {
			all[i] = v / 12.92
		} else {
			all[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return all
}()

// luminance is the relative luminance of WCAG 2.2.
func (c Color) luminance() float64 {
	return 0.2126*linear[c.R] + 0.7152*linear[c.G] + 0.0722*linear[c.B]
}

// Contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func Contrast(a, b Color) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// mix is c with so many parts of 256 of another color.
func (c Color) mix(other Color, parts int) Color {
	of := func(a, b uint8) uint8 { return uint8((int(a)*(256-parts) + int(b)*parts + 128) / 256) }
	return Color{of(c.R, other.R), of(c.G, other.G), of(c.B, other.B)}
}

var (
	white = Color{255, 255, 255}
	black = Color{}
)

// AA is the contrast that WCAG 2.2 wants of text at its level AA, and edge that of
// controls.
const (
	AA   = 4.5
	edge = 3
)

// What a color stands on, by the names that the stylesheet has for them.
var (
	lightGround = []Color{{0xf6, 0xf6, 0xf3}, {0xff, 0xff, 0xff}, {0xf0, 0xf0, 0xec}}                     // bg, surface, sunken
	darkGround  = []Color{{0x11, 0x13, 0x15}, {0x1a, 0x1d, 0x20}, {0x15, 0x18, 0x1a}, {0x22, 0x26, 0x2a}} // and raised
	darkInk     = Color{0xec, 0xee, 0xf0}
	darkOn      = Color{0x10, 0x13, 0x1a} // on a light accent
	darkSoft    = Color{0x16, 0x18, 0x1c}
	// darkest is the page of a mail program in dark mode.
	darkest = Color{0x12, 0x12, 0x12}
)

// Shades are what is derived from a color, for pages that are light or dark.
type Shades struct {
	// Accent is for links and buttons, Strong for those that are pointed at, On
	// for words on an accent, and Soft lies behind words.
	Accent, Strong, On, Soft Color
}

// holds reports whether words can be read in all places: an accent on each ground
// and on Soft, On on Accent and Strong.
func (s Shades) holds(grounds []Color) bool {
	for _, g := range append([]Color{s.On, s.Soft}, grounds...) {
		if Contrast(s.Accent, g) < AA || Contrast(s.Strong, g) < AA {
			return false
		}
	}
	return true
}

// Light are the shades for a light page: of the color, or of the closest darker
// one that holds.
func (c Color) Light() Shades {
	return closest(func(parts int) (Shades, bool) {
		accent := c.mix(black, parts)
		s := Shades{Accent: accent, Strong: accent.mix(black, 51), On: white, Soft: white.mix(accent, 23)}
		return s, s.holds(lightGround)
	})
}

// OnLight is the contrast of the color on a light page, where that is least.
func (c Color) OnLight() float64 {
	least := Contrast(c, white)
	for _, g := range lightGround {
		least = min(least, Contrast(c, g))
	}
	return least
}

// Dark are the shades for a dark page, where an accent is light and has dark words
// on it.
func (c Color) Dark() Shades {
	return closest(func(parts int) (Shades, bool) {
		accent := c.mix(white, max(140, parts))
		s := Shades{Accent: accent, Strong: accent.mix(white, 70), On: darkOn, Soft: darkSoft.mix(c, 56)}
		// Colors that are light already make a ground on which nothing can be read.
		if Contrast(s.Soft, darkInk) < 2*AA {
			s.Soft = darkSoft.mix(c, 20)
		}
		return s, s.holds(darkGround) && Contrast(s.Soft, darkInk) >= AA
	})
}

// Mail is the shade for the button of a mail. White words can be read on it, and it
// stands out from a white page and from a dark one, because nobody knows which of
// them a mail program shows.
func (c Color) Mail() Color {
	s := closest(func(parts int) (Shades, bool) {
		accent := c.mix(black, parts)
		return Shades{Accent: accent}, Contrast(accent, white) >= AA
	})
	return closest(func(parts int) (Shades, bool) {
		accent := s.Accent.mix(white, parts)
		return Shades{Accent: accent}, Contrast(accent, darkest) >= edge
	}).Accent
}

// closest returns what is made of the fewest parts that hold.
func closest(of func(parts int) (Shades, bool)) Shades {
	for parts := range 256 {
		if s, ok := of(parts); ok {
			return s
		}
	}
	s, _ := of(256)
	return s
}

// Stylesheet gives the pages the color: it sets the custom properties of the
// stylesheet. On paper the accent stays black.
func (c Color) Stylesheet() []byte {
	return fmt.Appendf(nil, "@media screen{:root{%s}}\n@media screen and (prefers-color-scheme: dark){:root{%s}}\n", c.Light().properties(c), c.Dark().properties(c))
}

// PreviewStylesheet gives the color to previews of light and dark pages.
func (c Color) PreviewStylesheet() []byte {
	return fmt.Appendf(nil, ".brand-day{%s}\n.brand-night{%s}\n.brand-mail{--accent:%s;--on-accent:#ffffff}\n", c.Light().properties(c), c.Dark().properties(c), c.Mail())
}

func (s Shades) properties(c Color) string {
	return fmt.Sprintf("--brand:%s;--accent:%s;--accent-strong:%s;--on-accent:%s;--accent-soft:%s;--focus:%s", c, s.Accent, s.Strong, s.On, s.Soft, s.Accent)
}
