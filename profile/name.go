package profile

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"
)

// PlainName returns a sender's name after [Plain], with the typographic
// apostrophe of phone keyboards replaced by the plain one, which is the only
// one that a profile may have.
func PlainName(s string) string { return strings.ReplaceAll(Plain(s), "\u2019", "'") }

// IsPersonName reports whether [PlainName] of s can be used as a sender's name,
// or is empty. Mail programs show it to others and turn anything that looks
// like a link into one. So after NFKC it may only have letters, marks, digits,
// spaces and ' - . , & ( ), and no dotted word that starts with www or ends in
// a public suffix: "A.Müller" is a name, "evil.com" isn't.
func IsPersonName(s string) bool {
	s = PlainName(s)
	if !IsLine(s) {
		return false
	}
	if !strings.ContainsFunc(s, isUnusual) { // most names, without all the tables
		return true
	}
	name := strings.ToLower(norm.NFKC.String(s))
	for _, r := range name {
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune(" '-.,&()", r) {
			return false
		}
	}
	// A hyphen may be part of a domain name, or follow one.
	return !namesDomain(strings.FieldsFunc(name, isSeam)) &&
		!namesDomain(strings.FieldsFunc(name, func(r rune) bool { return r == '-' || isSeam(r) }))
}

// isUnusual reports whether r isn't one of the characters of most names. All others
// need a closer look, such as dots.
func isUnusual(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	return !letter && r != ' ' && r != '\'' && r != '-'
}

// isSeam reports whether r ends a word of a name.
func isSeam(r rune) bool { return strings.ContainsRune(" ',&()", r) }

// specialNames are top-level domains that aren't public suffixes but still read
// as domains (RFC 6761, RFC 6762, RFC 7686).
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
