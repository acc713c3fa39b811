package lint

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A kind is a type in a property list.
type kind int

const (
	anyKind kind = iota
	dict
	array
	text
	integer
	real
	boolean
	date
	data
)

// A value is a node of a property list.
type value struct {
	kind   kind
	text   string    // of text
	raw    string    // of other scalars: what stands in the element
	n      int64     // of an integer, or a real that is whole
	whole  bool      // n counts
	real   float64   // of a real
	truth  bool      // of a boolean
	time   time.Time // of a date
	data   []byte    // of data
	bad    bool      // it is spelled in no way of its kind
	fields []field   // of a dict
	items  []value   // of an array
}

// A field is a key of a dict with its value.
type field struct {
	key   string
	value value
}

// find returns the value of a key (the last if it's repeated), or nil.
func (v *value) find(key string) *value {
	for i := len(v.fields) - 1; i >= 0; i-- {
		if v.fields[i].key == key {
			return &v.fields[i].value
		}
	}
	return nil
}

// like returns the values of a key and of keys that differ from it only in case
// or invisible characters. If there are more than maxSame, it returns the first
// and the last ones: devices read one of these.
func (v *value) like(key string) (found []*value) {
	if key == "" {
		return nil
	}
	for n := range v.fields {
		if f := &v.fields[n]; f.key == key || strings.EqualFold(clean(f.key), key) {
			found = append(found, &f.value)
		}
	}
	if len(found) > maxSame {
		found = slices.Delete(found, maxSame/2, len(found)-maxSame/2)
	}
	return found
}

// string returns the text of a key, or "".
func (v *value) string(key string) string {
	if found := v.find(key); found != nil {
		return found.text
	}
	return ""
}

// int returns the number of a key, and whether there is one.
func (v *value) int(key string) (int64, bool) {
	found := v.find(key)
	if found == nil {
		return 0, false
	}
	return found.n, found.whole
}

// is reports whether a key has the boolean.
func (v *value) is(key string, truth bool) bool {
	found := v.find(key)
	return found != nil && found.kind == boolean && found.truth == truth
}

var (
	errUTF16   = errors.New("it's UTF-16, but profiles must be UTF-8: iconv -f UTF-16 -t UTF-8")
	errCharset = errors.New("another encoding")
)

// A reader builds a value from XML, within limits. Other property list readers
// aren't safe for untrusted input: they recurse without limit and drop what
// they don't expect.
type reader struct {
	source   []byte
	xml      *xml.Decoder
	elements int
	doctype  bool // there was one
}

// readPlist reads the property list at the start of text, and returns the rest.
func readPlist(source []byte) (root value, rest []byte, err error) {
	r := &reader{source: source, xml: xml.NewDecoder(bytes.NewReader(source))}
	r.xml.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(label, "us-ascii") {
			return in, nil
		}
		return nil, errCharset
	}
	start, _, err := r.child()
	if err != nil {
		return root, nil, err
	}
	if start.Name.Local != "plist" {
		root, err = r.value(start, 1)
		return root, source[r.xml.InputOffset():], err
	}
	start, end, err := r.child()
	if err != nil || end {
		return root, nil, cmpErr(err, r.fail("the property list is empty"))
	}
	if root, err = r.value(start, 1); err != nil {
		return root, nil, err
	}
	if _, end, err = r.child(); err != nil || !end {
		return root, nil, cmpErr(err, r.fail("there is more than one value"))
	}
	return root, source[r.xml.InputOffset():], nil
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// child returns the next child of the open element, or its end.
func (r *reader) child() (start xml.StartElement, end bool, err error) {
	for {
		token, err := r.token()
		if err != nil {
			return start, false, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			return t, false, nil
		case xml.EndElement:
			return start, true, nil
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return start, false, r.fail("there is text between the elements")
			}
		}
	}
}

// token returns the next token, skipping comments and processing instructions.
func (r *reader) token() (xml.Token, error) {
	for {
		begin := r.xml.InputOffset()
		token, err := r.xml.Token()
		if err != nil {
			return nil, r.explain(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if r.elements++; r.elements > maxElements {
				return nil, r.fail(fmt.Sprintf("there are more than %d elements", maxElements))
			}
			if t.Name.Space != "" {
				return nil, r.fail("an element has a namespace, which property lists don't have")
			}
			return t, nil
		case xml.Directive:
			if !bytes.HasPrefix(t, []byte("DOCTYPE")) || bytes.ContainsRune(t, '[') || !utf8.Valid(t) {
				return nil, r.fail("the DOCTYPE has declarations, which Apple's doesn't")
			}
			if r.doctype || r.elements > 0 {
				return nil, r.fail("a DOCTYPE isn't at the start")
			}
			r.doctype = true
		case xml.CharData:
			if hasSurrogate(r.source[begin:r.xml.InputOffset()]) {
				return nil, r.fail("there is a character that XML doesn't allow")
			}
			return t, nil
		case xml.EndElement:
			return t, nil
		}
	}
}

// surrogate finds references to surrogates, which encoding/xml silently
// replaces with U+FFFD.
var surrogate = regexp.MustCompile(`&#(?:[xX]0*[dD][89a-fA-F][0-9a-fA-F]{2}|0*5(?:529[6-9]|5[3-9]\d\d|6\d{3}|7[0-2]\d\d|73[0-3]\d|734[0-3]));`)

// hasSurrogate reports whether XML text refers to a surrogate. CDATA has no
// references.
func hasSurrogate(raw []byte) bool {
	return bytes.Contains(raw, []byte("&#")) && !bytes.HasPrefix(raw, []byte("<![CDATA[")) && surrogate.Match(raw)
}

// text returns the content of the open element, up to its end.
func (r *reader) text() (string, error) {
	var b strings.Builder
	for {
		token, err := r.token()
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.EndElement:
			return b.String(), nil
		default:
			return "", r.fail("an element is inside the text of another; an end tag may be missing")
		}
	}
}

