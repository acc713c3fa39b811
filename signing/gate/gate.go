// Package gate decides what may be signed.
//
// It reads the finished bytes of a profile with a reader of its own and allows
// exactly one spelling of a small set of profiles: a mail account over TLS, with
// it calendars and contacts, a passcode policy, or all of these, for one
// address. Whatever else the program that wrote the bytes believed or was talked
// into does not count here: a payload type, key, value or byte that no rule names
// is refused, and so is a text that is not the one in the terms.
//
// A signer takes a [Cleared], and only [Check] and [With] make one.
package gate

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// MaxSize is the size in bytes of the largest profile that Check reads.
const MaxSize = 64 << 10

// What stands around the dict of a profile.
const (
	declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	doctype     = `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n"
	opening     = `<plist version="1.0">` + "\n\t<dict>\n"
	closing     = "</plist>\n"
)

// Terms says exactly what the caller is entitled to have signed. Nothing that a
// person reads, and no server, is left to the profile: every text in it must be
// one of these.
type Terms struct {
	// Address is the mailbox as it is written into the profile: the local part
	// as typed, "@", and the domain as a lower-case A-label.
	Address string
	// PersonName is the sender's name in new messages. Empty: there is none.
	PersonName string
	// Login is the user name on all servers.
	Login string
	// Organization is who issues the profile. Empty: nobody is named.
	Organization string
	// Servers are those that the operator configured. An account whose use has
	// no server here may not be inside.
	Servers []Server
	// Policy says whether a passcode policy may be inside.
	Policy bool
	// Declared says that the policy must be written as declarations inside the
	// profile, which is experimental, instead of as a payload of its own.
	Declared bool
	// Test says that the profile must be marked as a test, by "TEST – " before
	// its name, its description, which must be there, and its consent texts.
	// Without Test none of them may begin so.
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

// A Server is where an account of the profile may connect to.
type Server struct {
	Use  Use
	Host string // a lower-case A-label name
	Port int
}

// A Cleared is a profile that the gate has allowed, with the terms that allowed
// it. The zero value holds nothing and must not be signed.
type Cleared struct{ of *cleared }

// cleared is what a Cleared holds. The text belongs to this package, so that
// nobody can change it after the check.
type cleared struct {
	text     string
	digest   [sha256.Size]byte
	terms    Terms
	contents Contents
}

// Contents are what the gate has read in a profile and the terms leave open. The
// texts in the terms may speak of it, so a signer that makes these texts itself
// holds them against it.
type Contents struct {
	// Mac says that the profile is for a Mac, and otherwise for an iPhone or iPad.
	Mac bool
	// Which payloads are inside: an account for mail, beside it those for calendars
	// and contacts, and a passcode policy in one of its two forms.
	Mail, Calendars, Contacts, Policy bool
	// What the policy asks for; zero without one. Attempts are after how many wrong
	// codes an iPhone is erased or a Mac locked, and zero where neither happens.
	MinLength, LockMinutes, Attempts int
}

// Bytes returns the profile, or nil if c holds nothing. Each call makes a copy
// that belongs to the caller.
func (c Cleared) Bytes() []byte {
	if c.Size() == 0 {
		return nil
	}
	return []byte(c.of.text)
}

// Size is the number of bytes of the profile, 0 if c holds nothing.
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

// Digest is the SHA-256 of the profile. It is zero if c holds nothing.
func (c Cleared) Digest() (sum [sha256.Size]byte) {
	if c.of == nil {
		return sum
	}
	return c.of.digest
}

// Terms are those that the profile was checked against, for a signer with
// approvals of its own. They must not be changed. They allow nothing if c holds
// nothing.
func (c Cleared) Terms() (t Terms) {
	if c.of == nil {
		return t
	}
	return c.of.terms
}

// Contents are what the gate has read in the profile. They are zero if c holds
// nothing.
func (c Cleared) Contents() (found Contents) {
	if c.of == nil {
		return found
	}
	return c.of.contents
}

// Check reads data and clears it if it is a profile that t allows. It keeps a
// copy: what happens to data afterwards does not reach the Cleared. The error
// is always a [*Refusal] and names the first fault found.
func Check(data []byte, t Terms) (Cleared, error) {
	if len(data) > MaxSize {
		data = data[:MaxSize+1] // which is as much too large, and less to copy
	}
	own := bytes.Clone(data)
	c := &cleared{terms: t}
	if r := c.check(own); r != nil {
		return Cleared{}, r
	}
	return Cleared{c}, nil
}

// buffers hold the copies that With makes.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// With is Check for a profile that is needed for one call only, that of use. When that
// returns, its Cleared holds nothing, and the memory serves the next profile.
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

// check judges own, which nobody else has and nobody changes while c holds it:
// so its bytes may serve as the string that is read.
func (c *cleared) check(own []byte) *Refusal {
	text := unsafe.String(unsafe.SliceData(own), len(own))
	found, r := examine(text, c.terms, tables())
	if r != nil {
		return r
	}
	c.contents = found
	c.text, c.digest = text, sha256.Sum256(own)
	return nil
}

// A checker is one run of Check.
type checker struct {
	reader
	terms  *Terms
	tables *tableSet
	// top is the PayloadIdentifier of the file, own that of the dict being read,
	// and host the last host that was read.
	top, own, host string
	// The texts of the terms as they are written.
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

// limits are what a policy asks for, by the names of [Contents], and after how
// many minutes a locked Mac can be tried again. Zero: nothing was said of it.
type limits struct{ length, lock, attempts, reset int }

// examine judges text by the tables. It returns no refusal if the terms allow it.
func examine(text string, t Terms, set *tableSet) (found Contents, refused *Refusal) {
	if len(text) > MaxSize {
		return found, refuse(TooLarge, "The profile is larger than 64 KiB.")
	}
	base, ok := identifier(t.Address, t.Test)
	if !ok {
		return found, refuse(Address, "The address to check against is not a local part, @, and a lower-case domain.")
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

// judge refuses terms that no profile may have: names with characters that are
// not allowed, or none where there must be one.
func (t *Terms) judge() *Refusal {
	if t.Texts == nil {
		return refuse(DisplayText, "There are no texts to check against.")
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

// document judges the file from its first byte to its last.
func (c *checker) document() *Refusal {
	if !c.accept(declaration) {
		if strings.Contains(c.text, declaration) {
			return refuse(TrailingData, "Something stands before the XML declaration.")
		}
		return c.notCanonical()
	}
	if !c.accept(doctype) {
		return refuse(Doctype, "The second line is not the DOCTYPE of a property list.")
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
		return refuse(TrailingData, "Something stands after the end of the property list.")
	}
	return c.fit()
}

// fit judges what no single key can tell: whether the payloads, the device,
// the scope and the consent belong together.
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
		return refuse(Content, "These payloads do not stand in one file for this device.").in("PayloadContent")
	case c.scope != scope:
		return refuse(Scope, "A Mac takes User for accounts and System for a policy, an iPhone no scope.").in("PayloadScope")
	case c.policy && !c.consented:
		return refuse(ConsentMissing, "A profile with a policy needs a consent text.").in("ConsentText")
	case !c.policy && c.consented:
		return refuse(WrongValue, "A consent text belongs to a policy, and there is none.").in("ConsentText")
	}
	return nil
}
