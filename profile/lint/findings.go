package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A Severity is how grave a finding is.
type Severity string

// The severities. An error keeps the profile from working, or is a danger; a
// warning is likely not what was meant; a note is good to know.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// A Finding is one thing to know about a profile.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Path     string   `json:"path"`   // of the key, such as "PayloadContent.0.Password"; may be empty
	Detail   string   `json:"detail"` // what is wrong, and what to do
}

const (
	maxSame  = 20  // findings of one code that are listed
	maxShown = 160 // runes of a value that are shown
	maxKey   = 60  // and of a key
)

// An inspector is one run of Inspect.
type inspector struct {
	report *Report
	at     time.Time
	found  []Finding
	counts map[Code]int
}

// A place is a key or an item, and what it is in. The nil place is the file.
type place struct {
	in  *place
	key string
}

// at returns the place of a key below p.
func (p *place) at(key string) *place { return &place{p, key} }

// item returns the place of an array's item.
func (p *place) item(n int) *place { return &place{p, strconv.Itoa(n)} }

// String is the path.
func (p *place) String() string {
	if p == nil {
		return ""
	}
	if p.in == nil {
		return shown(p.key, maxKey)
	}
	return p.in.String() + "." + shown(p.key, maxKey)
}

// add records a finding of the severity that its code has. The detail is what
// is wrong; empty stands for the words of the code.
func (i *inspector) add(code Code, at *place, detail string) {
	i.addAs(meanings()[code].Severity, code, at, detail)
}

// addAs is add with another severity.
func (i *inspector) addAs(severity Severity, code Code, at *place, detail string) {
	if i.counts[code]++; i.counts[code] > maxSame {
		return
	}
	m := meanings()[code]
	i.found = append(i.found, Finding{code, severity, at.String(), cmp.Or(detail, m.Text) + " " + m.Do})
}

// sorted returns the findings, errors first. The last of a code says how many
// more there are.
func (i *inspector) sorted() []Finding {
	for n := len(i.found) - 1; n >= 0; n-- {
		f := &i.found[n]
		if more := i.counts[f.Code] - maxSame; more > 0 {
			f.Detail += fmt.Sprintf(" There are %d more like this.", more)
			i.counts[f.Code] = 0
		}
	}
	rank := map[Severity]int{Error: 0, Warning: 1, Note: 2}
	slices.SortStableFunc(i.found, func(a, b Finding) int { return rank[a.Severity] - rank[b.Severity] })
	return append([]Finding{}, i.found...)
}

// shown makes a text of the file fit to be shown: of limited length, and with
// no character that a terminal acts on, or that reorders or hides others.
func shown(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > limit {
			b.WriteRune('…')
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
