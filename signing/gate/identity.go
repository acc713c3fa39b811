package gate

import (
	"crypto/sha1"
	"crypto/sha256"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
)

// hashLength is the number of characters, of five bits each, that distinguish
// the addresses of a domain.
const hashLength = 26

// identifier returns the PayloadIdentifier for an address, or for its test
// profiles. It returns false if the address is malformed.
func identifier(address string, test bool) (string, bool) {
	middle := middle
	if test {
		middle = middleOfTests
	}
	local, domain, _ := strings.Cut(address, "@")
	if local == "" {
		return "", false
	}
	out := make([]byte, 0, len(domain)+len(middle)+hashLength)
	for more := true; more; {
		label := domain
		if dot := strings.LastIndexByte(domain, '.'); dot >= 0 {
			label, domain = domain[dot+1:], domain[:dot]
		} else {
			more = false
		}
		if notLabel(label) {
			return "", false
		}
		out = append(append(out, label...), '.')
	}
	folded := strings.ToLower(norm.NFC.String(address))
	sum := sha256.Sum256([]byte(folded))
	out = append(out, middle...)
	// Each character has five bits: RFC 4648, in lower case.
	bits, n := uint(0), 0
	for _, octet := range sum[:] {
		bits, n = bits<<8|uint(octet), n+8
		for ; n >= 5; n -= 5 {
			out = append(out, "abcdefghijklmnopqrstuvwxyz234567"[bits>>(n-5)&31])
		}
	}
	return string(out[:len(out)-hashRest]), true
}

// middle is between the domain and the hash of an identifier.
const middle = "mobileconfig."

// middleOfTests replaces it in tests, so that devices never replace the real
// profile of the mailbox.
const middleOfTests = "mobileconfig-test."

// hashRest is how many characters of the whole hash are omitted.
const hashRest = 51 - hashLength

// notLabel reports whether s isn't a lower-case label of a domain name. It also
// finds a second "@".
func notLabel(s string) bool {
	return s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
}

// identity returns the PayloadUUID for a PayloadIdentifier: version 5, in the
// shared namespace.
func identity(identifier string) string {
	namespace := [16]byte{
		0x3a, 0xb7, 0xf3, 0xc6, 0x6f, 0x0a, 0x5b, 0x5c,
		0x9d, 0x0e, 0x0c, 0x4f, 0x5a, 0x1d, 0x7e, 0x42,
	}
	var name [256]byte
	sum := sha1.Sum(append(append(name[:0], namespace[:]...), identifier...))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x50 // version
	id[8] = id[8]&0x3f | 0x80 // variant
	return id.String()
}
