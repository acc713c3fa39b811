package gate

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Maximum lengths of strings, in bytes.
const (
	maxText  = 1024
	maxProse = 4096
)

// legible checks the characters and the length of a string. Other values pass.
func (c *checker) legible(v value) *Refusal {
	if v.kind != text && v.kind != prose {
		return nil
	}
	s, ok := unescape(v.raw)
	if !ok {
		return c.notCanonical()
	}
	if v.kind == prose {
		return legible(s, maxProse, true)
	}
	return legible(s, maxText, false)
}

// legible checks a string of at most limit bytes, in one line or in several.
func legible(s string, limit int, lines bool) *Refusal {
	switch {
	case s == "":
		return refuse(EmptyText, "The value is empty; omit its key.")
	case len(s) > limit:
		return refuse(LongText, "The value is too long.")
	}
	for _, char := range s {
		if (char < ' ' || char > '~') && isForbidden(char) && (char != '\n' || !lines) {
			return refuse(Text, "The value has a character that isn't allowed.")
		}
	}
	return nil
}

// isForbidden reports whether char isn't allowed in a line of text: control
// characters, characters that are invisible, control the direction of the text
// or break the line, the replacement character (and with it invalid UTF-8), and
// noncharacters.
func isForbidden(char rune) bool {
	switch {
	case char < ' ', 0x7f <= char && char <= 0x9f:
		return true
	case char == 0x2028, char == 0x2029:
		return true
	case char == utf8.RuneError, 0xfdd0 <= char && char <= 0xfdef:
		return true
	}
	return char&0xfffe == 0xfffe || isInvisible(char)
}

// isInvisible reports whether char is ignorable by default (Unicode, section
// 5.21): format characters, including direction controls, fillers, and
// variation selectors.
func isInvisible(char rune) bool {
	return unicode.In(char, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// isLanguage reports whether key is "default" or has the form of a language
// tag: two or three letters, then hyphen-separated parts of two to eight
// letters or digits.
func isLanguage(key string) bool {
	const letters, digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	part, rest, more := strings.Cut(key, "-")
	ok := key == "default" || isPart(part, 3, letters)
	for ok && more {
		part, rest, more = strings.Cut(rest, "-")
		ok = isPart(part, 8, letters+digits)
	}
	return ok
}

// isPart reports whether s has two to longest characters, all of them in set.
func isPart(s string, longest int, set string) bool {
	return 2 <= len(s) && len(s) <= longest && strings.Trim(s, set) == ""
}
