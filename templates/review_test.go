package templates

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

var update = flag.Bool("update", false, "write the sheets in review/")

// pluralForms are those of CLDR, in its order.
var pluralForms = []string{"zero", "one", "two", "few", "many", "other"}

// reviewColumns are those of a sheet: what a native speaker of the language reads,
// and the last three are what they fill in. State is empty, "ok" or "wrong".
var reviewColumns = []string{"id", "english", "text", "context", "screenshot", "reviewer", "state", "suggestion"}

// A reviewer's verdict on a text.
type verdict struct{ reviewer, state, suggestion string }

// TestReview wants the sheet of each language to have all of its texts as they are,
// and a language to be called reviewed when somebody has agreed to all of them. With
// -update it writes the sheets, and keeps what was filled in for texts that stay.
func TestReview(t *testing.T) {
	english, order := localeTexts(t, "en.toml"), localeOrder(t)
	places := placesOf(t, order)
	for _, l := range newSet(t).Languages() {
		if l.Tag == fallback {
			continue
		}
		path := filepath.Join("review", l.Tag+".csv")
		data, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		known, agreed := verdicts(t, path, data), true
		texts := localeTexts(t, l.Tag+".toml")
		var sheet bytes.Buffer
		w := csv.NewWriter(&sheet)
		_ = w.Write(reviewColumns)
		for _, id := range order {
			if strings.HasPrefix(id, "language.") {
				continue
			}
			place := places[id]
			for _, form := range pluralForms {
				text, ok := formOf(texts[id], form)
				if !ok {
					continue
				}
				original, ok := formOf(english[id], form)
				if !ok {
					original, _ = formOf(english[id], "other")
				}
				name := id
				if _, plural := texts[id].(map[string]any); plural {
					name += " (" + form + ")"
				}
				v := known[[3]string{name, original, text}]
				agreed = agreed && v.state == "ok"
				_ = w.Write([]string{name, original, text, place.context, place.screenshot, v.reviewer, v.state, v.suggestion})
			}
		}
		w.Flush()
		if *update {
			if err := os.WriteFile(path, sheet.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if !bytes.Equal(sheet.Bytes(), data) {
			t.Errorf("%s isn't that of the texts: run make review", path)
		}
		if reviewed := texts["language.reviewed"] == "yes"; reviewed != agreed {
			t.Errorf("%s: language.reviewed is %v, and somebody agreed to all texts: %v", l.Tag, texts["language.reviewed"], agreed)
		}
	}
}

// verdicts are what reviewers have filled in, by name, English and text.
func verdicts(t *testing.T, path string, data []byte) map[[3]string]verdict {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	all := map[[3]string]verdict{}
	for i, row := range rows {
		if i == 0 {
			continue
		}
		v := verdict{row[5], row[6], row[7]}
		if !slices.Contains([]string{"", "ok", "wrong"}, v.state) || v.state != "" && v.reviewer == "" {
			t.Errorf("%s:%d: the state %q of %q", path, i+1, v.state, v.reviewer)
		}
		all[[3]string{row[0], row[1], row[2]}] = v
	}
	return all
}

// formOf is the form of a text; one without forms has the form "other".
func formOf(text any, form string) (string, bool) {
	if forms, ok := text.(map[string]any); ok {
		text = forms[form]
	} else if form != "other" {
		return "", false
	}
	s, ok := text.(string)
	return s, ok
}

// localeOrder is the texts in the order of the English file.
func localeOrder(t *testing.T) []string {
	t.Helper()
	var texts map[string]any
	meta, err := toml.DecodeFS(embedded, "locales/en.toml", &texts)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, key := range meta.Keys() {
		if len(key) == 1 {
			all = append(all, key[0])
		}
	}
	return all
}

// A place is where a text is read.
type place struct{ context, screenshot string }

var section = regexp.MustCompile(`(?m)^# --- (.*?) -*$|^"([^"]+)" =`)

// placesOf says where the texts are read: the section of the English file, the
// pages, and a picture of the first page that has one.
func placesOf(t *testing.T, ids []string) map[string]place {
	t.Helper()
	places := map[string]place{}
	file, err := embedded.ReadFile("locales/en.toml")
	if err != nil {
		t.Fatal(err)
	}
	now := ""
	for _, m := range section.FindAllStringSubmatch(string(file), -1) {
		if m[1] != "" {
			now = m[1]
		} else {
			places[m[2]] = place{context: now}
		}
	}
	pictures, err := filepath.Glob("../docs/screenshots/*.png")
	if err != nil {
		t.Fatal(err)
	}
	pages := pageFiles(t)
	for _, id := range ids {
		p := places[id]
		var on []string
		for _, path := range sortedPages(pages) {
			if !strings.Contains(pages[path], `"`+id+`"`) {
				continue
			}
			name := strings.TrimSuffix(strings.TrimPrefix(path, "pages/"), ".html")
			on = append(on, name)
			if p.screenshot == "" {
				p.screenshot = pictureOf(pictures, strings.ReplaceAll(name, "/", "-"))
			}
		}
		if len(on) > 0 {
			p.context += "; " + strings.Join(on, ", ")
		}
		places[id] = p
	}
	return places
}

func sortedPages(pages map[string]string) []string {
	var all []string
	for path := range pages {
		all = append(all, path)
	}
	slices.Sort(all)
	return all
}

// pictureOf is the picture of a page: of its name, or the first that begins with it.
func pictureOf(pictures []string, page string) string {
	for _, path := range pictures {
		name := filepath.Base(path)
		if name == page+".png" || strings.HasPrefix(name, page+"-") {
			return name
		}
	}
	return ""
}
