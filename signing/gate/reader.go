package gate

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// indent has as many tabs as the deepest line of a profile.
const indent = "\t\t\t\t"

// dateLayout is the one way to write a date: whole seconds in UTC.
const dateLayout = "2006-01-02T15:04:05Z"

// A kind is the type of a value.
type kind int

const (
	data kind = iota // allowed nowhere, so its content is never read
	text
	prose // text that may be long and have several lines
	integer
	float
	date
	boolean
	dict
	array
)

// A value is what stands behind a key. Of a dict and an array it holds the
// kind alone; what is inside is still to be read.
type value struct {
	kind kind
	text string // of a text, with its escapes undone
	n    int    // of an integer or a whole float; 1 for true
}

// A reader goes over a profile once and knows one spelling of each thing. Its
// methods say false when something else stands there.
type reader struct {
	text string
	pos  int
}

// accept goes past the literal, and the tabs before it, if they come next.
func (r *reader) accept(tabs int, literal string) bool {
	start := r.pos + tabs
	end := start + len(literal)
	if end > len(r.text) || r.text[r.pos:start] != indent[:tabs] || r.text[start:end] != literal {
		return false
	}
	r.pos = end
	return true
}

// upTo returns what stands before the closing tag, which must be the next tag
// of any kind, and goes past both.
func (r *reader) upTo(tag string) (string, bool) {
	length := strings.IndexByte(r.text[r.pos:], '<')
	if length < 0 {
		return "", false
	}
	content := r.text[r.pos : r.pos+length]
	r.pos += length
	return content, r.accept(0, tag)
}

// key reads a key and leaves the reader behind its closing tag.
func (r *reader) key(tabs int) (string, bool) {
	if !r.accept(tabs, "<key>") {
		return "", false
	}
	return r.upTo("</key>")
}

// value reads the value of the key just read, the whole of it or, for a dict
// and an array, the line that opens it.
func (r *reader) value(tabs int) (value, bool) {
	switch {
	case r.accept(0, "<true/>\n"):
		return value{kind: boolean, n: 1}, true
	case r.accept(0, "<false/>\n"):
		return value{kind: boolean}, true
	case !r.accept(0, "\n") || !r.accept(tabs, ""):
		return value{}, false
	case r.accept(0, "<string>"):
		return r.scalar(text, "</string>\n")
	case r.accept(0, "<integer>"):
		return r.scalar(integer, "</integer>\n")
	case r.accept(0, "<real>"):
		return r.scalar(float, "</real>\n")
	case r.accept(0, "<date>"):
		return r.scalar(date, "</date>\n")
	case r.accept(0, "<dict>\n"):
		return value{kind: dict}, true
	case r.accept(0, "<array>\n"):
		return value{kind: array}, true
	}
	return value{kind: data}, r.accept(0, "<data>")
}

// scalar reads the content of a value of kind k and the tag that closes it.
func (r *reader) scalar(k kind, tag string) (value, bool) {
	raw, ok := r.upTo(tag)
	if !ok {
		return value{}, false
	}
	v := value{kind: k}
	switch k {
	case text:
		v.text, ok = unescape(raw)
	case integer:
		v.n, ok = whole(raw)
	case float:
		v.n, ok = seconds(raw)
	case date:
		ok = isDate(raw)
	}
	return v, ok
}

// The five escapes of a string, and their way back.
var (
	escaper   = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", `"`, "&#34;", "'", "&#39;")
	unescaper = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&#34;", `"`, "&#39;", "'")
)

// unescape undoes the escapes of a string, which must have all of them and no
// others.
func unescape(raw string) (string, bool) {
	if !strings.ContainsAny(raw, `&>"'`) {
		return raw, true
	}
	s := unescaper.Replace(raw)
	return s, escaper.Replace(s) == raw
}

// whole reads a decimal without sign and leading zeros.
func whole(raw string) (int, bool) {
	n, err := strconv.Atoi(raw)
	return n, err == nil && n >= 0 && strconv.Itoa(n) == raw
}

// seconds reads a whole number that is written as a real: the shortest
// spelling, which has an exponent from a million on (2.592e+06). What is far
// outside every rule is cut short.
func seconds(raw string) (int, bool) {
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || f != math.Trunc(f) || strconv.FormatFloat(f, 'g', -1, 64) != raw {
		return 0, false
	}
	return int(max(-1, min(f, math.MaxInt32))), true
}

func isDate(raw string) bool {
	t, err := time.Parse(dateLayout, raw)
	return err == nil && t.Format(dateLayout) == raw
}
