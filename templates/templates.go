// Package templates has the pages, their styles, and every text that people
// read. It imports no other package of the service: handlers pass the data, and
// nothing here requests any.
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

// A Set is all pages in all languages. It doesn't change after New, and is safe
// for concurrent use.
type Set struct {
	locales []*locale // sorted by name
	byTag   map[string]*locale
	matcher language.Matcher // its first language is English
	ordered []*locale        // in the matcher's order

	pages map[string]map[string]parsed[*template.Template] // by name, then by tag
	panel copies                                           // pages of the control panel

	mailHTML parsed[*template.Template]
	mailText parsed[*texttemplate.Template]

	assets map[string]asset  // by path
	paths  map[string]string // of the assets, by file name
}

// A parsed is a file that is parsed on first use. Parsing all pages in all
// languages takes a second and 40 MiB, and most people need little of it.
type parsed[T any] = func() (T, error)

// An asset is a file that pages load, for example the stylesheet.
type asset struct {
	body        []byte
	contentType string
}

// contentTypes are the types of the files in static/, by extension.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// New returns all embedded pages and locales. Each is parsed on first use, and
// New always returns the same Set. Tests parse all of it.
func New() (*Set, error) { return fromBinary() }

// NewFrom is New for pages and locales from other files, laid out like the
// folder of this package. Each call reads and parses all of them. An error
// names the file.
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

// folders are the folders with the files of a Set.
var folders = []string{"pages", "panel", "mail", "static", "locales"}

// Digest returns a hash of all files that NewFrom reads, to detect whether they
// have changed.
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

// parseAll finds errors in all files. Pages differ between languages only in
// their functions, so one language shows the errors of all.
func (s *Set) parseAll() error {
	for _, l := range s.locales {
		if err := l.check(); err != nil {
			return err
		}
	}
	for _, languages := range s.pages {
		if _, err := languages[fallback](); err != nil {
			return err
		}
	}
	if _, err := s.mailHTML(); err != nil {
		return err
	}
	_, err := s.mailText()
	return err
}

// loadAssets gives each file in static/ a path that changes with its content,
// so that browsers can cache it forever.
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
			return fmt.Errorf("%s: no content type for this extension", name)
		}
		sum := sha256.Sum256(body)
		p := "/static/" + strings.TrimSuffix(base, ending) + "." + hex.EncodeToString(sum[:])[:12] + ending
		s.assets[p], s.paths[base] = asset{body, contentTypes[ending]}, p
	}
	return nil
}

// Asset returns the path of a file in static/.
func (s *Set) Asset(name string) (string, error) {
	p, ok := s.paths[name]
	if !ok {
		return "", fmt.Errorf("templates: no file %q in static", name)
	}
	return p, nil
}

// loadPages finds the pages. Every page can use pages/parts/*.html. Those in
// panel/ also have panel/parts/, which is parsed later and can replace parts.
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
	if err := s.list(files, "pages/", "", shared, sync.OnceValues); err != nil {
		return err
	}
	// On an iPad, a link's page mentions the iPad.
	if s.pages["setup"] != nil {
		s.pages["setup-ipad"] = s.page(files, "pages/setup.html", shared, sync.OnceValues, (*locale).onIPad)
	}
	return s.list(files, "panel/", "panel/", panel, s.panel.bounded)
}

// A keeper makes a function that parses once from one that parses each time.
type keeper func(parsed[*template.Template]) parsed[*template.Template]

// list adds the pages of a folder in all languages. Each language has its own copy of
// the parts, because the functions that return texts belong to the language.
func (s *Set) list(files fs.FS, folder, prefix string, parts parsed[*template.Template], keep keeper) error {
	names, err := glob(files, folder+"*.html")
	if err != nil {
		return err
	}
	for _, name := range names {
		s.pages[prefix+strings.TrimSuffix(path.Base(name), ".html")] = s.page(files, name, parts, keep, nil)
	}
	return nil
}

// page returns a page in all languages, with their locales or, if change isn't nil,
// with locales changed by it.
func (s *Set) page(files fs.FS, name string, parts parsed[*template.Template], keep keeper, change func(*locale) *locale) map[string]parsed[*template.Template] {
	page := map[string]parsed[*template.Template]{}
	for _, lang := range s.locales {
		page[lang.Tag] = keep(func() (*template.Template, error) {
			t, err := copied(parts)
			if err != nil {
				return nil, err
			}
			l := lang
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

// glob returns the files of pattern, at least one.
func glob(files fs.FS, pattern string) ([]string, error) {
	names, err := fs.Glob(files, pattern)
	if err == nil && len(names) == 0 {
		err = errors.New("no files " + pattern)
	}
	return names, err
}

// Page writes pages/NAME.html, or panel/NAME.html for "panel/NAME", in lang
// with data. If it fails, nothing is written. If the set or the page doesn't
// have the language, it's in English.
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

// StaticFile returns the file served at path and its content type. ok is false
// for all paths except exactly those that the pages use.
func (s *Set) StaticFile(path string) (body []byte, contentType string, ok bool) {
	a, ok := s.assets[path]
	return bytes.Clone(a.body), a.contentType, ok
}
