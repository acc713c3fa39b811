package profile

import (
	"bytes"
	"errors"
	"slices"
	"strings"
)

// A Template is a profile without a person's data, which can be filled in many
// times. It's safe for concurrent use.
type Template struct {
	test     bool // for identifiers
	segments []Segment
	suffix   string // of the identifier, after the mailbox's
	size     int    // of the text in all segments
}

// Fields are the values that differ from person to person.
type Fields struct {
	Address    Address
	PersonName string // may be empty
	Login      string
}

// A Field is a value that a template leaves open.
type Field int

// The fields.
const (
	NoField         Field = iota // the text ends, or continues in the next segment
	AddressField                 // the mailbox
	PersonNameField              // the sender's name
	LoginField                   // the username on the servers
	IdentifierField              // the PayloadIdentifier of the profile
	UUIDField                    // the PayloadUUID of the profile or of a payload
)

// A Segment is a piece of a template's text, with the field that follows it.
// The text is XML, so values for fields must be escaped.
type Segment struct {
	Text  string
	Field Field
	// Suffix is only for a UUIDField: the UUID's identifier is the profile's
	// with this suffix.
	Suffix string
	// After follows the field. If the field is empty, the whole segment is
	// omitted.
	After string
}

// open starts the placeholder of a field. No text may contain it.
const open = "\uE000"

// Placeholders for the person's name and the login.
const (
	openName  = open + "name"
	openLogin = open + "login"
)

var errOpen = errors.New("profile: a text has the character U+E000, which a template needs for itself")

// NewTemplate returns a template of p. It ignores the fields in p that
// [Template.Fill] sets. If the rest isn't valid, the error is an
// [*InvalidError].
func NewTemplate(p *Profile) (*Template, error) {
	address := Address{open + "@template.invalid", len(open)}
	named := p.with(Fields{address, openName, openLogin})
	data, err := named.Marshal()
	if err != nil {
		return nil, err
	}
	if containsText(p.with(Fields{Address{"none@template.invalid", len("none")}, "", ""}).tree(), open) {
		return nil, errOpen
	}
	nameless, err := p.with(Fields{address, "", openLogin}).Marshal()
	if err != nil {
		return nil, err
	}
	t := &Template{test: p.Test, suffix: strings.TrimPrefix(named.Identifier(), address.identifier(p.Test))}
	t.segments = cut(string(data), named.placeholders())
	for i := range t.segments {
		t.size += len(t.segments[i].Text) + len(t.segments[i].After)
	}
	t.makeOptional(PersonNameField)
	filled := t.fill(nil, Fields{address, openName, openLogin})
	left := t.fill(nil, Fields{address, "", openLogin})
	if !bytes.Equal(filled, data) || !bytes.Equal(left, nameless) {
		return nil, errors.New("profile: the template's result differs from the encoder's")
	}
	return t, nil
}

// with returns p with the fields.
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

// containsText reports whether a string in the tree contains text.
func containsText(tree any, text string) bool {
	switch v := tree.(type) {
	case string:
		return strings.Contains(v, text)
	case []any:
		return slices.ContainsFunc(v, func(inner any) bool { return containsText(inner, text) })
	case map[string]any:
		for _, inner := range v {
			if containsText(inner, text) {
				return true
			}
		}
	}
	return false
}

// A placeholder marks a field in the text that a template is cut from.
type placeholder struct {
	text   string
	field  Field
	suffix string
}

// placeholders returns the placeholders in a profile that is prepared as a
// template.
func (p *Profile) placeholders() []placeholder {
	identifier := p.Identifier()
	all := []placeholder{
		{p.Address.String(), AddressField, ""},
		{openName, PersonNameField, ""},
		{openLogin, LoginField, ""},
		{payloadUUID(identifier), UUIDField, ""},
	}
	for _, payload := range p.Payloads {
		suffix := payload.kind().suffix()
		all = append(all, placeholder{payloadUUID(identifier + suffix), UUIDField, suffix})
	}
	return append(all, placeholder{identifier, IdentifierField, ""})
}

// cut cuts text at the placeholders.
func cut(text string, placeholders []placeholder) (segments []Segment) {
	for {
		at, next := len(text), placeholder{}
		for _, s := range placeholders {
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

// makeOptional moves the lines with the field's key and value into a separate
// segment.
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

// Segments returns the template's parts in order, for writers that insert
// something other than a person's fields.
func (t *Template) Segments() []Segment { return slices.Clone(t.segments) }

// Identifier returns the PayloadIdentifier of the template's profile for a
// mailbox.
func (t *Template) Identifier(a Address) string { return a.identifier(t.test) + t.suffix }

// Fill returns the result of [Profile.Marshal] for the template's profile with
// these fields: the address, which also names the accounts, the sender's name,
// and the login on all servers. If they aren't valid, the error is an
// [*InvalidError].
func (t *Template) Fill(f Fields) ([]byte, error) { return t.Append(nil, f) }

// Append appends the result of [Template.Fill] to out.
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

// spare is room for the fields' part of the text: a few addresses and
// identifiers.
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

// appendEscaped appends a checked text as groob/plist writes it: newlines
// unchanged, everything else by the rules of encoding/xml.
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
