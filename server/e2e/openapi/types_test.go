package openapi

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestTypeScript generates types from the document and compiles a program with
// them, with the strictest settings.
func TestTypeScript(t *testing.T) {
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

func TestFuzz(t *testing.T) { fuzz(t, 500, 1) }

// fuzz sends n random requests. Each status and body must be in the document,
// and no request may fail.
func fuzz(t *testing.T, count, seed int) {
	t.Helper()
	script, err := os.ReadFile("testdata/fuzz.mjs")
	if err != nil {
		t.Fatal(err)
	}
	node := modules(t)
	s, key := start(t)
	t.Log(run(t, node, []string{
		"API_DOCUMENT=" + document(t, "openapi.json"), "API_URL=" + s.URL, "API_KEY=" + key, "COUNT=" + strconv.Itoa(count), "SEED=" + strconv.Itoa(seed),
	}, "node", "--input-type=module", "-e", string(script)))
}
