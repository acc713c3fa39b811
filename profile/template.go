package profile

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// A Template is a profile of which the person is left open, to be filled in
// many times. It can be used by several goroutines at once.
type Template struct {
	test     bool // of identifiers
	segments []Segment
	suffix   string // of the identifier, behind that of the mailbox
	size     int    // of the text in all segments
}

// Fields are what differs between the profiles of two persons.
type Fields struct {
	Address    Address
	PersonName string // may be empty
	Login      string
}

// A Field is a value that a template leaves open.
type Field int

// The fields.
const (
	NoField         Field = iota // the text ends, or goes on in the next segment
	AddressField                 // the mailbox
	PersonNameField              // the sender's name
	LoginField                   // the user name on the servers
	IdentifierField              // the PayloadIdentifier of the profile
	UUIDField                    // the PayloadUUID of the profile or of a payload
)

// A Segment is a stretch of the text of a template, with the field that
// follows it. The text is XML; what is put in for a field must be escaped.
type Segment struct {
	Text  string
	Field Field
	// Suffix is, for a UUIDField, what the identifier that the UUID is derived
	// from has behind that of the profile.
	Suffix string
	// After follows the field. A segment that has it is left out as a whole
	// if the field is empty.
	After string
}

// open begins what stands in a template for a field; no text may hold it.
const open = "\uE000"

// What stands for the person's name and the login.
const (
	openName  = open + "name"
	openLogin = open + "login"
)

var errOpen = errors.New("profile: a text has the character U+E000, which a template needs for itself")

// NewTemplate returns a template of p. The fields in p that [Template.Fill]
// sets do not count. If the rest is not valid the error is an
// [*InvalidError].
func NewTemplate(p *Profile) (*Template, error) {
	address := Address{open + "@template.invalid", len(open)}
	named := p.with(Fields{address, openName, openLogin})
	data, err := named.Marshal()
	if err != nil {
		return nil, err
	}
	if holds(p.with(Fields{Address{"none@template.invalid", len("none")}, "", ""}).tree(), open) {
		return nil, errOpen
	}
	nameless, err := p.with(Fields{address, "", openLogin}).Marshal()
	if err != nil {
		return nil, err
	}
	t := &Template{test: p.Test, suffix: strings.TrimPrefix(named.Identifier(), address.identifier(p.Test))}
	t.segments = cut(string(data), named.stands())
	for i := range t.segments {
		t.size += len(t.segments[i].Text) + len(t.segments[i].After)
	}
	t.makeOptional(PersonNameField)
	filled := t.fill(nil, Fields{address, openName, openLogin})
	left := t.fill(nil, Fields{address, "", openLogin})
	if !bytes.Equal(filled, data) || !bytes.Equal(left, nameless) {
		return nil, errors.New("profile: the template does not give what the encoder does")
	}
	return t, nil
}

// with is p with the fields.
func (p *Profile) with(f Fields) *Profile {
	q := *p
	q.Address, q.Payloads = f.Address, slices.Clone(p.Payloads)
	for i, payload := range q.Payloads {
		if !isNil(payload) {
			q.Payloads[i] = payload.with(f)
		}
	}
	return &q
}

// holds reports whether a string of the tree holds text.
func holds(tree any, text string) bool {
	switch v := tree.(type) {
	case string:
		return strings.Contains(v, text)
	case []any:
		return slices.ContainsFunc(v, func(inner any) bool { return holds(inner, text) })
	case map[string]any:
		for _, inner := range v {
			if holds(inner, text) {
				return true
			}
		}
	}
	return false
}

// A stand stands for a field in the text that a template is cut from.
type stand struct {
	text   string
	field  Field
	suffix string
}

// stands are those of a profile that was made to be a template.
func (p *Profile) stands() []stand {
	identifier := p.Identifier()
	all := []stand{
		{p.Address.String(), AddressField, ""},
		{openName, PersonNameField, ""},
		{openLogin, LoginField, ""},
		{payloadUUID(identifier), UUIDField, ""},
	}
	for _, payload := range p.Payloads {
		suffix := payload.kind().suffix()
		all = append(all, stand{payloadUUID(identifier + suffix), UUIDField, suffix})
	}
	return append(all, stand{identifier, IdentifierField, ""})
}

