package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// A Severity is how serious a finding is.
type Severity string

// The severities. An error keeps the profile from working, or is dangerous. A
// warning is probably a mistake. A note is good to know.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// A Finding is a fact about a profile that people should know.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Path     string   `json:"path"`   // of the key, for example "PayloadContent.0.Password"; may be empty
	Detail   string   `json:"detail"` // the problem, and what to do
}

const (
	maxSame  = 20  // maximum findings listed per code
	maxShown = 160 // maximum runes shown of a value
	maxKey   = 60  // maximum runes shown of a key
)

// An inspector is one run of Inspect.
type inspector struct {
	report *Report
	at     time.Time
	hits   []hit
	// declared means that a passcode policy was found as a declaration.
	declared bool
	// certificate is the signer's certificate from the envelope.
	certificate []byte
}

// A hit is a finding that isn't formatted yet.
type hit struct {
	code     Code
	severity Severity
	at       *place
	detail   string // empty: the code's text
	advice   string // empty: the code's advice
	about    *value // the value at fault, if it's a single one
}

// A place is a key or an array item, with its parent. The nil place is the
// file.
type place struct {
	in  *place
	key string
}

// at returns the place of a key in p.
func (p *place) at(key string) *place { return &place{p, key} }

// item returns the place of an array's item.
func (p *place) item(n int) *place { return &place{p, strconv.Itoa(n)} }

// String returns the path.
func (p *place) String() string {
	if p == nil {
		return ""
	}
	if p.in == nil {
		return shown(p.key, maxKey)
	}
	return p.in.String() + "." + shown(p.key, maxKey)
}

// add records a finding with the severity and advice of its code. detail
// describes the problem; if it's empty, the code's text is used. The result can
// be changed until the next call.
func (i *inspector) add(code Code, at *place, detail string) *hit {
	i.hits = append(i.hits, hit{code: code, severity: meanings()[code].Severity, at: at, detail: detail})
	return &i.hits[len(i.hits)-1]
}

// as sets a severity other than the code's.
func (h *hit) as(severity Severity) *hit {
	h.severity = severity
	return h
}

// advise sets advice other than the code's.
func (h *hit) advise(what string) *hit {
	h.advice = what
	return h
}

// of sets the value at fault. See oneFault.
func (h *hit) of(v *value) *hit {
	h.about = v
	return h
}

// oneFault are codes that can describe the same fault of a value. Only the
// first in this order is reported for a value, and only the last of several
// hits with that code, because it's the most specific.
var oneFault = []Code{
	codeMalformedValue, codeTLSOff, codeWrongType, codeMissingKey, codeWrongOuterType, codeWrongValue,
	codeHiddenCharacters, codeConsentMissing, codeEmptyString,
}

// once drops hits that describe a fault that is already reported.
func once(hits []hit) []hit {
	best := map[*value]int{} // index into hits
	for n, h := range hits {
		rank := slices.Index(oneFault, h.code)
		if h.about == nil || rank < 0 {
			continue
		}
		other, found := best[h.about]
		if !found || rank <= slices.Index(oneFault, hits[other].code) {
			best[h.about] = n
		}
	}
	kept := hits[:0:0]
	for n, h := range hits {
		if h.about == nil || !slices.Contains(oneFault, h.code) || best[h.about] == n {
			kept = append(kept, h)
		}
	}
	return kept
}

// findings returns the findings, errors first. It lists at most maxSame for
// each code and severity; the last one says how many more there are.
func (i *inspector) findings() []Finding {
	type kind struct {
		code     Code
		severity Severity
	}
	hits := once(i.hits)
	counts, listed := map[kind]int{}, map[kind]int{}
	for _, h := range hits {
		counts[kind{h.code, h.severity}]++
	}
	list := []Finding{}
	for _, h := range hits {
		k := kind{h.code, h.severity}
		if listed[k]++; listed[k] > maxSame {
			continue
		}
		m := meanings()[h.code]
		detail := cmp.Or(h.detail, m.Text) + " " + cmp.Or(h.advice, m.Do)
		if more := counts[k] - maxSame; more > 0 && listed[k] == maxSame {
			detail += fmt.Sprintf(" There are %d more like this.", more)
		}
		list = append(list, Finding{h.code, h.severity, h.at.String(), detail})
	}
	rank := map[Severity]int{Error: 0, Warning: 1, Note: 2}
	slices.SortStableFunc(list, func(a, b Finding) int { return rank[a.Severity] - rank[b.Severity] })
	return list
}
