package profile

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Maximum length of texts in bytes: for one line, and for a text with newlines.
const (
	maxLine = 1024
	maxText = 4096
)

// checkLine refuses characters that XML 1.0 can't contain or that would display
// misleadingly: control characters, noncharacters, newlines, and controls that
// reorder text.
func checkLine(s string) error { return checkRunes(s, maxLine, false) }

// checkText is checkLine for a text of several lines.
func checkText(s string) error { return checkRunes(s, maxText, true) }

func checkRunes(s string, limit int, newlines bool) error {
	if len(s) > limit {
		return fmt.Errorf("it's longer than %d bytes", limit)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("it isn't valid UTF-8")
	}
	for _, r := range s {
		if !allowedRune(r) && !(newlines && r == '\n') {
			return fmt.Errorf("it has the character U+%04X, which isn't allowed here", r)
		}
	}
	return nil
}

// allowedRune is stricter than the Char production of XML 1.0: groob/plist
// silently replaces characters that XML can't contain with U+FFFD, and bidi
// controls make a name look like another.
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

// Trim returns s without whitespace and invisible characters at its ends, which
// people paste with a text by accident. Direction overrides stay, so that they
// are refused: without them the text would differ from what the person saw.
func Trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || isInvisible(r) && r != '\u202d' && r != '\u202e' })
}

// Plain returns s, trimmed, with spaces that look like the plain one, such as
// the no-break space, replaced by it. It's for texts that people read. In a
// login or an identifier, replacing a space would be a guess.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if isOddSpace(r) {
			return ' '
		}
		return r
	}, Trim(s))
}

// CheckLine returns an error if s can't be a text of one line: if it has a
// character that XML can't contain, that is invisible, that looks like a space,
// or that makes the text look like another, or whitespace at an end.
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

// IsLine reports whether CheckLine returns nil.
func IsLine(s string) bool { return CheckLine(s) == nil }

// IsText reports whether CheckText returns nil.
func IsText(s string) bool { return CheckText(s) == nil }

// A HiddenError means that a text has characters that people can't see.
type HiddenError struct{ detail string }

// Error names the character and says what to do.
func (e *HiddenError) Error() string { return e.detail }

// Hidden identifies the error for packages that don't import this one.
func (*HiddenError) Hidden() {}

// checkHidden returns a [*HiddenError] if s has hidden characters.
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
		return &HiddenError{"it starts or ends with a space; delete it"}
	}
	return nil
}

// isOddSpace reports whether r is a space other than the plain one.
func isOddSpace(r rune) bool { return r > unicode.MaxASCII && unicode.Is(unicode.Zs, r) }

// isInvisible reports whether a character is ignorable by default (Unicode,
// section 5.21): format characters, fillers, and variation selectors.
func isInvisible(r rune) bool {
	return r > unicode.MaxASCII &&
		unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
