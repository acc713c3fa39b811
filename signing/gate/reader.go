package gate

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// dateLayout is the one way to write a date: whole seconds in UTC.
const dateLayout = "2006-01-02T15:04:05Z"

// A kind is the type of a value.
type kind int

const (
	data kind = iota // the value of no key, so its content is never read
	text
	prose // text that may be long and have several lines
	integer
	float
	date
	boolean
	dict
	array
)

// elements are the tags around the values of each kind. A boolean is one tag.
var elements = [...]struct{ open, end string }{
	data:    {"<data>", ""},
	text:    {"<string>", "</string>\n"},
	prose:   {"<string>", "</string>\n"},
	integer: {"<integer>", "</integer>\n"},
	float:   {"<real>", "</real>\n"},
	date:    {"<date>", "</date>\n"},
	boolean: {"", ""},
	dict:    {"<dict>\n", ""},
	array:   {"<array>\n", ""},
}

// A value is what stands behind a key. Of a dict and an array it holds the
// kind alone; what is inside is still to be read.
type value struct {
	kind kind
	raw  string // of a text or a date, as it is written
	n    int    // of an integer or a whole float; 1 for true
}

// A reader goes over a profile once and knows one spelling of each thing. Its
// methods say false when something else stands there.
type reader struct {
	text string
	pos  int
}

// accept goes past the literal if it comes next.
func (r *reader) accept(literal string) bool {
	if !strings.HasPrefix(r.text[r.pos:], literal) {
		return false
	}
	r.pos += len(literal)
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
	return content, r.accept(tag)
}

// key reads a key behind the indent and leaves the reader behind its closing
// tag.
func (r *reader) key(indent string) (string, bool) {
	if !r.accept(indent) || !r.accept("<key>") {
		return "", false
	}
	return r.upTo("</key>")
}

// value reads the value of any kind behind the key just read, the whole of it
// or, for a dict and an array, the line that opens it.
func (r *reader) value(indent string) (value, bool) {
	if v, ok := r.boolean(); ok {
		return v, true
	}
	if !r.accept("\n") || !r.accept(indent) {
		return value{}, false
	}
	for k, element := range elements {
		if element.open != "" && r.accept(element.open) {
			return r.scalar(kind(k))
		}
	}
	return value{}, false
}

func (r *reader) boolean() (value, bool) {
	switch {
	case r.accept("<true/>\n"):
		return value{kind: boolean, n: 1}, true
	case r.accept("<false/>\n"):
		return value{kind: boolean}, true
	}
	return value{}, false
}

// scalar reads what follows the opening tag of a value of kind k.
func (r *reader) scalar(k kind) (value, bool) {
	v := value{kind: k}
	end := elements[k].end
	if end == "" {
		return v, true
	}
	var ok bool
	if v.raw, ok = r.upTo(end); !ok {
		return v, false
	}
	switch k {
	case integer:
		v.n, ok = whole(v.raw)
	case float:
		v.n, ok = seconds(v.raw)
	case date:
		ok = isDate(v.raw)
	}
	return v, ok
}

// The five escapes of a string, and their way back.
var (
	escaper   = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", `"`, "&#34;", "'", "&#39;")
	unescaper = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&#34;", `"`, "&#39;", "'")
)

// escape writes a string as a profile has it.
func escape(s string) string {
	if !strings.ContainsAny(s, `<>&"'`) {
		return s
	}
	return escaper.Replace(s)
}

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
	return n, err == nil && raw[0] != '+' && raw[0] != '-' && (raw[0] != '0' || len(raw) == 1)
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
