package gate

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// dateLayout is the only format of a date: whole seconds in UTC.
const dateLayout = "2006-01-02T15:04:05Z"

// A kind is the type of a value.
type kind int

const (
	data kind = iota // not the value of any key, so its content is never read
	text
	prose // text that may be long and multiline
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

// A value is the value of a key. For a dict or an array it only has the kind;
// the contents haven't been read yet.
type value struct {
	kind kind
	raw  string // of a text or a date, as it is written
	n    int    // of an integer or a whole float; 1 for true
}

// A reader passes over a profile once and knows only one spelling of each
// thing. Its methods return false if they find something else.
type reader struct {
	text string
	pos  int
}

// accept skips the literal if it comes next.
func (r *reader) accept(literal string) bool {
	if !strings.HasPrefix(r.text[r.pos:], literal) {
		return false
	}
	r.pos += len(literal)
	return true
}

// upTo returns the text before the closing tag, which must be the next tag of
// any kind, and skips both.
func (r *reader) upTo(tag string) (string, bool) {
	length := strings.IndexByte(r.text[r.pos:], '<')
	if length < 0 {
		return "", false
	}
	content := r.text[r.pos : r.pos+length]
	r.pos += length
	return content, r.accept(tag)
}

// key reads a key after the indent and its closing tag.
func (r *reader) key(indent string) (string, bool) {
	if !r.accept(indent) || !r.accept("<key>") {
		return "", false
	}
	return r.upTo("</key>")
}

// value reads the value of any kind after a key: the whole value or, for a dict
// and an array, the opening line.
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

// scalar reads the rest of a value of kind k after its opening tag.
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

// The five escapes of a string, and the reverse.
var (
	escaper   = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", `"`, "&#34;", "'", "&#39;")
	unescaper = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&#34;", `"`, "&#39;", "'")
)

// escape escapes a string as in a profile.
func escape(s string) string {
	if !strings.ContainsAny(s, `<>&"'`) {
		return s
	}
	return escaper.Replace(s)
}

// unescape reverses escape. All escapes must be present, and no others.
func unescape(raw string) (string, bool) {
	if !strings.ContainsAny(raw, `&>"'`) {
		return raw, true
	}
	s := unescaper.Replace(raw)
	return s, escaper.Replace(s) == raw
}

// whole parses a decimal without sign and leading zeros.
func whole(raw string) (int, bool) {
	n, err := strconv.Atoi(raw)
	return n, err == nil && raw[0] != '+' && raw[0] != '-' && (raw[0] != '0' || len(raw) == 1)
}

// seconds parses a whole number written as a real: the shortest spelling, which
// has an exponent from a million (2.592e+06). Values far outside every rule are
// truncated.
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
