// Package gate decides what may be signed.
//
// It reads the final bytes of a profile with its own reader and allows exactly
// one spelling of a small set of profiles: a mail account over TLS, with
// optional calendars and contacts, a passcode policy, or all of these, for one
// address. It doesn't rely on anything that the program that wrote the bytes
// believed or was tricked into. A payload type, key, value or byte that no rule
// allows is refused, and so is a text that isn't the one in the terms.
//
// A signer only accepts a [Cleared], and only [Check] and [With] create one.
package gate

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// MaxSize is the maximum size of a profile in bytes.
const MaxSize = 64 << 10

// The lines around the dict of a profile.
const (
	declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	doctype     = `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n"
	opening     = `<plist version="1.0">` + "\n\t<dict>\n"
	closing     = "</plist>\n"
)

// Terms say exactly what the caller may have signed. Texts that people read and
// servers can't be chosen by the profile: each of them must be one of these.
type Terms struct {
	// Address is the mailbox as written in the profile: the local part as
	// typed, "@", and the domain as a lower-case A-label.
	Address string
	// PersonName is the sender's name in new messages. Empty: none.
	PersonName string
	// Login is the username on all servers.
	Login string
	// Organization is who issues the profile. Empty: none.
	Organization string
	// Servers are those that the operator configured. An account whose use has
	// no server here isn't allowed.
	Servers []Server
	// Policy says whether a passcode policy is allowed.
	Policy bool
	// Declared requires that the policy is written as declarations inside the
	// profile, which is experimental, instead of a payload.
	Declared bool
	// Test requires that the profile is marked as a test, with "TEST – " before
	// its name, its description (which is then required) and its consent texts.
	// Without Test, none of them may start with it.
	Test bool
	// Texts are what a device shows of the profile. Required.
	Texts *Texts
	// RemoveOn and RemoveAfter say when the device removes the profile by
	// itself: RemovalDate and DurationUntilRemoval. Zero: the key is absent.
	RemoveOn    time.Time
	RemoveAfter time.Duration
}

// A Use is what a server is for.
type Use string

// The uses.
const (
	IMAP    Use = "imap"
	SMTP    Use = "smtp"
	CalDAV  Use = "caldav"
	CardDAV Use = "carddav"
)

// A Server is one that an account of the profile may connect to.
type Server struct {
	Use  Use
	Host string // a lower-case A-label name
	Port int
}

// A Cleared is a profile that the gate has allowed, with its terms. The zero
// value is empty and must not be signed.
type Cleared struct{ of *cleared }

// cleared is the data of a Cleared. Only this package has the text, so that no
// one can change it after the check.
type cleared struct {
	text     string
	terms    Terms
	contents Contents
	hash     sync.Once // of digest, which few need
	digest   [sha256.Size]byte
}

// Contents are the facts that the gate has read in a profile and that the terms
// leave open. The texts in the terms may mention them, so a signer that creates
// these texts itself compares them.
type Contents struct {
	// Mac means that the profile is for a Mac. Otherwise it's for an iPhone or
	// iPad.
	Mac bool
	// The payloads: a mail account, with it those for calendars and contacts,
	// and a passcode policy in one of its two forms.
	Mail, Calendars, Contacts, Policy bool
	// The numbers of the policy; zero without one. Attempts is the number of
	// wrong passcodes that erase an iPhone or lock a Mac, and zero if neither
	// happens.
	MinLength, LockMinutes, Attempts int
}

// Bytes returns a copy of the profile, or nil if c is empty.
func (c Cleared) Bytes() []byte {
	if c.Size() == 0 {
		return nil
	}
	return []byte(c.of.text)
}

// Size returns the number of bytes of the profile, or 0 if c is empty.
func (c Cleared) Size() int {
	if c.of == nil {
		return 0
	}
	return len(c.of.text)
}

// Append appends the profile to out.
func (c Cleared) Append(out []byte) []byte {
	if c.of == nil {
		return out
	}
	return append(out, c.of.text...)
}

// Digest returns the SHA-256 of the profile, or zero if c is empty.
func (c Cleared) Digest() (sum [sha256.Size]byte) {
	if c.Size() == 0 {
		return sum
	}
	c.of.hash.Do(func() { c.of.digest = sha256.Sum256(unsafe.Slice(unsafe.StringData(c.of.text), len(c.of.text))) })
	return c.of.digest
}

// Terms returns the terms that the profile was checked against, for a signer
// with its own approvals. They must not be changed. They allow nothing if c is
// empty.
func (c Cleared) Terms() (t Terms) {
	if c.of == nil {
		return t
	}
	return c.of.terms
}

// Contents returns the facts that the gate has read in the profile. They are
// zero if c is empty.
func (c Cleared) Contents() (found Contents) {
	if c.of == nil {
		return found
	}
	return c.of.contents
}

// Check reads data and clears it if it's a profile that t allows. It keeps a
// copy, so later changes of data don't affect the Cleared. The error is always
// a [*Refusal] for the first fault found.
func Check(data []byte, t Terms) (Cleared, error) {
	if len(data) > MaxSize {
		data = data[:MaxSize+1] // still too large, but less to copy
	}
	own := bytes.Clone(data)
	c := &cleared{terms: t}
	if r := c.check(own); r != nil {
		return Cleared{}, r
	}
	return Cleared{c}, nil
}

// buffers are reused for the copies of With.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// With is Check for a profile that is only needed during the call of use.
// Afterwards its Cleared is empty, and the memory is reused.
func With(data []byte, t Terms, use func(Cleared)) error {
	if len(data) > MaxSize {
		return refuse(TooLarge, "The profile is larger than 64 KiB.")
	}
	own := buffers.Get().(*[]byte)
	defer buffers.Put(own)
	*own = append((*own)[:0], data...)
	c := &cleared{terms: t}
	if r := c.check(*own); r != nil {
		return r
	}
	defer func() { *c = cleared{} }()
	use(Cleared{c})
	return nil
}

// check examines own, which no one else has or changes while c uses it. So its
// bytes can be read as a string without a copy.
func (c *cleared) check(own []byte) *Refusal {
	text := unsafe.String(unsafe.SliceData(own), len(own))
	found, r := examine(text, c.terms, tables())
	if r != nil {
		return r
	}
	c.text, c.contents = text, found
	return nil
}

// A checker is one run of Check.
type checker struct {
	reader
	terms  *Terms
	tables *tableSet
	// top is the PayloadIdentifier of the file, own that of the current dict,
	// and host the last host.
	top, own, host string
	// The texts of the terms as written in a profile.
	address, login, name, organization string
	titles                             Titles // of the payload being read
	// What was found so far.
	device               int
	scope                string
	described, consented bool
	account, policy      bool
	calendars, contacts  bool
	limits               limits // of a policy
	last                 int    // the place of the last payload
}

// limits are the numbers of a policy, by the names in [Contents], and after how
// many minutes a locked Mac can be tried again. Zero: not set.
type limits struct{ length, lock, attempts, reset int }

// examine checks text against the tables. It returns nil if the terms allow it.
func examine(text string, t Terms, set *tableSet) (found Contents, refused *Refusal) {
	if len(text) > MaxSize {
		return found, refuse(TooLarge, "The profile is larger than 64 KiB.")
	}
	base, ok := identifier(t.Address, t.Test)
	if !ok {
		return found, refuse(Address, "The address in the terms isn't a local part, @, and a lower-case domain.")
	}
	if r := t.judge(); r != nil {
		return found, r
	}
	c := checker{
		reader: reader{text: text}, terms: &t, tables: set, top: base, own: base, last: -1,
		address: escape(t.Address), login: escape(t.Login), name: escape(t.PersonName), organization: escape(t.Organization),
	}
	if r := c.document(); r != nil {
		return found, r
	}
	return Contents{
		Mac: c.device == mac, Mail: c.account, Calendars: c.calendars, Contacts: c.contacts, Policy: c.policy,
		MinLength: c.limits.length, LockMinutes: c.limits.lock, Attempts: c.limits.attempts,
	}, nil
}

// judge refuses invalid terms: names with forbidden characters, or missing
// required ones.
func (t *Terms) judge() *Refusal {
	if t.Texts == nil {
		return refuse(DisplayText, "The terms have no texts.")
	}
	for _, free := range [...]struct{ text, key string }{
		{t.Address, "EmailAddress"}, {t.PersonName, "EmailAccountName"}, {t.Login, "IncomingMailServerUsername"}, {t.Organization, "PayloadOrganization"},
	} {
		if r := legible(free.text, maxText, false); free.text != "" && r != nil {
			return r.in(free.key)
		}
	}
	if r := judgeName(t.PersonName); r != nil {
		return r.in("EmailAccountName")
	}
	return nil
}

// document checks the file from its first byte to its last.
func (c *checker) document() *Refusal {
	if !c.accept(declaration) {
		if strings.Contains(c.text, declaration) {
			return refuse(TrailingData, "There is something before the XML declaration.")
		}
		return c.notCanonical()
	}
	if !c.accept(doctype) {
		return refuse(Doctype, "The second line isn't the DOCTYPE of a property list.")
	}
	if !c.accept(opening) {
		return c.notCanonical()
	}
	if r := c.dict(&c.tables.top); r != nil {
		return r
	}
	if !c.accept(closing) {
		return c.notCanonical()
	}
	if c.pos != len(c.text) {
		return refuse(TrailingData, "There is something after the end of the property list.")
	}
	return c.fit()
}

// fit checks rules across keys: whether the payloads, the device, the scope and
// the consent text match.
func (c *checker) fit() *Refusal {
	together, scope := c.account, ""
	if c.device == mac {
		together, scope = c.account != c.policy, "User"
		if c.policy {
			scope = "System"
		}
	}
	switch {
	case c.terms.Test && !c.described:
		return refuse(TestMark, "A test needs a description that says so.").in("PayloadDescription")
	case !together:
		return refuse(Content, "These payloads can't be in one file for this device.").in("PayloadContent")
	case c.scope != scope:
		return refuse(Scope, "On a Mac, the scope must be User for accounts and System for a policy. On an iPhone it must be absent.").in("PayloadScope")
	case c.policy && !c.consented:
		return refuse(ConsentMissing, "A profile with a policy needs a consent text.").in("ConsentText")
	case !c.policy && c.consented:
		return refuse(WrongValue, "There is a consent text without a policy.").in("ConsentText")
	}
	return nil
}
