// Package gate decides what may be signed.
//
// It reads the finished bytes of a profile with a reader of its own and allows
// exactly one spelling of a small set of profiles: a mail account over TLS, with
// it calendars and contacts, a passcode policy, or all of these, for one address. Whatever else the program that
// wrote the bytes believed or was talked into does not count here: a payload
// type, key, value or byte that no rule names is refused.
//
// A signer takes a [Cleared], and only [Check] makes one.
package gate

import (
	"crypto/sha256"
	"strings"
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

// Terms says what the caller is entitled to have signed.
type Terms struct {
	// Address is the mailbox as it is written into the profile: the local part
	// as typed, "@", and the domain as a lower-case A-label.
	Address string
	// Hosts are the mail servers that the operator configured, as lower-case
	// A-labels.
	Hosts []string
	// DAVHosts are the servers for calendars and contacts that the operator
	// configured. None: neither may be inside.
	DAVHosts []string
	// Policy says whether a passcode policy may be inside.
	Policy bool
	// Test says that the profile must be marked as a test, by "TEST – " before
	// its name, its description, which must be there, and its consent texts.
	// Without Test none of them may begin so.
	Test bool
}

// A Cleared is a profile that Check has allowed, with the terms that allowed
// it. The zero value holds nothing and must not be signed.
type Cleared struct {
	text   string // a string, so that nobody can change it after the check
	digest [sha256.Size]byte
	terms  Terms
}

// Bytes returns the profile, or nil for the zero value. Each call makes a copy
// that belongs to the caller.
func (c Cleared) Bytes() []byte {
	if c.text == "" {
		return nil
	}
	return []byte(c.text)
}

// Size is the number of bytes of the profile.
func (c Cleared) Size() int { return len(c.text) }

// Append appends the profile to out.
func (c Cleared) Append(out []byte) []byte { return append(out, c.text...) }

// Digest is the SHA-256 of the profile.
func (c Cleared) Digest() [sha256.Size]byte { return c.digest }

// Terms are those that the profile was checked against, for a signer with
// approvals of its own. They must not be changed.
func (c Cleared) Terms() Terms { return c.terms }

// Check reads data and clears it if it is a profile that t allows. It keeps a
// copy: what happens to data afterwards does not reach the Cleared. The error
// is always a [*Refusal] and names the first fault found.
func Check(data []byte, t Terms) (Cleared, error) {
	if len(data) > MaxSize {
		return Cleared{}, refuse(TooLarge, "The profile is larger than 64 KiB.")
	}
	return CheckText(string(data), t)
}

// CheckText is Check for a profile in a string, of which it needs no copy.
func CheckText(text string, t Terms) (Cleared, error) {
	if len(text) > MaxSize {
		return Cleared{}, refuse(TooLarge, "The profile is larger than 64 KiB.")
	}
	base, ok := identifier(t.Address)
	if !ok {
		return Cleared{}, refuse(Address, "The address to check against is not a local part, @, and a lower-case domain.")
	}
	c := &checker{reader: reader{text: text}, terms: t, top: base, own: base}
	if r := c.document(); r != nil {
		return Cleared{}, r
	}
	return Cleared{text, digest(text), t}, nil
}

// digest is the SHA-256 of text, which it reads through a small window rather
// than in a copy as large as the profile.
func digest(text string) (sum [sha256.Size]byte) {
	var window [4096]byte
	h := sha256.New()
	for len(text) > 0 {
		n := copy(window[:], text)
		h.Write(window[:n])
		text = text[n:]
	}
	h.Sum(sum[:0])
	return sum
}

// A checker is one run of Check.
type checker struct {
	reader
	terms Terms
	// top is the PayloadIdentifier of the file, own that of the dict being read.
	top, own     string
	mail, policy bool // the payloads found so far
	last         place
}

// document judges the file from its first byte to its last.
func (c *checker) document() *Refusal {
	if !c.accept(0, declaration) {
		if strings.Contains(c.text, declaration) {
			return refuse(TrailingData, "Something stands before the XML declaration.")
		}
		return c.notCanonical()
	}
	if !c.accept(0, doctype) {
		return refuse(Doctype, "The second line is not the DOCTYPE of a property list.")
	}
	if !c.accept(0, opening) {
		return c.notCanonical()
	}
	top, r := c.dict(2, topRules)
	if r != nil {
		return r
	}
	if !c.accept(0, closing) {
		return c.notCanonical()
	}
	if c.pos != len(c.text) {
		return refuse(TrailingData, "Something stands after the end of the property list.")
	}
	return c.fit(top)
}

// fit judges what no single key can tell: whether the payloads, the device,
// the scope and the consent belong together.
func (c *checker) fit(top fields) *Refusal {
	device, _ := top.find("TargetDeviceType")
	scope, _ := top.find("PayloadScope")
	together, want := c.mail, ""
	if device.n == mac {
		together, want = c.mail != c.policy, "User"
		if c.policy {
			want = "System"
		}
	}
	switch {
	case c.terms.Test && !top.has("PayloadDescription"):
		return refuse(TestMark, "A test needs a description that says so.").in("PayloadDescription")
	case !together:
		return refuse(Content, "These payloads do not stand in one file for this device.").in("PayloadContent")
	case scope.text != want:
		return refuse(Scope, "A Mac takes User for accounts and System for a policy, an iPhone no scope.").in("PayloadScope")
	case c.policy && !top.has("ConsentText"):
		return refuse(ConsentMissing, "A profile with a policy needs a consent text.").in("ConsentText")
	case !c.policy && top.has("ConsentText"):
		return refuse(WrongValue, "A consent text belongs to a policy, and there is none.").in("ConsentText")
	}
	return nil
}
