package templates

import (
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/profile/idn"
)

// funcs are the functions that pages can call. An unknown id or a missing value
// fails the page, so a test that renders every page finds them.
func (l *locale) funcs() template.FuncMap {
	return template.FuncMap{
		"t":      l.plain,
		"tn":     l.counted,
		"rich":   l.rich,
		"line":   l.line,
		"lines":  l.lines,
		"fit":    fit,
		"before": l.before,
		"beyond": l.beyond,
		"x":      l.x,
		"anchor": l.anchor,
		"mirror": l.mirror,
		"dict":   pairs,
		"breaks": breaks,
		"status": knownStatus,
		"host":   idn.Show,

		"tv":       l.filled,
		"richv":    l.richFilled,
		"quantity": l.quantity,
		"number":   l.number,
		"moment":   l.moment,
		"date":     l.date,
		"day":      l.day,
		"machine":  machine,
		"logged":   l.logged,
		"exact":    exact,
		"worded":   l.worded,
		"grouped":  grouped,
		"list":     list,
		"plot":     newPlot,
	}
}

// plain is {{t "id" "Key" value …}}.
func (l *locale) plain(id string, keysAndValues ...any) (string, error) {
	return l.counted(id, nil, keysAndValues...)
}

// counted is {{tn "id" count "Key" value …}}: the plural form for count, which
// is {{.Count}} in the text.
func (l *locale) counted(id string, count any, keysAndValues ...any) (string, error) {
	data, err := pairs(keysAndValues...)
	if err != nil {
		return "", fmt.Errorf("text %q: %w", id, err)
	}
	return l.text(id, count, data)
}

// A piece is a part of a rich text.
type piece struct {
	Text  string
	Bold  bool // was between stars
	Value bool // was filled in, and may have another direction than the text
}

// Marks that can't be in a text. They are removed from values first.
const (
	star       = '*'
	quotedStar = '\uE000'
	valueStart = '\uE001'
	valueEnd   = '\uE002'
)

// rich is {{template "rich" (rich "id" "Key" value …)}}: a text with *bold*
// words. A star in a value stays a star, because a certificate may be for
// *.example.com.
func (l *locale) rich(id string, keysAndValues ...any) ([]piece, error) {
	data, err := pairs(keysAndValues...)
	if err != nil {
		return nil, fmt.Errorf("text %q: %w", id, err)
	}
	return l.richFilled(id, data)
}

// richFilled is {{template "rich" (richv "id" .Values)}}: rich with the values
// of a map, and a plural form as in filled.
func (l *locale) richFilled(id string, values map[string]any) ([]piece, error) {
	data := maps.Clone(values)
	clean := strings.NewReplacer(string(quotedStar), "", string(valueStart), "", string(valueEnd), "", string(star), string(quotedStar))
	for key, value := range data {
		if text, ok := value.(string); ok {
			data[key] = string(valueStart) + clean.Replace(text) + string(valueEnd)
		}
	}
	text, err := l.filled(id, data)
	if err != nil {
		return nil, err
	}
	return pieces(text), nil
}

func pieces(text string) []piece {
	var all []piece
	var now piece
	var b strings.Builder
	flush := func() {
		if now.Text = b.String(); now.Text != "" {
			all = append(all, now)
		}
		b.Reset()
	}
	for _, r := range text {
		switch r {
		case star:
			flush()
			now.Bold = !now.Bold
		case valueStart, valueEnd:
			flush()
			now.Value = r == valueStart
		case quotedStar:
			b.WriteRune(star)
		default:
			b.WriteRune(r)
		}
	}
	flush()
	return all
}

// pairs creates a map of "Key" value …. As {{dict}} it passes several values to
// a part of a page.
func pairs(keysAndValues ...any) (map[string]any, error) {
	if len(keysAndValues)%2 != 0 {
		return nil, fmt.Errorf("a value is missing after %v", keysAndValues[len(keysAndValues)-1])
	}
	m := map[string]any{}
	for pair := range slices.Chunk(keysAndValues, 2) {
		key, ok := pair[0].(string)
		if !ok {
			return nil, fmt.Errorf("%v isn't a key", pair[0])
		}
		m[key] = pair[1]
	}
	return m, nil
}

// breaks is {{breaks url}}: a URL in parts between which a line can be broken.
func breaks(url string) []string {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		scheme, rest = "", url
	} else {
		scheme += "://"
	}
	parts := strings.SplitAfter(rest, "/")
	parts[0] = scheme + parts[0]
	return slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}

// statuses are those that the locale has an error page for.
var statuses = []int{401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 500, 503}

// knownStatus returns the status whose texts are used for s.
func knownStatus(s int) int {
	switch {
	case slices.Contains(statuses, s):
		return s
	case s >= 400 && s < 500:
		return 422
	default:
		return 500
	}
}
