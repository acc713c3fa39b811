package lint

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shown makes a text from the file safe to show: shortened, without characters
// that control a terminal or reorder or hide others, and without the password
// in a URL.
func shown(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range masked(s) {
		if n++; n > limit {
			b.WriteRune('…')
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// quoted is shown in quotation marks, so that spaces at the ends are visible.
func quoted(s string) string {
	return `"` + strings.ReplaceAll(shown(s, maxShown), `"`, `\"`) + `"`
}

// login matches the username and password at the start of a URL or host name.
var login = regexp.MustCompile(`((?:^|/)[^/:@\s]*):[^/@\s]+@`)

// maxMasked limits how much of a text is searched for logins. It's more than is
// ever shown.
const maxMasked = 2048

// masked replaces passwords before an @, as in https://jane:secret@example.com.
func masked(s string) string {
	s = s[:min(len(s), maxMasked)]
	if !strings.Contains(s, "@") {
		return s
	}
	return login.ReplaceAllString(s, "$1:***@")
}

// urlLogin finds a password in a URL.
var urlLogin = regexp.MustCompile(`://[^/:@\s]*:[^/@\s]+@`)

func hasURLLogin(s string) bool {
	return urlLogin.MatchString(s[:min(len(s), maxMasked)])
}

// machineWords are the endings of keys whose values are compared or looked up
// exactly, in lower case. They may be in the plural.
var machineWords = strings.Fields("host hostname server address addresse username userid identifier uuid url uri path pathprefix domain domainname payloadtype accounttype authentication payloadscope email")

// isMachineKey reports whether the value of a key is read by machines rather
// than people, so that invisible characters and surrounding whitespace aren't
// allowed.
func isMachineKey(key string) bool {
	key = strings.ToLower(key)
	for _, word := range machineWords {
		if strings.HasSuffix(key, word) || strings.HasSuffix(key, word+"s") {
			return true
		}
	}
	return false
}

// fillers are invisible characters that are neither controls nor in category
// Cf: grapheme joiners, fillers and variation selectors.
var fillers = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x034f, 0x034f, 1}, {0x115f, 0x1160, 1}, {0x17b4, 0x17b5, 1}, {0x180b, 0x180f, 1},
		{0x2028, 0x2029, 1}, {0x2800, 0x2800, 1}, {0x3164, 0x3164, 1}, {0xfe00, 0xfe0f, 1}, {0xffa0, 0xffa0, 1},
	},
	R32: []unicode.Range32{{0xe0100, 0xe01ef, 1}},
}

// prose are invisible characters that a text for people may need: joiners and
// variation selectors for scripts and emoji, soft hyphens, and signs of Arabic
// and other scripts that are visible despite their category.
var prose = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00ad, 0x00ad, 1}, {0x034f, 0x034f, 1}, {0x0600, 0x0605, 1}, {0x06dd, 0x06dd, 1}, {0x070f, 0x070f, 1},
		{0x0890, 0x0891, 1}, {0x08e2, 0x08e2, 1}, {0x17b4, 0x17b5, 1}, {0x180b, 0x180d, 1}, {0x180f, 0x180f, 1},
		{0x200c, 0x200d, 1}, {0x2028, 0x2029, 1}, {0x2800, 0x2800, 1}, {0xfe00, 0xfe0f, 1},
	},
	R32: []unicode.Range32{{0x110bd, 0x110bd, 1}, {0x110cd, 0x110cd, 1}, {0xe0100, 0xe01ef, 1}},
}

// isInvisible reports whether a character is invisible, or a space other than
// the plain one.
func isInvisible(r rune) bool {
	return r != ' ' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Z, fillers))
}

// isHidden reports whether a character doesn't belong in a text for people: it
// controls others or their order, or is invisible.
func isHidden(r rune) bool {
	switch {
	case r == '\n', r == '\r', r == '\t', unicode.Is(unicode.Zs, r), unicode.Is(prose, r):
		return false
	}
	return isInvisible(r)
}

// blackFlag starts a flag emoji, followed by tag characters.
const blackFlag = '\U0001f3f4'

// hiddenIn describes a hidden character in a text, or returns "". In texts for
// machines, these are all invisible characters and surrounding whitespace.
func hiddenIn(s string, machine bool) string {
	if !machine {
		flag := strings.ContainsRune(s, blackFlag)
		for _, r := range s {
			if isHidden(r) && !(flag && r >= 0xe0020 && r <= 0xe007f) {
				return fmt.Sprintf("The text has the invisible character U+%04X.", r)
			}
		}
		return ""
	}
	if n := strings.IndexFunc(s, isInvisible); n >= 0 {
		r, _ := utf8.DecodeRuneInString(s[n:])
		return fmt.Sprintf("The text has the invisible character U+%04X.", r)
	}
	if strings.TrimSpace(s) != s {
		return "The text starts or ends with whitespace."
	}
	return ""
}

// clean returns a text without what hiddenIn reports in texts for machines.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if isInvisible(r) {
			return -1
		}
		return r
	}, s))
}
