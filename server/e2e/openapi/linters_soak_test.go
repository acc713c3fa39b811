//go:build soak

package openapi

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSoakLinters checks that linters have no errors or warnings about the
// documents.
func TestSoakLinters(t *testing.T) {
	bin := filepath.Join(modules(t), ".bin")
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := document(t, name)
			folder := t.TempDir()
			rules := filepath.Join(folder, "rules.yaml")
			if err := os.WriteFile(rules, []byte("extends: [[spectral:oas, recommended]]\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if out := run(t, folder, nil, filepath.Join(bin, "spectral"), "lint", "--ruleset", rules, "--fail-severity", "hint", file); !strings.Contains(out, "No results") {
				t.Error(out)
			}
			out := run(t, folder, nil, filepath.Join(bin, "redocly"), "lint", "--extends", "recommended", "--format", "json", "--max-problems", "50", file)
			var found struct {
				Totals struct{ Errors, Warnings, Ignored int }
			}
			begin, end := strings.Index(out, "{"), strings.LastIndex(out, "}")
			if begin < 0 || json.Unmarshal([]byte(out[begin:end+1]), &found) != nil {
				t.Fatalf("%.2000s", out)
			}
			if n := found.Totals; n.Errors+n.Warnings+n.Ignored > 0 {
				t.Errorf("%+v\n%.4000s", n, out)
			}
		})
	}
}
