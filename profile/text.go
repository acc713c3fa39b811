package profile

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longest texts in bytes: of one line, and of a text that may hold newlines.
const (
	maxLine = 1024
	maxText = 4096
)

// checkLine refuses what cannot stand in an XML 1.0 document or would show
// otherwise than it is: control characters, noncharacters, newlines, and the
// controls that reorder text.
func checkLine(s string) error { return checkRunes(s, maxLine, false) }

// checkText is checkLine for a text of several lines.
func checkText(s string) error { return checkRunes(s, maxText, true) }

func checkRunes(s string, limit int, newlines bool) error {
	if len(s) > limit {
		return fmt.Errorf("it is longer than %d bytes", limit)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("it is not valid UTF-8")
	}
	for _, r := range s {
		if !allowedRune(r) && !(newlines && r == '\n') {
			return fmt.Errorf("it has the character U+%04X, which may not stand here", r)
		}
	}
	return nil
}

// allowedRune goes beyond the Char production of XML 1.0: groob/plist turns
// what XML cannot hold into U+FFFD without a word, and bidi controls make a
// name read as another.
func allowedRune(r rune) bool {
	switch {
	case r < 0x7F:
		return r >= ' '
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
		return false
	case r == '\u2028', r == '\u2029', r == utf8.RuneError:
		return false
	case r >= 0xFDD0 && r <= 0xFDEF, r&0xFFFE == 0xFFFE:
		return false
	}
	return true
}

// IsLine reports whether s may be signed as a text of one line: it has no
// character that XML cannot hold, and none that shows nothing or makes the text
// read as another.
func IsLine(s string) bool { return checkLine(s) == nil && !strings.ContainsFunc(s, isInvisible) }

// IsText is IsLine for a text of several lines.
func IsText(s string) bool { return checkText(s) == nil && !strings.ContainsFunc(s, isInvisible) }

// isInvisible reports whether a character is ignorable by default (Unicode,
// section 5.21): format characters, fillers, and selectors of variants.
func isInvisible(r rune) bool {
	return r > unicode.MaxASCII &&
		unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
