package server_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pins are the minimum versions to build with, and why. They cover problems
// that the vulnerability database doesn't have, or got too late.
var pins = []struct{ module, oldest, why string }{
	{"github.com/labstack/echo/v4", "v4.16.4", "the scheme by X-Forwarded-Proto, redirects to /%09/…, guards around static files, redirects by empty hosts (4.16.4)"},
	{"go.mozilla.org/pkcs7", "v0.10.0", "a panic on BER of two bytes"},
	{"golang.org/x/net", "v0.61.0", "idna reads xn--example-.com as example.com"},
	{"github.com/jackc/pgx/v5", "v5.13.0", "memory safety (5.9.0), injection by dollar quotes (5.9.2), servers that skip authentication (5.12.0), a panic on rows with missing values, retries of statements that the server may have run (5.13.0)"},
	{"golang.org/x/crypto", "v0.59.0", "kept current; its openpgp isn't used"},
	{"github.com/groob/plist", "v0.0.0-20220217120414-63fa881b19a5", "the only version whose output the gate knows; it has no releases"},
}

// exact are modules that must have exactly that version.
var exact = []string{"github.com/groob/plist"}

// oldestGo is the oldest release of Go to build with: before it, encoding/xml
// recurses without limit.
const oldestGo = "1.26.6"

// unwanted are modules that must not be imported, not even by tests: input of a
// few bytes crashes or hangs the process.
var unwanted = []string{"howett.net/plist", "github.com/micromdm/plist"}

// testModule has the tests that need modules which the product doesn't use.
const testModule = "e2e"

// TestPins checks all actual imports, including those of tests and the test
// module.
func TestPins(t *testing.T) {
	if older(strings.TrimPrefix(runtime.Version(), "go"), oldestGo) {
		t.Errorf("built with %s, want %s or later", runtime.Version(), oldestGo)
	}
	for _, dir := range []string{"..", testModule} {
		versions := importedModules(t, dir)
		for _, pin := range pins {
			version, ok := versions[pin.module]
			switch {
			case !ok:
				t.Errorf("%s: %s isn't imported anymore: remove its row", dir, pin.module)
			case slices.Contains(exact, pin.module) && version != pin.oldest:
				t.Errorf("%s: %s is %s, want %s: %s", dir, pin.module, version, pin.oldest, pin.why)
			case older(version, pin.oldest):
				t.Errorf("%s: %s is %s, want %s or later: %s", dir, pin.module, version, pin.oldest, pin.why)
			}
		}
		for _, module := range unwanted {
			if version, ok := versions[module]; ok {
				t.Errorf("%s: %s %s is imported", dir, module, version)
			}
		}
	}
}

// TestModules checks that modules that only tests use aren't in go.mod, and
// that the test module uses the product's versions.
func TestModules(t *testing.T) {
	built := importedModules(t, "..", "-test=false")
	for _, module := range direct(t, "..") {
		if _, ok := built[module]; !ok {
			t.Errorf("only tests import %s: move them to %s", module, testModule)
		}
	}
	for module, version := range importedModules(t, testModule) {
		if want, ok := built[module]; ok && module != productModule && version != want {
			t.Errorf("%s is %s, the tests in %s use %s", module, want, testModule, version)
		}
	}
}

// productModule has no version, here or in the test module.
var productModule = strings.TrimSuffix(module, "/")

// TestLibc checks that SQLite's C library has the version that its driver was
// translated with, because any other may misbehave without an error. Other
// modules require newer ones, which go.mod excludes.
func TestLibc(t *testing.T) {
	const driver, libc = "modernc.org/sqlite", "modernc.org/libc"
	out, err := exec.Command("go", "list", "-m", "-f", "{{.GoMod}}", driver).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var want string
	for _, r := range requirements(t, strings.TrimSpace(string(out))) {
		if r.Path == libc {
			want = r.Version
		}
	}
	for _, dir := range []string{"..", testModule} {
		if got := importedModules(t, dir)[libc]; got != want || want == "" {
			t.Errorf("%s: %s is %s, %s wants %s", dir, libc, got, driver, want)
		}
	}
}

// direct returns the modules that the folder's go.mod lists as direct imports.
func direct(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	for _, r := range requirements(t, filepath.Join(dir, "go.mod")) {
		if !r.Indirect {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

type requirement struct {
	Path, Version string
	Indirect      bool
}

// requirements returns those of a go.mod file.
func requirements(t *testing.T, file string) []requirement {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json", file).Output()
	if err != nil {
		t.Fatalf("go mod edit: %v", err)
	}
	var mod struct{ Require []requirement }
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	return mod.Require
}

// importedModules returns the modules of all packages that are built or tested
// in the folder, with their versions.
func importedModules(t *testing.T, dir string, options ...string) map[string]string {
	t.Helper()
	args := append([]string{"list", "-deps", "-test", "-tags=soak"}, options...)
	list := exec.Command("go", append(args, "-f", "{{with .Module}}{{.Path}} {{.Version}}{{end}}", "./...")...)
	list.Dir = dir
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	versions := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			versions[path] = version
		}
	}
	return versions
}

// older reports whether version a is older than version b. Pre-release suffixes
// are ignored.
func older(a, b string) bool {
	return slices.Compare(numbers(a), numbers(b)) < 0
}

func numbers(version string) []int {
	version, _, _ = strings.Cut(strings.TrimPrefix(version, "v"), "-")
	var out []int
	for part := range strings.SplitSeq(version, ".") {
		n, _ := strconv.Atoi(part)
		out = append(out, n)
	}
	return out
}

func TestOlder(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"v4.9.0", "v4.16.0", true},
		{"v4.16.0", "v4.16.0", false},
		{"v5.12.0", "v5.9.2", false},
		{"1.26", "1.26.6", true},
		{"1.27-rc1", "1.26.6", false},
		{"1.26.8 X:nodwarf5", "1.26.6", true}, // unreadable versions count as old
	} {
		if got := older(tt.a, tt.b); got != tt.want {
			t.Errorf("%s older than %s: %v", tt.a, tt.b, got)
		}
	}
}
