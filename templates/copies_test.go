package templates

import (
	"errors"
	"html/template"
	"testing"
)

// TestCopies wants the pages that are asked for to stay, and no more than twice
// maxCopies of all others.
func TestCopies(t *testing.T) {
	var c copies
	parses := make([]int, 5*maxCopies)
	pages := make([]parsed[*template.Template], len(parses))
	for i := range pages {
		pages[i] = c.bounded(func() (*template.Template, error) {
			parses[i]++
			return template.New("page"), nil
		})
	}
	for i := range pages {
		for _, n := range []int{i, 0} { // the first page is asked for again and again
			if _, err := pages[n](); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(c.now) + len(c.before); n > 2*maxCopies {
			t.Fatalf("%d copies", n)
		}
	}
	if parses[0] != 1 || parses[1] != 1 {
		t.Errorf("the first page was parsed %d times, the second %d times", parses[0], parses[1])
	}
	if _, err := pages[1](); err != nil || parses[1] != 2 {
		t.Errorf("a page that nobody asked for was kept: it was parsed %d times, %v", parses[1], err)
	}
	broken := c.bounded(func() (*template.Template, error) { return nil, errors.New("broken") })
	for range 2 {
		if _, err := broken(); err == nil {
			t.Error("a page that can't be parsed is no error")
		}
	}
}

// TestPanelPagesAreBounded parses every page of the panel in every language.
func TestPanelPagesAreBounded(t *testing.T) {
	t.Parallel()
	s, err := load(embedded)
	if err != nil {
		t.Fatal(err)
	}
	for name, languages := range s.pages {
		for language, page := range languages {
			if _, err := page(); err != nil {
				t.Fatalf("%s in %s: %v", name, language, err)
			}
		}
	}
	if n := len(s.panel.now) + len(s.panel.before); n > 2*maxCopies || n < maxCopies {
		t.Errorf("%d pages of the panel are kept", n)
	}
}
