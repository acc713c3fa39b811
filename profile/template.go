package profile

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strings"
)

// A Template is a profile of which the person is left open, to be filled in
// many times. It can be used by several goroutines at once.
type Template struct {
	// The text with a place for each field. A profile without a person's name
	// lacks the key for it, so there are two.
	named, nameless []piece
	suffix          string // of the identifier, behind that of the mailbox
	size            int
}

// Fields are what differs between the profiles of two persons.
type Fields struct {
	Address    Address
	PersonName string // may be empty
	Login      string
}

// A piece is a stretch of text and the field that comes after it.
type piece struct {
	text  string
	field field
}

// A field is a place in a template.
type field int

const (
	none field = iota // the end
	addressField
	nameField
	loginField
	identifierField
	topUUIDField
	mailUUIDField
	calDAVUUIDField
	cardDAVUUIDField
	passcodeUUIDField
)

// suffix is what the identifier of the payload whose UUID the field is has
// behind that of the profile.
func (f field) suffix() string {
	switch f {
	case mailUUIDField:
		return mailSuffix
	case calDAVUUIDField:
		return calDAVSuffix
	case cardDAVUUIDField:
		return cardDAVSuffix
	case passcodeUUIDField:
		return passcodeSuffix
	}
	return "" // the profile itself
}

// open begins what stands in a template for a field; no text may hold it.
const open = '\uE000'

// NewTemplate returns a template of p. The fields in p that [Template.Fill]
// sets do not count. If the rest is not valid the error is an
// [*InvalidError].
func NewTemplate(p *Profile) (*Template, error) {
	q := *p
	q.Address = Address{string(open), "template.invalid"}
	t := &Template{suffix: strings.TrimPrefix(q.Identifier(), q.Address.identifier())}
	var err error
	if t.named, err = q.pieces(string(open) + "name"); err != nil {
		return nil, err
	}
	t.nameless, err = q.pieces("")
	for _, piece := range t.named {
		t.size += len(piece.text) + len(piece.field.stand(&q))
	}
	return t, err
}

// set sets the fields of p.
func (p *Profile) set(f Fields) {
	p.Address = f.Address
	if p.Mail != nil {
		mail := *p.Mail
		mail.AccountName, mail.PersonName = f.Address.String(), f.PersonName
		mail.IncomingLogin, mail.OutgoingLogin = f.Login, f.Login
		p.Mail = &mail
	}
	p.CalDAV, p.CardDAV = p.CalDAV.with(f), p.CardDAV.with(f)
}

// with is d, if there is one, with the fields.
func (d *DAV) with(f Fields) *DAV {
	if d == nil {
		return nil
	}
	dav := *d
	dav.AccountName, dav.Login = f.Address.String(), f.Login
	return &dav
}

// pieces cuts the encoded profile at what stands for the fields.
func (p *Profile) pieces(name string) ([]piece, error) {
	p.set(Fields{p.Address, name, string(open) + "login"})
	data, err := p.Marshal()
	if err != nil {
		return nil, err
	}
	if bytes.Count(data, []byte(string(open))) != p.opened() {
		return nil, errors.New("profile: a text has the character U+E000, which a template needs for itself")
	}
	var out []piece
	for rest := string(data); ; {
		at, f := len(rest), none
		for candidate := addressField; candidate <= passcodeUUIDField; candidate++ {
			if i := strings.Index(rest, candidate.stand(p)); i >= 0 && i < at {
				at, f = i, candidate
			}
		}
		out = append(out, piece{rest[:at], f})
		if f == none {
			return out, nil
		}
		rest = rest[at+len(f.stand(p)):]
	}
}

// opened is how often open stands in p: in the address and the account's
// name, both logins, and the person's name if there is one; in the name and
// the login of each further account.
func (p *Profile) opened() int {
	n := 0
	if p.Mail != nil {
		n += 4
		if p.Mail.PersonName != "" {
			n++
		}
	}
	for _, d := range []*DAV{p.CalDAV, p.CardDAV} {
		if d != nil {
			n += 2
		}
	}
	return n
}

// stand is what stands for the field in the template of p.
func (f field) stand(p *Profile) string {
	switch f {
	case addressField:
		return p.Address.String()
	case nameField:
		return string(open) + "name"
	case loginField:
		return string(open) + "login"
	case identifierField:
		return p.Identifier()
	case none:
		return ""
	}
	return payloadUUID(p.Identifier() + f.suffix())
}

// Fill returns what [Profile.Marshal] would for the template's profile with
// these fields: Address, in Mail AccountName (the address), PersonName,
// IncomingLogin and OutgoingLogin (the login), and in CalDAV and CardDAV
// AccountName and Login. If they are not valid the error
// is an [*InvalidError].
func (t *Template) Fill(f Fields) ([]byte, error) {
	c := &checker{}
	c.must("address", !f.Address.IsZero(), "it is missing")
	c.optionalLine("mail.person_name", f.PersonName)
	c.line("mail.login", f.Login)
	if err := c.err(); err != nil {
		return nil, err
	}
	pieces := t.named
	if f.PersonName == "" {
		pieces = t.nameless
	}
	identifier := f.Address.identifier() + t.suffix
	out := bytes.NewBuffer(make([]byte, 0, t.size+256))
	for _, p := range pieces {
		out.WriteString(p.text)
		switch p.field {
		case addressField:
			escape(out, f.Address.String())
		case nameField:
			escape(out, f.PersonName)
		case loginField:
			escape(out, f.Login)
		case identifierField:
			out.WriteString(identifier)
		case topUUIDField, mailUUIDField, calDAVUUIDField, cardDAVUUIDField, passcodeUUIDField:
			out.WriteString(payloadUUID(identifier + p.field.suffix()))
		}
	}
	return out.Bytes(), nil
}

// escape writes text as groob/plist does: newlines as they are, all else by
// the rules of encoding/xml.
func escape(out *bytes.Buffer, text string) {
	if !strings.ContainsAny(text, `<>&'"`) {
		out.WriteString(text)
		return
	}
	// A bytes.Buffer takes everything.
	_ = xml.EscapeText(out, []byte(text))
}
