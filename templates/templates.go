// Package templates holds the pages, their style and every text a person
// reads. It is a leaf: handlers bring the data, nothing here asks for any.
package templates

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	texttemplate "text/template"

	"golang.org/x/text/language"
)

//go:embed pages panel mail static locales
var embedded embed.FS

// A Set is all pages in all languages. What it says doesn't change after New;
// it may be used by several goroutines.
type Set struct {
	locales []*locale // sorted by name
	byTag   map[string]*locale
	matcher language.Matcher // the first of its languages is English
	ordered []*locale        // as the matcher numbers them

	pages map[string]map[string]parsed[*template.Template] // by name, then by tag

	mailHTML parsed[*template.Template]
	mailText parsed[*texttemplate.Template]

	assets map[string]asset  // by path
	paths  map[string]string // of the assets, by file name
}

// A parsed is a file that is parsed when it is first asked for. All pages in all
// languages take a second and 40 MiB, of which most people need little.
type parsed[T any] = func() (T, error)

// An asset is a file that pages load, such as the stylesheet.
type asset struct {
	body        []byte
	contentType string
}

// contentTypes are those of the files in static/, by their ending.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// New returns all embedded pages and locales. Each is parsed when it is first
// asked for, and the Set is the same each time. Tests parse all of it.
func New() (*Set, error) { return fromBinary() }

// NewFrom is New for pages and locales that aren't those of the binary:
// files is laid out as the folder of this package. Each call reads and parses
// all of it. An error names the file.
func NewFrom(files fs.FS) (*Set, error) {
	s, err := load(files)
	if err != nil {
		return nil, err
	}
	if err := s.parseAll(); err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	return s, nil
}

// folders are those of the files that a Set is made from.
var folders = []string{"pages", "panel", "mail", "static", "locales"}

