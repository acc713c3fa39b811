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

// standard is the default color of pages.
var standard = Color{0x2b, 0x52, 0xc4}

var hexColor = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// ParseColor parses a color, for example "#0b6b62".
func ParseColor(text string) (Color, bool) {
	text = strings.ToLower(text)
	if !hexColor.MatchString(text) {
		return Color{}, false
	}
	v, err := strconv.ParseUint(text[1:], 16, 32)
	return Color{uint8(v >> 16), uint8(v >> 8), uint8(v)}, err == nil
}

// String returns the color in the form that ParseColor parses.
func (c Color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// linear has the linear light value of each channel value.
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

// luminance returns the relative luminance of WCAG 2.2.
func (c Color) luminance() float64 {
	return 0.2126*linear[c.R] + 0.7152*linear[c.G] + 0.0722*linear[c.B]
}

// Contrast returns the contrast ratio of WCAG 2.2, from 1 to 21.
func Contrast(a, b Color) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// mix returns c with n of 256 parts of another color.
func (c Color) mix(other Color, parts int) Color {
	of := func(a, b uint8) uint8 { return uint8((int(a)*(256-parts) + int(b)*parts + 128) / 256) }
	return Color{of(c.R, other.R), of(c.G, other.G), of(c.B, other.B)}
}

var (
	white = Color{255, 255, 255}
	black = Color{}
)

// AA is the contrast that WCAG 2.2 requires for text at level AA, and edge that
// for controls.
const (
	AA   = 4.5
	edge = 3
)

// The backgrounds, by their names in the stylesheet.
var (
	lightGround = []Color{{0xf6, 0xf6, 0xf3}, {0xff, 0xff, 0xff}, {0xf0, 0xf0, 0xec}}                     // bg, surface, sunken
	darkGround  = []Color{{0x11, 0x13, 0x15}, {0x1a, 0x1d, 0x20}, {0x15, 0x18, 0x1a}, {0x22, 0x26, 0x2a}} // and raised
	darkInk     = Color{0xec, 0xee, 0xf0}
	darkOn      = Color{0x10, 0x13, 0x1a} // on a light accent
	darkSoft    = Color{0x16, 0x18, 0x1c}
	// darkest is the background of a mail program in dark mode.
	darkest = Color{0x12, 0x12, 0x12}
)

// Shades are derived from a color, for light or dark pages.
type Shades struct {
	// Accent is for links and buttons, Strong for hovered ones, On for text on
	// an accent, and Soft is a background of text.
	Accent, Strong, On, Soft Color
}

// holds reports whether text is readable everywhere: an accent on each
// background and on Soft, On on Accent and Strong.
func (s Shades) holds(grounds []Color) bool {
	for _, g := range append([]Color{s.On, s.Soft}, grounds...) {
		if Contrast(s.Accent, g) < AA || Contrast(s.Strong, g) < AA {
			return false
		}
	}
	return true
}

// Light returns the shades for a light page: those of the color, or of the
// closest darker one that is readable.
func (c Color) Light() Shades {
	return closest(func(parts int) (Shades, bool) {
		accent := c.mix(black, parts)
		s := Shades{Accent: accent, Strong: accent.mix(black, 51), On: white, Soft: white.mix(accent, 23)}
		return s, s.holds(lightGround)
	})
}

// OnLight returns the lowest contrast of the color on a light page.
func (c Color) OnLight() float64 {
	least := Contrast(c, white)
	for _, g := range lightGround {
		least = min(least, Contrast(c, g))
	}
	return least
}

// Dark returns the shades for a dark page, where an accent is light and has
// dark text on it.
func (c Color) Dark() Shades {
	return closest(func(parts int) (Shades, bool) {
		accent := c.mix(white, max(140, parts))
		s := Shades{Accent: accent, Strong: accent.mix(white, 70), On: darkOn, Soft: darkSoft.mix(c, 56)}
		// Very light colors give a background on which nothing is readable.
		if Contrast(s.Soft, darkInk) < 2*AA {
			s.Soft = darkSoft.mix(c, 20)
		}
		return s, s.holds(darkGround) && Contrast(s.Soft, darkInk) >= AA
	})
}

// Mail returns the shade for the button of an email. White text is readable on
// it, and it stands out from a white page and from a dark one, because no one
// knows which of them a mail program shows.
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

// closest returns the result with the fewest parts that is readable.
func closest(of func(parts int) (Shades, bool)) Shades {
	for parts := range 256 {
		if s, ok := of(parts); ok {
			return s
		}
	}
	s, _ := of(256)
	return s
}

// Stylesheet returns CSS that sets the color of the pages: it sets the custom
// properties of the stylesheet. In print the accent stays black.
func (c Color) Stylesheet() []byte {
	return fmt.Appendf(nil, "@media screen{:root{%s}}\n@media screen and (prefers-color-scheme: dark){:root{%s}}\n", c.Light().properties(c), c.Dark().properties(c))
}

// PreviewStylesheet returns CSS that sets the color of previews of light and
// dark pages.
func (c Color) PreviewStylesheet() []byte {
	return fmt.Appendf(nil, ".brand-day{%s}\n.brand-night{%s}\n.brand-mail{--accent:%s;--on-accent:#ffffff}\n", c.Light().properties(c), c.Dark().properties(c), c.Mail())
}

func (s Shades) properties(c Color) string {
	return fmt.Sprintf("--brand:%s;--accent:%s;--accent-strong:%s;--on-accent:%s;--accent-soft:%s;--focus:%s", c, s.Accent, s.Strong, s.On, s.Soft, s.Accent)
}
