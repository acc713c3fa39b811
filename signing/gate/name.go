package gate

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"
)

// judgeName checks the sender's name, which others see in their mail programs.
func judgeName(name string) *Refusal {
	name = strings.ToLower(norm.NFKC.String(name))
	if strings.ContainsFunc(name, notInName) {
		return refuse(PersonName, "A name may only have letters, digits, spaces and ' - . , & ( ).")
	}
	// A hyphen may be part of a domain name, or follow one.
	if strings.ContainsRune(name, '.') && (holdsDomain(name, " ',&()") || holdsDomain(name, " ',&()-")) {
		return refuse(PersonName, "A name must not contain what looks like the name of a website.")
	}
	return nil
}

func notInName(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune(" '-.,&()", r)
}

// holdsDomain reports whether a word of the name, between the seams, starts
// with www, ends in one of ICANN's public suffixes, such as .com or .co.uk, or
// in a special-use name, such as .local.
func holdsDomain(name, seams string) bool {
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return strings.ContainsRune(seams, r) }) {
		first, rest, dotted := strings.Cut(strings.Trim(word, ".-"), ".")
		if !dotted {
			continue
		}
		ascii, err := idna.Punycode.ToASCII(first + "." + rest)
		_, public := publicsuffix.PublicSuffix(ascii)
		switch ascii[strings.LastIndexByte(ascii, '.')+1:] {
		case "example", "invalid", "local", "localhost", "onion", "test":
			public = true
		}
		if public || first == "www" || err != nil {
			return true
		}
	}
	return false
}