// Digest returns a hash of all files that NewFrom reads, by which it is known
// whether another Set would be made from them now.
func Digest(files fs.FS) (string, error) {
	h := sha256.New()
	for _, folder := range folders {
		err := fs.WalkDir(files, folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			body, err := fs.ReadFile(files, name)
			fmt.Fprintf(h, "%d %s %d\n", len(name), name, len(body))
			h.Write(body)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("templates: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

var fromBinary = sync.OnceValues(func() (*Set, error) { return load(embedded) })

func load(files fs.FS) (*Set, error) {
	s := &Set{
		pages:  map[string]map[string]parsed[*template.Template]{},
		assets: map[string]asset{},
		paths:  map[string]string{},
	}
	s.loadMails(files)
	for _, step := range []func(fs.FS) error{s.loadAssets, s.loadLocales, s.loadPages} {
		if err := step(files); err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
	}
	return s, nil
}

// parseAll finds what is wrong with any file.
func (s *Set) parseAll() error {
	for _, l := range s.locales {
		if err := l.check(); err != nil {
			return err
		}
	}
	for _, languages := range s.pages {
		for _, page := range languages {
			if _, err := page(); err != nil {
				return err
			}
		}
	}
	if _, err := s.mailHTML(); err != nil {
		return err
	}
	_, err := s.mailText()
	return err
}

// loadAssets gives each file of static/ a path that changes with its content,
// so that a browser may keep it for ever.
func (s *Set) loadAssets(files fs.FS) error {
	names, err := fs.Glob(files, "static/*")
	if err != nil {
		return err
	}
	for _, name := range names {
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		base, ending := path.Base(name), path.Ext(name)
		if contentTypes[ending] == "" {
			return fmt.Errorf("%s: no content type for this ending", name)
		}
		sum := sha256.Sum256(body)
		p := "/static/" + strings.TrimSuffix(base, ending) + "." + hex.EncodeToString(sum[:])[:12] + ending
		s.assets[p], s.paths[base] = asset{body, contentTypes[ending]}, p
	}
	return nil
}

// Asset returns the path of a file of static/.
func (s *Set) Asset(name string) (string, error) {
	p, ok := s.paths[name]
	if !ok {
		return "", fmt.Errorf("templates: no file %q in static", name)
	}
	return p, nil
}

// loadPages looks which pages there are. Every page may use pages/parts/*.html;
// those of panel/ have the parts of panel/parts/ too, which come after the others
// and may take their place.
func (s *Set) loadPages(files fs.FS) error {
	shared := sync.OnceValues(func() (*template.Template, error) {
		t := template.New("").Option("missingkey=error").Funcs(s.locales[0].funcs()).Funcs(template.FuncMap{"asset": s.Asset})
		return t, parse(t, files, "pages/parts/*.html")
	})
	panel := sync.OnceValues(func() (*template.Template, error) {
		t, err := copied(shared)
		if err != nil {
			return nil, err
		}
		return t, parse(t, files, "panel/parts/*.html")
	})
	if err := s.list(files, "pages/", "", shared, s.Languages()); err != nil {
		return err
	}
	// On an iPad the page of a link speaks of that.
	if s.pages["setup"] != nil {
		s.pages["setup-ipad"] = s.page(files, "pages/setup.html", shared, s.Languages(), (*locale).onIPad)
	}
	return s.list(files, "panel/", "panel/", panel, s.PanelLanguages())
}

// list adds the pages of a folder in the languages. Each has a copy of the parts
// of its own, because the functions that bring the words belong to the language.
func (s *Set) list(files fs.FS, folder, prefix string, parts parsed[*template.Template], languages []Language) error {
	names, err := glob(files, folder+"*.html")
	if err != nil {
		return err
	}
	for _, name := range names {
		s.pages[prefix+strings.TrimSuffix(path.Base(name), ".html")] = s.page(files, name, parts, languages, nil)
	}
	return nil
}

// page is a page in the languages, with the texts of each or, if change isn't
// nil, with what it makes of them.
func (s *Set) page(files fs.FS, name string, parts parsed[*template.Template], languages []Language, change func(*locale) *locale) map[string]parsed[*template.Template] {
	page := map[string]parsed[*template.Template]{}
	for _, lang := range languages {
		page[lang.Tag] = sync.OnceValues(func() (*template.Template, error) {
			t, err := copied(parts)
			if err != nil {
				return nil, err
			}
			l := s.byTag[lang.Tag]
			if change != nil {
				l = change(l)
			}
			return t.Funcs(l.funcs()), parse(t, files, name)
		})
	}
	return page
}

func copied(t parsed[*template.Template]) (*template.Template, error) {
	original, err := t()
	if err != nil {
		return nil, err
	}
	return original.Clone()
}

// parse adds the files of pattern to t.
func parse(t *template.Template, files fs.FS, pattern string) error {
	names, err := glob(files, pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if _, err := t.New(name).Parse(string(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// glob returns the files of pattern, of which there is one at least.
func glob(files fs.FS, pattern string) ([]string, error) {
	names, err := fs.Glob(files, pattern)
	if err == nil && len(names) == 0 {
		err = errors.New("no files " + pattern)
	}
	return names, err
}

// Page writes pages/NAME.html, or panel/NAME.html for "panel/NAME", in lang with
// data. Nothing is written if it fails. A language that the set doesn't have,
// or not of the page, is English.
func (s *Set) Page(w io.Writer, name string, lang Language, data any) error {
	page := s.pages[name][lang.Tag]
	if page == nil {
		page = s.pages[name][fallback]
	}
	if page == nil {
		return fmt.Errorf("templates: no page %q", name)
	}
	t, err := page()
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "base", data); err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	_, err = out.WriteTo(w)
	return err
}

// StaticFile returns the file that is served at path and its content type; ok
// is false for every path but those that the pages use, letter by letter.
func (s *Set) StaticFile(path string) (body []byte, contentType string, ok bool) {
	a, ok := s.assets[path]
	return bytes.Clone(a.body), a.contentType, ok
}
