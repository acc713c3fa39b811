package profile

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

// Length limits of a mailbox in bytes (RFC 5321, section 4.5.3.1, and the
// limit of 256 on a path less its two angle brackets).
const (
	maxLocalPart = 64
	maxAddress   = 254
)

// An Address is a mailbox parsed by ParseAddress. The zero value means none.
type Address struct {
	text string // domain in lower-case A-labels
	at   int    // index of the "@"
}

// ParseAddress parses a mailbox: a dot-atom (RFC 5322, section 3.2.3; non-ASCII
// letters as in RFC 6532), "@" and a host name. It refuses quoted local parts,
// comments, display names and address literals, because neither email providers
// nor devices use them. Surrounding whitespace is ignored. A hidden character
// in the address is a [*HiddenError].
func ParseAddress(s string) (Address, error) {
	s = Trim(s)
	if err := checkHidden(s); err != nil {
		return Address{}, err
	}
	local, host, found := strings.Cut(s, "@")
	if !found || local == "" || host == "" {
		return Address{}, errors.New("it isn't an email address such as jane@example.com")
	}
	if err := checkLocalPart(local); err != nil {
		return Address{}, err
	}
	domain, err := parseHost(host)
	if err != nil {
		return Address{}, errors.New("the part after the @ isn't a mail domain such as example.com")
	}
	a := Address{local + "@" + domain, len(local)}
	if len(a.text) > maxAddress {
		return Address{}, errors.New("the email address is too long")
	}
	return a, nil
}

// String returns the address as typed, with its domain in A-label form.
func (a Address) String() string { return a.text }

// Local returns the part before the "@", as typed.
func (a Address) Local() string { return a.text[:a.at] }

// Domain returns the mail domain in lower-case A-label form.
func (a Address) Domain() string { return a.text[min(a.at+1, len(a.text)):] }

// IsZero reports whether a is the zero value.
func (a Address) IsZero() bool { return a.text == "" }

// Folded returns a form that is the same for all spellings of the mailbox: NFC,
// lower case, A-label domain. It keeps tags after "+" and dots, because they
// may belong to another mailbox.
func (a Address) Folded() string {
	return strings.ToLower(norm.NFC.String(a.String()))
}

func checkLocalPart(local string) error {
	if len(local) > maxLocalPart || !utf8.ValidString(local) {
		return errors.New("the part before the @ is too long or has broken characters")
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtomRune(r) }) {
			return errors.New("the part before the @ has a character or dot that email addresses can't have")
		}
	}
	if mixesScripts(local) {
		return errors.New("the part before the @ mixes letters of several scripts, as lookalikes do")
	}
	return nil
}

func isAtomRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
	}
	return r != utf8.RuneError && unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !isInvisible(r)
}

// namespace is the namespace of all UUIDs that this package derives.
var namespace = uuid.MustParse("3ab7f3c6-6f0a-5b5c-9d0e-0c4f5a1d7e42")

// hashLength is the number of base32 characters (5 bits each) of the mailbox's
// hash in an identifier.
const hashLength = 26

// identifier returns the profile identifier for a mailbox: the reversed mail
// domain and a hash. It has no address, because others may see the list of
// profiles. It depends only on the mailbox, so that a device replaces the
// profile of the same mailbox (TopLevel.yaml, PayloadIdentifier) and no other.
// Tests have their own namespace, so that they never replace a real profile.
func (a Address) identifier(test bool) string {
	middle := identifierMiddle
	if test {
		middle = testMiddle
	}
	out := make([]byte, 0, len(a.text)+len(middle)+hashLength)
	for rest, i := a.Domain(), 0; i >= 0; rest = rest[:max(0, i)] {
		i = strings.LastIndexByte(rest, '.')
		out = append(append(out, rest[i+1:]...), '.')
	}
	out = append(out, middle...)
	sum := sha256.Sum256([]byte(a.Folded()))
	var hash [56]byte
	base32.StdEncoding.Encode(hash[:], sum[:])
	for i := range hash {
		hash[i] |= 'a' - 'A' // keeps digits unchanged
	}
	return string(append(out, hash[:hashLength]...))
}

// identifierMiddle is the part between the mail domain and the hash. testMiddle
// replaces it in tests.
const (
	identifierMiddle = "mobileconfig."
	testMiddle       = "mobileconfig-test."
)

// UUID returns the PayloadUUID of the profile with the identifier.
func UUID(identifier string) string { return payloadUUID(identifier) }

// payloadUUID is derived, so that an installed payload is updated in place.
func payloadUUID(identifier string) string {
	text := uuidText(identifier, "")
	return string(text[:])
}

// uuidText returns the UUID of identifier with suffix: version 5 in the
// package's namespace (RFC 9562).
func uuidText(identifier, suffix string) (text [36]byte) {
	var name [512]byte
	sum := sha1.Sum(append(append(append(name[:0], namespace[:]...), identifier...), suffix...))
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x50 // version
	id[8] = id[8]&0x3f | 0x80 // variant
	hex.Encode(text[:8], id[:4])
	at := 8
	for _, part := range [...][]byte{id[4:6], id[6:8], id[8:10], id[10:]} {
		text[at] = '-'
		hex.Encode(text[at+1:], part)
		at += 1 + 2*len(part)
	}
	return text
}
