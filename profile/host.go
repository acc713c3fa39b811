package profile

import (
	"errors"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// hostRules are the strict rules of IDNA 2008 for looking up names: no
// underscores, no dubious joiners or hyphens, and DNS length limits.
var hostRules = idna.New(
	idna.MapForLookup(),
	idna.BidiRule(),
	idna.CheckHyphens(true),
	idna.CheckJoiners(true),
	idna.StrictDomainName(true),
	idna.ValidateLabels(true),
	idna.VerifyDNSLength(true),
)

var errHost = errors.New("it isn't a host name such as mail.example.com")

// ParseHost returns a host or domain name in its canonical form: lower-case
// A-labels (RFC 5890). It refuses IP addresses, single labels, a trailing dot,
// labels that mix scripts, and anything that compatibility mapping would turn
// into another name, such as full-width letters. Surrounding whitespace is
// ignored.
func ParseHost(name string) (string, error) { return parseHost(Trim(name)) }

// parseHost is ParseHost for a name inside a longer text.
func parseHost(name string) (string, error) {
	if name == "" {
		return "", errors.New("the host name is missing")
	}
	if err := checkURL(name); err != nil {
		return "", err
	}
	if err := checkHidden(name); err != nil {
		return "", err
	}
	// The string is only usable without an error: idna returns both.
	ascii, err := hostRules.ToASCII(name)
	if err != nil || strings.HasSuffix(ascii, ".") {
		return "", errHost
	}
	labels := strings.Split(ascii, ".")
	if len(labels) < 2 || isNumber(labels[len(labels)-1]) {
		return "", errHost
	}
	if lower := strings.ToLower(name); lower == ascii && !strings.Contains(ascii, "xn--") {
		return ascii, nil
	}
	return ascii, checkInternational(name, ascii)
}

// checkInternational compares a name with non-ASCII letters with its A-label
// form.
func checkInternational(name, ascii string) error {
	shown, err := hostRules.ToUnicode(ascii)
	if err != nil {
		return errHost
	}
	if written := strings.ToLower(norm.NFC.String(name)); written != shown && written != ascii {
		return errors.New("the host name has letters that are variants of others; use plain letters")
	}
	for label := range strings.SplitSeq(shown, ".") {
		if mixesScripts(label) {
			return errors.New("the host name mixes letters of several scripts, as lookalikes do")
		}
	}
	return nil
}

func isNumber(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// scriptMixes are the sets of scripts that may be combined in a label (Unicode
// Technical Standard 39, section 5.2, "highly restrictive"). Letters of any
// single script are allowed.
var scriptMixes = [][]*unicode.RangeTable{
	{unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana},
	{unicode.Latin, unicode.Han, unicode.Bopomofo},
	{unicode.Latin, unicode.Han, unicode.Hangul},
}

// mixesScripts reports whether the letters of s come from scripts that must not
// be combined.
func mixesScripts(s string) bool {
	var letters []rune
	for _, r := range s {
		if unicode.IsLetter(r) {
			letters = append(letters, r)
		}
	}
	if len(letters) == 0 || allIn(letters, scriptOf(letters[0])) {
		return false
	}
	for _, mix := range scriptMixes {
		if allIn(letters, mix...) {
			return false
		}
	}
	return true
}

// scriptOf returns the script of r, or Common for a letter shared by several
// scripts.
func scriptOf(r rune) *unicode.RangeTable {
	if unicode.Is(unicode.Latin, r) {
		return unicode.Latin
	}
	for _, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return table
		}
	}
	return unicode.Common
}

func allIn(letters []rune, scripts ...*unicode.RangeTable) bool {
	for _, r := range letters {
		if !unicode.In(r, scripts...) && !unicode.In(r, unicode.Common, unicode.Inherited) {
			return false
		}
	}
	return true
}