// cut cuts text at what stands for the fields.
func cut(text string, stands []stand) (segments []Segment) {
	for {
		at, next := len(text), stand{}
		for _, s := range stands {
			if i := strings.Index(text[:at], s.text); i >= 0 {
				at, next = i, s
			}
		}
		segments = append(segments, Segment{Text: text[:at], Field: next.field, Suffix: next.suffix})
		if next.field == NoField {
			return segments
		}
		text = text[at+len(next.text):]
	}
}

// makeOptional moves the lines that hold the key and the value of the field
// into a segment of their own.
func (t *Template) makeOptional(field Field) {
	const endOfValue = "</string>\n"
	i := slices.IndexFunc(t.segments, func(s Segment) bool { return s.Field == field })
	if i < 0 {
		return
	}
	before, after := t.segments[i].Text, &t.segments[i+1].Text
	line := strings.LastIndexByte(before[:strings.LastIndex(before, "<key>")], '\n') + 1
	*after = strings.TrimPrefix(*after, endOfValue)
	t.segments[i] = Segment{Text: before[line:], Field: field, After: endOfValue}
	t.segments = slices.Insert(t.segments, i, Segment{Text: before[:line]})
}

// Segments are the parts of the template in their order, for writers that put
// in something other than the fields of a person.
func (t *Template) Segments() []Segment { return slices.Clone(t.segments) }

// Identifier is the PayloadIdentifier of the template's profile for a mailbox.
func (t *Template) Identifier(a Address) string { return a.identifier(t.test) + t.suffix }

// Fill returns what [Profile.Marshal] would for the template's profile with
// these fields: the address, which names accounts too, the sender's name, and
// the login on all servers. If they are not valid the error is an
// [*InvalidError].
func (t *Template) Fill(f Fields) ([]byte, error) { return t.Append(nil, f) }

// Append appends to out what [Template.Fill] returns.
func (t *Template) Append(out []byte, f Fields) ([]byte, error) {
	var c checker
	c.must("address", !f.Address.IsZero(), "it is missing")
	c.optionalLine("mail.person_name", f.PersonName)
	c.login("mail.login", f.Login)
	if err := c.err(); err != nil {
		return out, err
	}
	return t.fill(out, f), nil
}

// spare is room for what the fields add to the text of a template: a few
// addresses and identifiers.
const spare = 1024

func (t *Template) fill(out []byte, f Fields) []byte {
	address, identifier := f.Address.String(), t.Identifier(f.Address)
	out = slices.Grow(out, t.size+spare+len(f.PersonName))
	for i := range t.segments {
		s := &t.segments[i]
		if s.After != "" && f.PersonName == "" {
			continue
		}
		out = append(out, s.Text...)
		switch s.Field {
		case AddressField:
			out = appendEscaped(out, address)
		case PersonNameField:
			out = appendEscaped(out, f.PersonName)
		case LoginField:
			out = appendEscaped(out, f.Login)
		case IdentifierField:
			out = append(out, identifier...)
		case UUIDField:
			id := uuidText(identifier, s.Suffix)
			out = append(out, id[:]...)
		}
		out = append(out, s.After...)
	}
	return out
}

// appendEscaped appends a checked text as groob/plist writes it: newlines as they are,
// all else by the rules of encoding/xml.
func appendEscaped(out []byte, text string) []byte {
	from := 0
	for i := range len(text) {
		escaped := ""
		switch text[i] {
		case '<':
			escaped = "&lt;"
		case '>':
			escaped = "&gt;"
		case '&':
			escaped = "&amp;"
		case '"':
			escaped = "&#34;"
		case '\'':
			escaped = "&#39;"
		default:
			continue
		}
		out = append(append(out, text[from:i]...), escaped...)
		from = i + 1
	}
	return append(out, text[from:]...)
}
