//go:build soak

package openapi

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSoakTypeScript generates types from the document and compiles a program with
// them, with the strictest settings.
func TestSoakTypeScript(t *testing.T) {
	bin := filepath.Join(modules(t), ".bin")
	folder := t.TempDir()
	program, err := os.ReadFile("testdata/calls.ts")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "calls.ts"), program, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, folder, nil, filepath.Join(bin, "openapi-typescript"), document(t, "openapi.json"), "-o", filepath.Join(folder, "types.ts"))
	run(t, folder, nil, filepath.Join(bin, "tsc"), "--strict", "--noEmit", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess",
		"--target", "es2022", "--module", "nodenext", "--moduleResolution", "nodenext", "calls.ts", "types.ts")
}
