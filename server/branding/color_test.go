//go:build !race

package branding_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/branding"
)

// step is the distance between the tested values of a channel.
const step = 5

// TestContrastHolds derives the shades of colors from all over sRGB, and checks
// that each text is readable on its background, as WCAG 2.2 requires at level
// AA.
func TestContrastHolds(t *testing.T) {
	grounds := groundsOf(t)
	for r := 0; r < 256; r += step {
		for g := 0; g < 256; g += step {
			for b := 0; b < 256; b += step {
				if problem := wrong(branding.Color{R: uint8(r), G: uint8(g), B: uint8(b)}, grounds); problem != "" {
					t.Fatal(problem)
				}
			}
		}
	}
}

// wrong says which text isn't readable.
func wrong(c branding.Color, grounds map[string][]branding.Color) string {
	white := branding.Color{R: 255, G: 255, B: 255}
	dark, ink := branding.Color{R: 0x12, G: 0x12, B: 0x12}, map[string]branding.Color{"light": {R: 0x1a, G: 0x1c, B: 0x1e}, "dark": {R: 0xec, G: 0xee, B: 0xf0}}
	for mode, s := range map[string]branding.Shades{"light": c.Light(), "dark": c.Dark()} {
		for _, g := range append([]branding.Color{s.Soft, s.On}, grounds[mode]...) {
			for _, text := range []branding.Color{s.Accent, s.Strong} {
				if branding.Contrast(text, g) < 4.5 {
					return c.String() + ": " + text.String() + " on " + g.String() + " in " + mode
				}
			}
		}
		if branding.Contrast(ink[mode], s.Soft) < 4.5 {
			return c.String() + ": ink on " + s.Soft.String() + " in " + mode
		}
	}
	if m := c.Mail(); branding.Contrast(white, m) < 4.5 || branding.Contrast(m, dark) < 3 {
		return c.String() + ": the button of a mail is " + m.String()
	}
	return ""
}

// groundsOf reads the text backgrounds from the stylesheet.
func groundsOf(t *testing.T) map[string][]branding.Color {
	t.Helper()
	css, err := os.ReadFile("../../templates/static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	light, rest, ok := strings.Cut(string(css), "@media screen and (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "@media (prefers-contrast")
	if !ok {
		t.Fatal("no dark part")
	}
	grounds := map[string][]branding.Color{}
	for mode, part := range map[string]string{"light": light, "dark": dark} {
		for _, found := range regexp.MustCompile(`--(?:bg|surface|sunken|raised): (#[0-9a-f]{6});`).FindAllStringSubmatch(part, -1) {
			c, ok := branding.ParseColor(found[1])
			if !ok {
				t.Fatal(found[1])
			}
			grounds[mode] = append(grounds[mode], c)
		}
		if len(grounds[mode]) != 4 {
			t.Fatalf("%s has %d grounds", mode, len(grounds[mode]))
		}
	}
	return grounds
}

// TestKeepsColor checks that a readable color stays as it is, and another one
// keeps its hue.
func TestKeepsColor(t *testing.T) {
	for text, want := range map[string]string{"#0b6b62": "#0b6b62", "#2b52c4": "#2b52c4", "#000000": "#000000", "#ffffff": "#6d6d6d", "#f2a900": "#916500"} {
		c, ok := branding.ParseColor(text)
		if got := c.Light().Accent.String(); !ok || got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
}

func TestStylesheet(t *testing.T) {
	c, _ := branding.ParseColor("#0b6b62")
	for _, sheet := range [][]byte{c.Stylesheet(), c.PreviewStylesheet()} {
		if text := string(sheet); strings.Contains(text, "%") || strings.Count(text, "{") != strings.Count(text, "}") || !strings.Contains(text, "--accent:#0b6b62") || len(sheet) > 700 {
			t.Errorf("%s", text)
		}
	}
}
