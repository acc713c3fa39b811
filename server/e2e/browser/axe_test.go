package browser

import (
	"os"
	"path/filepath"
	"testing"
)

// axeScript returns axe-core. If it is missing, a skipped subtest says so and
// the script is empty, so that the rest of the test can run.
func axeScript(t *testing.T) string {
	t.Helper()
	path := os.Getenv("AXE_JS")
	if path == "" {
		path = filepath.Join("..", "..", "..", ".cache", "node_modules", "axe-core", "axe.min.js")
	}
	script, err := os.ReadFile(path)
	if err != nil {
		t.Run("accessibility", func(t *testing.T) {
			missing(t, "AXE_JS names no axe.min.js; npm install --prefix .cache axe-core@4.14.1 brings one: "+err.Error())
		})
	}
	return string(script)
}

// wantAccessible checks that axe-core finds no problems on the page.
// It sends no requests. With an empty script it does nothing.
func (b *tab) wantAccessible(state, script string) {
	b.t.Helper()
	if script == "" {
		return
	}
	if !evaluate[bool](b, `"axe" in window`) {
		evaluate[bool](b, script+"; true")
	}
	type result struct {
		Passed int      `json:"passed"`
		Bad    []string `json:"bad"`
	}
	got := evaluate[result](b, `axe.run({preload: false, resultTypes: ["violations"]}).then((r) => ({
		passed: r.passes.length,
		bad: r.violations.map((v) => v.impact + ": " + v.help + ": " + v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")),
	}))`)
	for _, bad := range got.Bad {
		b.t.Errorf("%s: %s", state, bad)
	}
	if got.Passed < 10 {
		b.t.Errorf("%s: axe checked only %d things", state, got.Passed)
	}
}
