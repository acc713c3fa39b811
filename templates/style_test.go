package templates

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func stylesheet(t *testing.T) string {
	t.Helper()
	text, err := embedded.ReadFile("static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestStylesheetIsSelfContained(t *testing.T) {
	css := stylesheet(t)
	for _, bad := range []string{"url(", "@import", "@font-face", "://", "expression("} {
		if strings.Contains(css, bad) {
			t.Errorf("contains %q", bad)
		}
	}
	if open, shut := strings.Count(css, "{"), strings.Count(css, "}"); open != shut {
		t.Errorf("%d braces open, %d close", open, shut)
	}
	// Physical sides would have to be mirrored for right-to-left languages. The
	// mark of a fold is symmetric, and safe-area-inset belongs to the device.
	physical := regexp.MustCompile(`(?:margin|padding|border|inset)-(?:left|right)\b|[\s;{](?:left|right|float)\s*:`)
	for line := range strings.Lines(css) {
		if !strings.Contains(line, ".fold > summary::after") && physical.MatchString(strings.ReplaceAll(line, "safe-area-inset-", "")) {
			t.Errorf("a physical side: %s", line)
		}
	}
}

// TestStylesheetFitsThePages checks that each class has a rule and each rule's
// class is used.
func TestStylesheetFitsThePages(t *testing.T) {
	css := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(stylesheet(t), "")
	css = regexp.MustCompile(`\{[^{}]*\}`).ReplaceAllString(css, "{}")
	ruled := map[string]bool{}
	for _, m := range regexp.MustCompile(`\.([a-z][a-z0-9-]*)`).FindAllStringSubmatch(css, -1) {
		ruled[m[1]] = true
	}
	used := map[string]bool{}
	s := translated(t)
	classes := regexp.MustCompile(`\sclass="([^"]*)"`)
	for _, r := range renderings() {
		for _, m := range classes.FindAllStringSubmatch(render(t, s, r, s.Match("en")), -1) {
			for _, class := range strings.Fields(m[1]) {
				used[class] = true
			}
		}
	}
	for class := range used {
		if !ruled[class] && class != "d-s" { // text starts there anyway
			t.Errorf("no rule for .%s", class)
		}
	}
	for class := range ruled {
		if !used[class] {
			t.Errorf("no page uses .%s", class)
		}
	}
}

func TestStaticFile(t *testing.T) {
	s, again := newSet(t), newSet(t)
	path, err := s.Asset("app.css")
	if err != nil {
		t.Fatal(err)
	}
	if other, _ := again.Asset("app.css"); !regexp.MustCompile(`^/static/app\.[0-9a-f]{12}\.css$`).MatchString(path) || other != path {
		t.Errorf("got %q and %q", path, other)
	}
	if _, err := s.Asset("none.css"); err == nil {
		t.Error("a missing file has a path")
	}
	body, contentType, ok := s.StaticFile(path)
	if !ok || contentType != "text/css; charset=utf-8" || string(body) != stylesheet(t) {
		t.Errorf("got %d bytes, %q, %t", len(body), contentType, ok)
	}
	for _, other := range []string{"", "/", "/static/", "/static/app.css", strings.ToUpper(path), path + "/", path[1:], "/static/app.000000000000.css", "/static/../static" + path[len("/static"):], path + "?x"} {
		if _, _, ok := s.StaticFile(other); ok {
			t.Errorf("%q is served", other)
		}
	}
}

// TestContrast recomputes the table in the stylesheet.
func TestContrast(t *testing.T) {
	css := stylesheet(t)
	light, dark := tokens(t, css)
	row := regexp.MustCompile(`(?m)^ \*   ([a-z0-9-]+) on ([a-z0-9-]+) +([0-9.]+) +([0-9.]+)$`)
	rows := row.FindAllStringSubmatch(css, -1)
	if len(rows) < 20 {
		t.Fatalf("%d rows in the table", len(rows))
	}
	for _, m := range rows {
		for i, theme := range []map[string]string{light, dark} {
			got := contrast(color(t, theme, "--"+m[1]), color(t, theme, "--"+m[2]))
			least := 4.5
			if m[1] == "edge" || m[1] == "focus" {
				least = 3
			}
			if got < least {
				t.Errorf("%s on %s: %.2f, want %.1f", m[1], m[2], got, least)
			}
			if said, _ := strconv.ParseFloat(m[3+i], 64); math.Abs(said-got) > 0.051 {
				t.Errorf("%s on %s: the table says %s, it is %.1f", m[1], m[2], m[3+i], got)
			}
		}
	}
}

// tokens returns the custom properties of :root for the light and the dark
// theme. If color-mix is offered in addition to a plain color, it wins, because
// it comes later.
func tokens(t *testing.T, css string) (light, dark map[string]string) {
	t.Helper()
	i := strings.Index(css, "@media screen and (prefers-color-scheme: dark)")
	j := strings.Index(css, "@media (prefers-contrast: more)")
	if i < 0 || j < i {
		t.Fatal("no dark theme between the light one and more contrast")
	}
	property := regexp.MustCompile(`(?m)^\s+(--[a-z0-9-]+): ([^;]+);`)
	light, dark = map[string]string{}, map[string]string{}
	for _, m := range property.FindAllStringSubmatch(css[:i], -1) {
		light[m[1]], dark[m[1]] = m[2], m[2]
	}
	for _, m := range property.FindAllStringSubmatch(css[i:j], -1) {
		dark[m[1]] = m[2]
	}
	return light, dark
}

var mix = regexp.MustCompile(`^color-mix\(in srgb, (.+) (\d+)%, (.+)\)$`)

// color resolves a token to red, green and blue, each 0 to 1.
func color(t *testing.T, theme map[string]string, value string) [3]float64 {
	t.Helper()
	if name, ok := strings.CutPrefix(value, "var("); ok {
		value = strings.TrimSuffix(name, ")")
	}
	switch {
	case strings.HasPrefix(value, "--"):
		if theme[value] == "" {
			t.Fatalf("no token %s", value)
		}
		return color(t, theme, theme[value])
	case value == "white":
		return [3]float64{1, 1, 1}
	case value == "black":
		return [3]float64{}
	}
	if m := mix.FindStringSubmatch(value); m != nil {
		a, b := color(t, theme, m[1]), color(t, theme, m[3])
		share, _ := strconv.ParseFloat(m[2], 64)
		var c [3]float64
		for i := range c {
			c[i] = a[i]*share/100 + b[i]*(1-share/100)
		}
		return c
	}
	var r, g, b int
	if _, err := fmt.Sscanf(value, "#%02x%02x%02x", &r, &g, &b); err != nil {
		t.Fatalf("%q isn't a color: %v", value, err)
	}
	return [3]float64{float64(r) / 255, float64(g) / 255, float64(b) / 255}
}

// contrast is the contrast ratio of WCAG 2.
func contrast(a, b [3]float64) float64 {
	luminance := func(c [3]float64) float64 {
		for i, v := range c {
			if v <= 0.04045 {
				c[i] = v / 12.92
			} else {
				c[i] = math.Pow((v+0.055)/1.055, 2.4)
			}
		}
		return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2]
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}
