package lint

import (
	"regexp"
	"strings"
	"unicode"
)

// scan looks at every value, whatever its key means: for secrets, duplicate
// keys, and what is spelled badly. What stands below a secret is left alone.
func (i *inspector) scan(v value, at *place) {
	seen := map[string]bool{}
	for _, f := range v.fields {
		here := at.at(f.key)
		if seen[f.key] {
			i.add(codeDuplicateKey, here, "")
		}
		seen[f.key] = true
		if isSecret(f.key, f.value) {
			i.add(codePasswordInside, here, "")
			continue
		}
		i.scan(f.value, here)
	}
	for n, item := range v.items {
		i.scan(item, at.item(n))
	}
	switch {
	case v.bad:
		i.add(codeMalformedValue, at, "")
	case v.kind == text && strings.TrimSpace(v.text) == "":
		i.add(codeEmptyString, at, "")
	case v.kind == text && isVariable(v.text):
		i.add(codeMDMVariable, at, "")
	}
	if strings.ContainsFunc(v.text, isHidden) {
		i.add(codeHiddenCharacters, at, "")
	}
}

// isHidden reports whether a character controls others or their order.
// Joiners are none: scripts and emoji need them.
func isHidden(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
}

// A variable of an MDM: $EMAIL, ${userEmailAddress}, {{mail}}, %Email%,
// {EmailAddress}, $Email$.
var variable = regexp.MustCompile(`\$\{[^{}]+\}|\{\{[^{}]+\}\}|\$[A-Z][A-Z0-9_]{2,}|\$[A-Za-z]+\$|%[A-Za-z_][\w(),:.-]*%|\{[A-Z][A-Za-z]+\}`)

// maxVariable is how much of a text is searched for one.
const maxVariable = 2048

func isVariable(s string) bool { return variable.MatchString(s[:min(len(s), maxVariable)]) }

var (
	secretWords = []string{"password", "passcode", "passphrase", "secret", "privatekey", "challenge", "token", "credential"}
	// publicEnds are those of keys that only speak of a secret.
	publicEnds = []string{"url", "uuid", "regex", "description", "policy", "method", "type", "hint", "prompt", "delay", "source"}
)

// isSecret reports whether a key and its value carry a secret: by its name,
// for profiles bring keys of any vendor along.
func isSecret(key string, v value) bool {
	if v.kind == boolean || v.kind == text && v.text == "" {
		return false
	}
	key = strings.ToLower(key)
	for _, end := range publicEnds {
		if strings.HasSuffix(key, end) {
			return false
		}
	}
	for _, word := range secretWords {
		if strings.Contains(key, word) {
			return true
		}
	}
	return key == "pin" || key == "psk"
}
