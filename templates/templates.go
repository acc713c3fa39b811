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

// A Set is all pages in all languages. It does not change after New and may be
// used by several goroutines.
type Set struct {
	locales []*locale // sorted by name
	byTag   map[string]*locale
	matcher language.Matcher // the first of its languages is English
	ordered []*locale        // as the matcher numbers them

	pages map[string]map[string]*template.Template // by name, then by tag

	mailHTML *template.Template
	mailText *texttemplate.Template

	assets map[string]asset  // by path
	paths  map[string]string // of the assets, by file name
}

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

// New returns all embedded pages and locales. They are parsed once in a process
// and the Set is the same each time, for it takes a third of a second and some
// 40 MiB. An error names the file.
func New() (*Set, error) { return parsed() }

// NewFrom is New for pages and locales that are not those of the binary:
// files is laid out as the folder of this package. Each call reads and parses
// all of it.
func NewFrom(files fs.FS) (*Set, error) { return load(files) }

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

var parsed = sync.OnceValues(func() (*Set, error) { return load(embedded) })

func load(files fs.FS) (*Set, error) {
	s := &Set{
		pages:  map[string]map[string]*template.Template{},
		assets: map[string]asset{},
		paths:  map[string]string{},
	}
	for _, step := range []func(fs.FS) error{s.loadAssets, s.loadLocales, s.loadPages, s.loadMails} {
		if err := step(files); err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
	}
	return s, nil
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

// loadPages parses pages/parts/*.html, which every page may use, and then each
// page of pages/ beside them. Those of panel/ have the parts of panel/parts/
// too, which come after the others and may take their place.
func (s *Set) loadPages(files fs.FS) error {
	shared := template.New("").Option("missingkey=error").Funcs(s.locales[0].funcs()).Funcs(template.FuncMap{"asset": s.Asset})
	if err := parse(shared, files, "pages/parts/*.html", nil); err != nil {
		return err
	}
	panel, err := shared.Clone()
	if err != nil {
		return err
	}
	if err := parse(panel, files, "panel/parts/*.html", nil); err != nil {
		return err
	}
	err = parse(shared, files, "pages/*.html", func(name string, page *template.Template) error {
		return s.add(name, page, s.Languages())
	})
	if err != nil {
		return err
	}
	return parse(panel, files, "panel/*.html", func(name string, page *template.Template) error {
		return s.add("panel/"+name, page, s.PanelLanguages())
	})
}

// add keeps a page in the languages. Each has a copy of its own, because the
// functions that bring the words belong to the language. Copies are large: a
// page that nobody reads in a language is not kept in it.
func (s *Set) add(name string, page *template.Template, languages []Language) error {
	s.pages[name] = map[string]*template.Template{}
	for _, lang := range languages {
		own, err := page.Clone()
		if err != nil {
			return err
		}
		s.pages[name][lang.Tag] = own.Funcs(s.byTag[lang.Tag].funcs())
	}
	return nil
}

// parse adds the files of pattern to t or, if each is given, each file to a
// copy of t of its own.
func parse(t *template.Template, files fs.FS, pattern string, each func(name string, page *template.Template) error) error {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errors.New("no files " + pattern)
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		into := t
		if each != nil {
			if into, err = t.Clone(); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if _, err := into.New(name).Parse(string(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if each == nil {
			continue
		}
		if err := each(strings.TrimSuffix(path.Base(name), ".html"), into); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// Page writes pages/NAME.html, or panel/NAME.html for "panel/NAME", in lang with
// data. Nothing is written if it fails. A language that the set does not have,
// or not of the page, is English.
func (s *Set) Page(w io.Writer, name string, lang Language, data any) error {
	page := s.pages[name][lang.Tag]
	if page == nil {
		page = s.pages[name][fallback]
	}
	if page == nil {
		return fmt.Errorf("templates: no page %q", name)
	}
	var out bytes.Buffer
	if err := page.ExecuteTemplate(&out, "base", data); err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	_, err := out.WriteTo(w)
	return err
}

// StaticFile returns the file that is served at path and its content type; ok
// is false for every path but those that the pages use, letter by letter.
func (s *Set) StaticFile(path string) (body []byte, contentType string, ok bool) {
	a, ok := s.assets[path]
	return bytes.Clone(a.body), a.contentType, ok
}
