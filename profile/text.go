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

// Trim returns s without the blanks and invisible characters at its ends, which
// people paste along with a text. Nothing that takes texts keeps them. What
// overrides the direction of the text stays, to be refused: without it the text
// would say something else than the person saw.
func Trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || isInvisible(r) && r != '\u202d' && r != '\u202e' })
}

// Plain is s, trimmed, with the spaces that only look like the plain one, such
// as the no-break space, turned into it. It is for texts that people read; in a
// login or an identifier a space would be a guess.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if isOddSpace(r) {
			return ' '
		}
		return r
	}, Trim(s))
}

// CheckLine returns what keeps s from being taken as a text of one line, or
// nil: it has a character that XML cannot hold, that shows nothing, that looks
// like a space, or that makes the text read as another; or a blank at an end.
func CheckLine(s string) error {
	if err := checkLine(s); err != nil {
		return err
	}
	return checkHidden(s)
}

// CheckText is CheckLine for a text of several lines.
func CheckText(s string) error {
	if err := checkText(s); err != nil {
		return err
	}
	return checkHidden(s)
}

// IsLine reports whether CheckLine finds nothing.
func IsLine(s string) bool { return CheckLine(s) == nil }

// IsText reports whether CheckText finds nothing.
func IsText(s string) bool { return CheckText(s) == nil }

// A HiddenError says that a text has characters that a person cannot see in it.
type HiddenError struct{ detail string }

// Error says which, and what to do.
func (e *HiddenError) Error() string { return e.detail }

// Hidden tells the error from others where this package isn't known.
func (*HiddenError) Hidden() {}

// checkHidden returns a [*HiddenError] if s has what a person cannot see there.
func checkHidden(s string) error {
	for _, r := range s {
		switch {
		case isInvisible(r):
			return &HiddenError{fmt.Sprintf("it has the invisible character U+%04X; delete it, or type the text again", r)}
		case isOddSpace(r):
			return &HiddenError{fmt.Sprintf("it has the character U+%04X, which looks like a space; delete it, or type a plain space", r)}
		}
	}
	if Trim(s) != s {
		return &HiddenError{"it begins or ends with a blank; delete it"}
	}
	return nil
}

// isOddSpace reports whether r is a space other than the plain one.
func isOddSpace(r rune) bool { return r > unicode.MaxASCII && unicode.Is(unicode.Zs, r) }

// isInvisible reports whether a character is ignorable by default (Unicode,
// section 5.21): format characters, fillers, and selectors of variants.
func isInvisible(r rune) bool {
	return r > unicode.MaxASCII &&
		unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
