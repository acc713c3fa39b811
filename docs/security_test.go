package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// named matches a test with its package.
var named = regexp.MustCompile("`((?:Test|Fuzz)\\w+)` \\(([\\w/]+)\\)")

// TestSecurityTests checks that every test named in security.md exists, and that
// every promise names one.
func TestSecurityTests(t *testing.T) {
	text, err := os.ReadFile("security.md")
	if err != nil {
		t.Fatal(err)
	}
	found := named.FindAllStringSubmatch(string(text), -1)
	if len(found) < 50 {
		t.Errorf("security.md names %d tests", len(found))
	}
	for _, m := range found {
		if !strings.Contains(testsOf(t, m[2]), "\nfunc "+m[1]+"(") {
			t.Errorf("there is no %s in %s", m[1], m[2])
		}
	}
	_, promises, _ := strings.Cut(string(text), "| promise |")
	promises, _, _ = strings.Cut(promises, "\n\n")
	for _, row := range strings.Split(promises, "\n")[2:] {
		if !named.MatchString(row) {
			t.Errorf("no test for %s", row)
		}
	}
}

// testsOf returns the source of the package's tests.
func testsOf(t *testing.T, pkg string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pkg), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}
