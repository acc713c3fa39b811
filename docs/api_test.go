package docs_test

import (
	"encoding/json"
	"fmt"
	"go/format"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A guide is docs/api.md.
type guide struct {
	opening  string
	blocks   map[string]string // of the opening: client code by language
	sections []entry
}

// An entry is a section about one operation.
type entry struct {
	title  string
	body   string            // everything after the title
	head   string            // generated from the OpenAPI document: the first line and the tables
	blocks map[string]string // by language
}

var (
	block    = regexp.MustCompile("(?m)^```(\\w+)\n((?:.*\n)*?)```$")
	madeHead = regexp.MustCompile("^\n`[A-Z]+ /[^\n]*\n\n(?:(?:\\|[^\n]*\n)+\n)?")
)

// readGuide splits api.md into sections at each third-level title.
func readGuide(t *testing.T) guide {
	t.Helper()
	text, err := os.ReadFile("api.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "\n### ")
	g := guide{opening: parts[0], blocks: blocksOf(t, parts[0])}
	for _, part := range parts[1:] {
		title, body, _ := strings.Cut(part, "\n")
		g.sections = append(g.sections, entry{title, body, madeHead.FindString(body), blocksOf(t, body)})
	}
	return g
}

func blocksOf(t *testing.T, text string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, m := range block.FindAllStringSubmatch(text, -1) {
		if out[m[1]] != "" {
			t.Errorf("two blocks of %s in %.60q", m[1], text)
		}
		out[m[1]] = m[2]
	}
	return out
}

// TestAPIGuide checks that each operation of the OpenAPI document has a section with
// its fields and limits, and a snippet in each language.
func TestAPIGuide(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	document := readDocument(t, s)
	if *update {
		updateGuide(t, document)
	}
	g := readGuide(t)
	missing := maps.Clone(document.byTitle())
	for _, section := range g.sections {
		op, ok := missing[section.title]
		if !ok {
			t.Errorf("unknown or repeated operation: %s", section.title)
			continue
		}
		delete(missing, section.title)
		if want := document.head(t, op); section.head != want {
			t.Errorf("%s: the first line and tables are out of date; run: make codes\n%s\nwant\n%s", section.title, section.head, want)
		}
		for _, l := range languages {
			if section.blocks[l.fence] == "" {
				t.Errorf("%s has no snippet in %s", section.title, l.name)
			}
		}
		if code := section.blocks["go"]; code != formatted(t, code) {
			t.Errorf("%s: gofmt would change\n%s", section.title, code)
		}
	}
	for title := range missing {
		t.Errorf("no section for %s", title)
	}
}

func formatted(t *testing.T, code string) string {
	t.Helper()
	out, err := format.Source([]byte(code))
	if err != nil {
		t.Errorf("%v in\n%s", err, code)
	}
	return string(out)
}

// updateGuide updates the generated parts of api.md.
func updateGuide(t *testing.T, document apiDocument) {
	t.Helper()
	g, byTitle := readGuide(t), document.byTitle()
	out := g.opening
	for _, s := range g.sections {
		if op, ok := byTitle[s.title]; ok {
			s.body = document.head(t, op) + strings.TrimLeft(strings.TrimPrefix(s.body, s.head), "\n")
		}
		out += "\n### " + s.title + "\n" + s.body
	}
	if err := os.WriteFile("api.md", []byte(out), 0o644); err != nil {
		t.Fatal(err)
	}
}

// refusedRequest matches the request in the opening whose error is shown.
var refusedRequest = regexp.MustCompile("`(POST) (/api/v1/\\S+)` with `(.+)`")

// TestAPIGuideError sends the refused request in the opening, and compares the
// problem with the one shown.
func TestAPIGuideError(t *testing.T) {
	g := readGuide(t)
	m := refusedRequest.FindStringSubmatch(g.opening)
	if m == nil {
		t.Fatal("the opening has no refused request")
	}
	a := newDocumented(t).do(m[1], m[2], m[3])
	var got, want map[string]any
	if err := json.Unmarshal(a.Body, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(g.blocks["json"]), &want); err != nil {
		t.Fatal(err)
	}
	sameForm(t, "problem", want, got)
	got["instance"] = want["instance"]
	if fmt.Sprint(got) != fmt.Sprint(want) || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s\nwant\n%s", a.Body, g.blocks["json"])
	}
	if policy := a.Header.Get("RateLimit-Policy"); policy == "" || !strings.Contains(g.opening, "\nRateLimit-Policy: "+policy+"\n") {
		t.Errorf("RateLimit-Policy: %s", policy)
	}
}

// TestAPIGuideSnippets runs the snippets of each language as one program, from top
// to bottom, against a new server.
func TestAPIGuideSnippets(t *testing.T) {
	t.Parallel()
	g := readGuide(t)
	sent := map[string][]exchange{}
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			l.need(t)
			d := newDocumented(t)
			l.run(t, g, d)
			sent[l.name] = d.recorded
			d.check(t, g)
			if got, want := d.pages(), 1+manyLinks/50; got != want && l.fence != "sh" {
				t.Errorf("%d pages of setup links were read, want %d", got, want)
			}
		})
	}
	names := slices.Sorted(maps.Keys(sent))
	for _, name := range names {
		first, other := bodies(sent[names[0]]), bodies(sent[name])
		for title, body := range first {
			if !t.Failed() && other[title] != body {
				t.Errorf("%s: %s sends %s, %s %s", title, names[0], body, name, other[title])
			}
		}
	}
}

