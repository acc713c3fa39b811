package lint

import (
	"regexp"
	"strings"
)

// scan inspects every value, whatever its key means: for secrets, duplicate
// keys, malformed values and hidden characters. It doesn't inspect values below
// a secret. key is that of v, or of the array that contains v.
func (i *inspector) scan(v *value, key string, at *place) {
	seen := map[string]bool{}
	for n := range v.fields {
		f := &v.fields[n]
		here := at.at(f.key)
		if seen[f.key] {
			i.add(codeDuplicateKey, here, "")
		}
		seen[f.key] = true
		if detail := hiddenIn(f.key, true); detail != "" {
			i.add(codeHiddenCharacters, here, strings.Replace(detail, "The text", "The key", 1)+" Devices don't recognize this spelling.")
		}
		if isSecret(f.key, &f.value) {
			i.secret(&f.value, here)
			continue
		}
		i.scan(&f.value, f.key, here)
	}
	for n := range v.items {
		i.scan(&v.items[n], key, at.item(n))
	}
	switch {
	case v.bad && isVariable(v.raw):
		i.add(codeMDMVariable, at, "")
	case v.bad:
		i.add(codeMalformedValue, at, malformed[v.kind]).of(v)
	}
	if v.kind == text {
		i.text(v, key, at)
	}
}

// malformed describes the format of each kind of value.
var malformed = map[kind]string{
	integer: "The integer can't be read: it must be digits with an optional sign, at most 64 bits.",
	real:    "The number can't be read.",
	boolean: "There is text inside true or false, which must be empty elements.",
	date:    "The date isn't in Apple's only format, 2030-12-31T23:59:59Z: devices can't read the file.",
	data:    "The data isn't base64.",
}

// text inspects a text.
func (i *inspector) text(v *value, key string, at *place) {
	switch {
	case strings.TrimSpace(v.text) == "":
		i.add(codeEmptyString, at, "").of(v)
		return
	case isVariable(v.text):
		i.add(codeMDMVariable, at, "")
	case hasURLLogin(v.text):
		i.add(codePasswordInside, at, "A URL has a password in it, which everyone who has the file can read.")
	}
	if detail := hiddenIn(v.text, isMachineKey(key)); detail != "" {
		i.add(codeHiddenCharacters, at, detail).of(v)
	}
}

// secret reports a secret that is readable in the file.
func (i *inspector) secret(v *value, at *place) {
	if v.kind == text && isVariable(v.text) {
		i.add(codeMDMVariable, at, "")
		return
	}
	i.add(codePasswordInside, at, "")
}

// A variable of an MDM: $EMAIL, ${userEmailAddress}, {{mail}}, %Email%,
// {EmailAddress}, $Email$.
var variable = regexp.MustCompile(`\$\{[^{}]+\}|\{\{[^{}]+\}\}|\$[A-Z][A-Z0-9_]{2,}|\$[A-Za-z]+\$|%[A-Za-z_][\w(),:.-]{2,}%|\{[A-Z][A-Za-z]{2,}\}`)

// maxVariable limits how much of a text is searched for one.
const maxVariable = 2048

func isVariable(s string) bool { return variable.MatchString(s[:min(len(s), maxVariable)]) }

var (
	// secretWords are the endings of keys whose values are secrets, in lower
	// case.
	secretWords = strings.Fields("password passcode passphrase passwd secret privatekey secretkey accesskey sharedkey apikey challenge token credential pin psk")
	// secretForms may follow them.
	secretForms = strings.Fields("s value data string text hash")
)

// isSecret reports whether a key and its value contain a secret, judged by the
// key's name, because profiles have keys of any vendor. Numbers that only turn
// something on or off aren't secrets.
func isSecret(key string, v *value) bool {
	switch {
	case v.kind == boolean, v.kind == date, v.kind == text && v.text == "":
		return false
	case (v.kind == integer || v.kind == real) && v.whole && (v.n == 0 || v.n == 1):
		return false
	}
	key = strings.TrimRight(strings.ToLower(key), "0123456789")
	for _, form := range secretForms {
		if shorter, ok := strings.CutSuffix(key, form); ok && endsSecret(shorter) {
			return true
		}
	}
	return endsSecret(key)
}

func endsSecret(key string) bool {
	for _, word := range secretWords {
		if len(word) <= 3 && key == word || len(word) > 3 && strings.HasSuffix(key, word) {
			return true
		}
	}
	return false
}
