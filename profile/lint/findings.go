package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
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
	hits   []hit
	// declared says that a passcode policy was found as a declaration.
	declared bool
	// certificate is that of the signer, as it is inside.
	certificate []byte
}

// A hit is a finding that is not written out yet.
type hit struct {
	code     Code
	severity Severity
	at       *place
	detail   string // empty: the text of the code
	advice   string // empty: that of the code
	about    *value // the value at fault, if it is one value's fault
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

// add records a finding with the severity and advice of its code. The detail
// says what is wrong; if it is empty, the text of the code does. The result
// can be changed until the next call.
func (i *inspector) add(code Code, at *place, detail string) *hit {
	i.hits = append(i.hits, hit{code: code, severity: meanings()[code].Severity, at: at, detail: detail})
	return &i.hits[len(i.hits)-1]
}

// as gives the finding another severity than its code has.
func (h *hit) as(severity Severity) *hit {
	h.severity = severity
	return h
}

// advise gives the finding other advice than its code has.
func (h *hit) advise(what string) *hit {
	h.advice = what
	return h
}

// of names the value at fault. See oneFault.
func (h *hit) of(v *value) *hit {
	h.about = v
	return h
}

// oneFault are codes that can be different views of the same fault of a value.
// Of those only the first in this order is reported for a value, and of
// several hits with that code only the last, which knows more.
var oneFault = []Code{
	codeMalformedValue, codeTLSOff, codeWrongType, codeMissingKey, codeWrongOuterType, codeWrongValue,
	codeHiddenCharacters, codeConsentMissing, codeEmptyString,
}

// once drops hits that are another view of a fault that is reported.
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

// findings returns the findings, errors first. Of each code and severity it
// lists at most maxSame; the last one says how many more there are.
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
