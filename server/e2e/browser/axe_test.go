package browser

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAccessible wants axe-core to find nothing serious on any page, folded
// and unfolded.
func TestAccessible(t *testing.T) {
	running(t)
	axe := axeScript(t)
	s := newSite(t)
	eachView(t, []device{iPhone, inApp, mac, linux}, func(t *testing.T, b *tab, v view) {
		v.reach(b, s)
		run(b, chromedp.Evaluate[chromedp.Void](axe))
		b.wantAccessible("folded")
		b.unfold()
		b.wantAccessible("unfolded")
	})
}

// axeScript reads the script that AXE_JS names.
func axeScript(t *testing.T) string {
	t.Helper()
	path := os.Getenv("AXE_JS")
	if path == "" {
		missing(t, "accessibility: AXE_JS names no axe.min.js; npm install --prefix DIR axe-core@4.14.1 brings one")
	}
	script, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// wantAccessible runs axe. It looks at nothing outside the page.
func (b *tab) wantAccessible(state string) {
	b.t.Helper()
	if passed := b.axe(state, `resultTypes: ["violations"]`); passed < 10 {
		b.t.Errorf("%s: axe looked at %d things only", state, passed)
	}
}

// wantContrast is wantAccessible for a page that was looked at in other
// colors.
func (b *tab) wantContrast(state string) {
	b.t.Helper()
	if passed := b.axe(state, `resultTypes: ["violations"], runOnly: ["color-contrast"]`); passed == 0 {
		b.t.Errorf("%s: axe looked at no color", state)
	}
}

// axe returns how many rules hold.
func (b *tab) axe(state, options string) (passed int) {
	b.t.Helper()
	type result struct {
		Passed int      `json:"passed"`
		Bad    []string `json:"bad"`
	}
	got := evaluate[result](b, `axe.run({preload: false, `+options+`}).then((r) => ({
		passed: r.passes.length,
		bad: r.violations.filter((v) => ["serious", "critical"].includes(v.impact))
			.map((v) => v.impact + ": " + v.help + ": " + v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")),
	}))`)
	for _, bad := range got.Bad {
		b.t.Errorf("%s: %s", state, bad)
	}
	return got.Passed
}