// bodies returns the request bodies by operation, as compact JSON with sorted fields.
func bodies(all []exchange) map[string]string {
	out := map[string]string{}
	for _, e := range all {
		var body any
		if json.Unmarshal(e.body, &body) != nil {
			body = string(e.body)
		}
		out[e.title] = fmt.Sprint(body, e.header.Get("Idempotency-Key"))
	}
	return out
}

// check checks that each section's operation was called in order, with the
// documented response.
func (d *documented) check(t *testing.T, g guide) {
	t.Helper()
	recorded := slices.Clone(d.recorded) // of repeated calls, the last counts
	slices.Reverse(recorded)
	recorded = slices.CompactFunc(recorded, func(a, b exchange) bool { return a.title == b.title })
	slices.Reverse(recorded)
	for i, s := range g.sections {
		if i >= len(recorded) || recorded[i].title != s.title {
			t.Fatalf("%s: its snippet didn't call the operation; the calls were %v", s.title, titles(recorded))
		}
		e := recorded[i]
		if want := fmt.Sprintf("returns %d.\n", e.status); !strings.Contains(s.head, want) {
			t.Errorf("%s: got %d %s", s.title, e.status, e.answer)
		}
		if example := s.blocks["json"]; example != "" {
			sameForm(t, s.title, decoded(t, example), decoded(t, string(e.answer)))
		}
	}
	if len(recorded) > len(g.sections) {
		t.Errorf("more calls than sections: %v", titles(recorded[len(g.sections):]))
	}
}

// pages is the number of setup link pages read.
func (d *documented) pages() (n int) {
	for _, title := range titles(d.recorded) {
		if strings.HasPrefix(title, "List setup links") {
			n++
		}
	}
	return n
}

func titles(all []exchange) (out []string) {
	for _, e := range all {
		out = append(out, e.title)
	}
	return out
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Errorf("%v in %s", err, text)
	}
	return v
}

// sameForm checks that the response has the same fields as the example, at every
// level. It compares the first entry of lists.
func sameForm(t *testing.T, at string, example, answer any) {
	t.Helper()
	if a, b := fmt.Sprintf("%T", example), fmt.Sprintf("%T", answer); a != b {
		t.Errorf("%s is %s in the example, %s in the answer", at, a, b)
		return
	}
	switch example := example.(type) {
	case map[string]any:
		answer, _ := answer.(map[string]any)
		if a, b := slices.Sorted(maps.Keys(example)), slices.Sorted(maps.Keys(answer)); !slices.Equal(a, b) {
			t.Errorf("%s has %v in the example, %v in the answer", at, a, b)
			return
		}
		for name, v := range example {
			sameForm(t, at+" "+name, v, answer[name])
		}
	case string:
		if answer := fmt.Sprint(answer); plain(example) != plain(answer) {
			t.Errorf("%s is %q in the example, %q in the answer", at, example, answer)
		}
	case []any:
		answer, _ := answer.([]any)
		if len(example) == 0 || len(answer) == 0 {
			if len(example) != len(answer) {
				t.Errorf("%s has %d entries in the example, %d in the answer", at, len(example), len(answer))
			}
			return
		}
		sameForm(t, at, example[0], answer[0])
	}
}

var (
	word   = regexp.MustCompile(`^[a-z_ ]+$`)
	madeUp = regexp.MustCompile(`^([a-z]{3}_)[a-z2-7]{16}$`)
)

// plain is the part of an example's text that all responses share: a word, the
// prefix of an ID, or nothing.
func plain(s string) string {
	if m := madeUp.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	if word.MatchString(s) {
		return s
	}
	return ""
}

// An exchange is a request and its response.
type exchange struct {
	title  string // of the operation
	header http.Header
	body   []byte
	status int
	answer []byte
}