// value reads the element of start. depth is the element's own.
func (r *reader) value(start xml.StartElement, depth int) (value, error) {
	if depth > maxDepth {
		return value{}, r.fail(fmt.Sprintf("it's nested deeper than %d levels", maxDepth))
	}
	switch start.Name.Local {
	case "dict":
		return r.dict(depth)
	case "array":
		return r.array(depth)
	}
	s, err := r.text()
	if err != nil {
		return value{}, err
	}
	return r.scalar(start.Name.Local, s)
}

func (r *reader) dict(depth int) (value, error) {
	v := value{kind: dict}
	for {
		start, end, err := r.child()
		if err != nil || end {
			return v, err
		}
		if start.Name.Local != "key" {
			return v, r.fail("a value has no key")
		}
		key, err := r.text()
		if err != nil {
			return v, err
		}
		if start, end, err = r.child(); err != nil {
			return v, err
		}
		if end || start.Name.Local == "key" {
			return v, r.fail("a key has no value")
		}
		inner, err := r.value(start, depth+1)
		if err != nil {
			return v, err
		}
		v.fields = append(v.fields, field{key, inner})
	}
}

func (r *reader) array(depth int) (value, error) {
	v := value{kind: array}
	for {
		start, end, err := r.child()
		if err != nil || end {
			return v, err
		}
		item, err := r.value(start, depth+1)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
	}
}

// scalar creates a value from an element's text.
func (r *reader) scalar(element, s string) (v value, err error) {
	trimmed := strings.TrimSpace(s)
	if element != "string" {
		v.raw = trimmed
	}
	switch element {
	case "string":
		return value{kind: text, text: s}, nil
	case "true", "false":
		v.kind, v.truth, v.bad = boolean, element == "true", trimmed != ""
		return v, nil
	case "integer":
		v.kind = integer
		v.n, err = parseInteger(trimmed)
		v.whole = err == nil
	case "real":
		v.kind = real
		v.real, err = parseReal(trimmed)
		if f := v.real; err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			v.n, v.whole = int64(f), true
		}
	case "date":
		v.kind = date
		v.time, err = parseDate(s)
	case "data":
		v.kind = data
		v.data, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	default:
		return v, r.fail("there is an element that property lists don't have")
	}
	v.bad = err != nil
	return v, nil
}

// parseInteger parses a decimal or hexadecimal integer of 64 bits. A number
// that only fits unsigned becomes the largest signed one, which no key allows.
func parseInteger(s string) (int64, error) {
	if digits, ok := cutHex(s); ok {
		n, err := strconv.ParseUint(digits, 16, 64)
		return int64(min(n, math.MaxInt64)), err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) && n > 0 {
		_, err = strconv.ParseUint(strings.TrimPrefix(s, "+"), 10, 64)
	}
	return n, err
}

func cutHex(s string) (digits string, ok bool) {
	if digits, ok = strings.CutPrefix(s, "0x"); ok {
		return digits, true
	}
	return strings.CutPrefix(s, "0X")
}

// parseReal parses a decimal number, which may be infinite or not a number.
// Go's own parser also accepts hexadecimal ones.
func parseReal(s string) (float64, error) {
	if strings.ContainsAny(s, "xX_") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

// dateForm is the only date format that Apple's parser accepts: nothing may be
// omitted, added or put around it.
const dateForm = "2006-01-02T15:04:05Z"

func parseDate(s string) (time.Time, error) {
	t, err := time.Parse(dateForm, s)
	if err == nil && (t.Format(dateForm) != s || t.Year() == 0) {
		return time.Time{}, strconv.ErrSyntax // time.Parse takes fractions of a second
	}
	return t, err
}

// fail returns an error with the reader's current line.
func (r *reader) fail(what string) error {
	line, _ := r.xml.InputPos()
	return fmt.Errorf("line %d: %s", line, what)
}

// explain describes an error of encoding/xml without its text, which may quote
// the file.
func (r *reader) explain(err error) error {
	if err == io.EOF {
		return errors.New("there is no property list inside")
	}
	if errors.Is(err, errCharset) {
		return r.fail("it declares an encoding other than UTF-8")
	}
	syntax, ok := errors.AsType[*xml.SyntaxError](err)
	if !ok && strings.Contains(err.Error(), "unsupported version") {
		return r.fail("it declares an XML version other than 1.0")
	}
	if !ok {
		return r.fail("it isn't well-formed XML")
	}
	for _, known := range []struct{ part, what string }{
		{"unexpected EOF", "the file ends before the property list does"},
		{"character entity", "there is an entity other than XML's five"},
		{"invalid UTF-8", "there are bytes that aren't UTF-8"},
		{"illegal character", "there is a character that XML doesn't allow"},
		{"closed by", "an element has another's end tag"},
		{"unexpected end element", "an end tag has no start tag"},
	} {
		if strings.Contains(syntax.Msg, known.part) {
			return r.fail(known.what)
		}
	}
	return r.fail("it isn't well-formed XML")
}
