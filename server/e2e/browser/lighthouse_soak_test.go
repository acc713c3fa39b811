//go:build soak

package browser

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakLighthouse runs Lighthouse on the start page and on setup pages.
// Accessibility and best practices must be perfect. Performance is a figure:
// it depends on the load of the machine.
func TestSoakLighthouse(t *testing.T) {
	tool := lighthouse(t)
	s := newSite(t)
	looks := []struct {
		page, url string
		device    device
	}{
		{"setup", s.link, iPhone},
		{"start", s.URL + "/", iPhone},
		{"start", s.URL + "/", linux},
		{"setup", s.link, linux},
		{"setup", s.link, mac},
	}
	for _, l := range looks[:soak.Count(1, len(looks))] {
		t.Run(l.page+"/"+l.device.name, func(t *testing.T) {
			r := inspect(t, tool, l.url, l.device)
			for _, category := range []string{"accessibility", "best-practices"} {
				if got := r.score(category); got != 100 {
					t.Errorf("%s: %v, want 100: %s", category, got, r.found(category))
				}
			}
			soak.Figure(t, "Lighthouse's performance of "+l.page+" on "+l.device.name, r.score("performance"), "≥ 95")
		})
	}
}

// lighthouse returns the path of Lighthouse 12.8.2: LIGHTHOUSE, or the one in
// .cache of the checkout.
func lighthouse(t *testing.T) string {
	t.Helper()
	path := os.Getenv("LIGHTHOUSE")
	if path == "" {
		path = filepath.Join("..", "..", "..", ".cache", "lighthouse", "node_modules", ".bin", "lighthouse")
	}
	if _, err := os.Stat(path); err != nil {
		missing(t, "LIGHTHOUSE names no Lighthouse; npm install --prefix .cache/lighthouse lighthouse@12.8.2 brings one: "+err.Error())
	}
	return path
}

// A report is what Lighthouse found on a page.
type report struct {
	RuntimeError struct{ Message string }
	Categories   map[string]struct {
		Score     *float64 // nil if it failed
		AuditRefs []struct{ ID string }
	}
	Audits map[string]struct {
		Score   *float64 // nil if it doesn't apply
		Title   string
		Details json.RawMessage
	}
}

// inspect runs Lighthouse in a browser of its own.
func inspect(t *testing.T, lighthouse, url string, d device) report {
	t.Helper()
	browser, err := program()
	if err != nil {
		missing(t, err)
	}
	args := []string{
		url, "--quiet", "--output=json", "--no-enable-error-reporting",
		"--only-categories=accessibility,best-practices,performance",
		"--chrome-flags=--headless --no-sandbox --no-proxy-server",
	}
	if !d.touch {
		args = append(args, "--preset=desktop")
	}
	cmd := exec.CommandContext(t.Context(), lighthouse, append(args, "--emulated-user-agent="+d.userAgent)...)
	cmd.Env = append(os.Environ(), "CHROME_PATH="+browser)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("lighthouse: %v\n%s", err, &stderr)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	if r.RuntimeError.Message != "" {
		t.Fatal(r.RuntimeError.Message)
	}
	return r
}

// score returns the score of a category, of 100, or NaN if it has none.
func (r report) score(category string) float64 {
	got := r.Categories[category].Score
	if got == nil {
		return math.NaN()
	}
	return math.Round(*got * 100)
}

// found returns the audits of a category that aren't perfect.
func (r report) found(category string) string {
	var all strings.Builder
	for _, ref := range r.Categories[category].AuditRefs {
		if a := r.Audits[ref.ID]; a.Score != nil && *a.Score < 1 {
			fmt.Fprintf(&all, "\n%s: %s %.1000s", ref.ID, a.Title, a.Details)
		}
	}
	return all.String()
}
