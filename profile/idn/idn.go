// Package idn shows internationalized domain names (RFC 5890) to people.
package idn

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// Show returns a domain name or email address as people write it, with xn--
// labels decoded. If the letters could pass for another name, the encoded form
// follows in parentheses. Invalid labels stay unchanged.
func Show(name string) string {
	at := strings.LastIndexByte(name, '@') + 1
	domain := name[at:]
	if !strings.Contains(domain, "xn--") {
		return name
	}
	shown, err := idna.Lookup.ToUnicode(domain)
	if err != nil {
		return name
	}
	if again, err := idna.Lookup.ToASCII(shown); err != nil || again != domain {
		return name
	}
	if LooksLatin(shown) {
		shown += " (" + domain + ")"
	}
	return name[:at] + shown
}

// latinLike are letters of other scripts that look like Latin letters, with or
// without diacritics.
const latinLike = "асԁеёһіїјӏорԛѕԝхуүьҽпгѵѡкмтвнԍԏ" + "αβγεικνορτυωχηϲϳѕ" + "օոսցհգզւքյթ" + "ꓐꓑꓒꓓꓔꓕꓖꓗꓘꓙꓚꓛꓜꓝꓞꓟꓠꓡꓢꓣꓤꓥꓦꓧꓨꓩꓪꓫꓬꓭꓮꓯꓰꓱꓲꓳꓴ"

// mixable are the scripts that may be combined with Latin letters in a name.
var mixable = []*unicode.RangeTable{unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Hangul, unicode.Common, unicode.Inherited}

// LooksLatin reports whether a name could pass for a Latin one: a label mixes
// Latin letters with those of another alphabet, or has only letters that look
// like Latin ones while the last label is Latin.
func LooksLatin(name string) bool {
	labels := strings.Split(strings.ToLower(name), ".")
	latinEnd := strings.ContainsFunc(labels[len(labels)-1], func(r rune) bool { return unicode.Is(unicode.Latin, r) })
	for _, label := range labels {
		latin, other, alike := 0, 0, 0
		for _, r := range label {
			switch {
			case !unicode.IsLetter(r):
			case unicode.Is(unicode.Latin, r):
				latin++
			case !unicode.In(r, mixable...):
				other++
				if strings.ContainsRune(latinLike, r) {
					alike++
				}
			}
		}
		if other > 0 && (latin > 0 || alike == other && latinEnd) {
			return true
		}
	}
	return false
}
