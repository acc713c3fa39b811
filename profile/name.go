package profile

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"
)

// PlainName is a sender's name with the apostrophe that keyboards of phones write
// as the plain one, which is all that a profile may have.
func PlainName(s string) string { return strings.ReplaceAll(s, "\u2019", "'") }

// IsPersonName reports whether s may be a sender's name, or is empty. Mail
// programs show it to others and make links of what looks like one, so after
// NFKC it has letters, marks, digits, spaces and ' - . , & ( ) only, and no
// dotted word that begins with www or ends in a public suffix: "A.Müller" is a
// name, "evil.com" is not.
func IsPersonName(s string) bool {
	if !IsLine(s) {
		return false
	}
	name := strings.ToLower(norm.NFKC.String(PlainName(s)))
	for _, r := range name {
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune(" '-.,&()", r) {
			return false
		}
	}
	// A hyphen may be part of a domain name, or stand behind one.
	return !namesDomain(strings.FieldsFunc(name, isSeam)) &&
		!namesDomain(strings.FieldsFunc(name, func(r rune) bool { return r == '-' || isSeam(r) }))
}

// isSeam reports whether r ends a word of a name.
func isSeam(r rune) bool { return strings.ContainsRune(" ',&()", r) }

// specialNames are top-level domains that are no public suffix and read as one
// all the same (RFC 6761, RFC 6762, RFC 7686).
var specialNames = []string{"example", "invalid", "local", "localhost", "onion", "test"}

// namesDomain reports whether a word reads as a domain name.
func namesDomain(words []string) bool {
	for _, word := range words {
		word = strings.Trim(word, ".-")
		dot := strings.LastIndexByte(word, '.')
		if dot < 0 {
			continue
		}
		ascii, err := idna.Punycode.ToASCII(word)
		_, icann := publicsuffix.PublicSuffix(ascii)
		if icann || err != nil || strings.HasPrefix(word, "www.") || slices.Contains(specialNames, word[dot+1:]) {
			return true
		}
	}
	return false
}
