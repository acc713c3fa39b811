package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A wording is a word or construction that must not be used.
type wording struct {
	pattern *regexp.Regexp
	instead string
	texts   bool // only for texts in the browser and in emails
}

func wordings(t *testing.T) []wording {
	t.Helper()
	data, err := os.ReadFile("words.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []wording
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pattern, instead, ok := strings.Cut(line, "\t")
		if !ok {
			t.Fatalf("words.txt: no tab in %q", line)
		}
		pattern, texts := strings.CutPrefix(pattern, "texts:")
		all = append(all, wording{regexp.MustCompile(pattern), instead, texts})
	}
	return all
}

// checked reports whether a file is checked. Other languages, generated files and
// third-party files aren't.
func checked(path string) bool {
	name := filepath.Base(path)
	switch {
	case name == "words.txt", name == "words_test.go":
		return false
	case strings.HasSuffix(name, ".toml"):
		return name == "en.toml"
	}
	return slices.Contains([]string{"Makefile", "Dockerfile", "run", "prepare"}, name) ||
		slices.Contains([]string{".go", ".md", ".html", ".css", ".js", ".sql", ".sh", ".yaml", ".service", ".socket", ".php"}, filepath.Ext(name))
}

// TestWords checks that code, comments, names, pages, texts and documents don't use
// any of the words and constructions in words.txt.
func TestWords(t *testing.T) {
	t.Parallel()
	all := wordings(t)
	err := fs.WalkDir(os.DirFS(".."), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && slices.Contains([]string{".cache", ".git", "node_modules", "testdata", "_generated"}, d.Name()) {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || !checked(path) {
			return err
		}
		data, err := os.ReadFile(filepath.Join("..", path))
		if err != nil {
			return err
		}
		text := string(data)
		for n, line := range strings.Split(text, "\n") {
			for _, w := range all {
				if w.texts && (!strings.HasSuffix(path, "en.toml") || strings.HasPrefix(line, "#")) {
					continue
				}
				if found := w.pattern.FindString(line); found != "" {
					t.Errorf("%s:%d: %q: write %s", path, n+1, found, w.instead)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
