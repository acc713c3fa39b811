package lint

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// check holds a dict against the keys of its type; known is false where only
// the common ones are known.
func (i *inspector) check(v *value, at *place, named map[string]keys, known bool) {
	for n := range v.fields {
		f := &v.fields[n]
		if rule, ok := named[f.key]; ok {
			i.field(f, at.at(f.key), rule)
		} else if known {
			i.add(codeUnknownKey, at.at(f.key), unknownKey(f.key, named))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(named)) {
		if named[key].required && v.find(key) == nil {
			i.add(codeMissingKey, at.at(key), "")
		}
	}
}

// unknownKey tells a key that is spelled almost as a known one.
func unknownKey(key string, named map[string]keys) string {
	for name := range named {
		if strings.EqualFold(name, key) {
			return fmt.Sprintf("The key is spelled %s; devices ignore it as it is.", name)
		}
	}
	return ""
}

// field holds a value against the rule of its key.
func (i *inspector) field(f *field, at *place, rule keys) {
	if rule.deprecated {
		i.add(codeDeprecated, at, "")
	}
	if p := i.report.Platform; rule.only != "" && p != "" && p != rule.only {
		i.ignored(at, rule.only)
	}
	v := &f.value
	if rule.required && v.kind == text && v.text == "" {
		i.add(codeMissingKey, at, "A required key has no text.")
		return
	}
	if !leftToOthers(f, rule) {
		i.value(v, at, rule)
	}
}

// leftToOthers reports whether a value has findings of its own elsewhere, or
// will be filled in: it is broken, empty, a variable, or a secret.
func leftToOthers(f *field, rule keys) bool {
	v := &f.value
	if v.kind == text && (v.text == "" && rule.kind == text || isVariable(v.text)) {
		return true
	}
	return v.bad || isSecret(f.key, *v) && v.kind == rule.kind
}

// value holds a value against type, list and range of its rule.
func (i *inspector) value(v *value, at *place, rule keys) {
	switch {
	case !fits(v, rule.kind):
		i.add(codeWrongType, at, "")
	case rule.values != "" && !slices.Contains(strings.Fields(rule.values), v.word()):
		i.add(codeWrongValue, at, fmt.Sprintf("The value is none of %s.", strings.ReplaceAll(rule.values, " ", ", ")))
	case rule.max > 0 && (v.n < rule.min || v.n > rule.max):
		i.add(codeWrongValue, at, fmt.Sprintf("The number is not from %d to %d.", rule.min, rule.max))
	}
}

// ignored reports a key that only the other platform knows. On an iPhone the
// scope is harmless and widely written.
func (i *inspector) ignored(at *place, only string) {
	name := map[string]string{iphone: "iPhones and iPads", mac: "Macs"}[only]
	severity := Warning
	if at.key == "PayloadScope" {
		severity = Note
	}
	i.addAs(severity, codeIgnoredKey, at, fmt.Sprintf("The target device ignores the key; it is for %s.", name))
}

// fits reports whether a value has the kind, or one that devices take for it:
// Apple's own examples write whole numbers as reals.
func fits(v *value, k kind) bool {
	switch k {
	case integer:
		return v.whole
	case real:
		return v.kind == real || v.kind == integer
	}
	return v.kind == k
}

// word is a text, or a number in digits.
func (v *value) word() string {
	if v.whole {
		return strconv.FormatInt(v.n, 10)
	}
	return v.text
}

// payload inspects one payload.
func (i *inspector) payload(v *value, at *place) {
	name := v.string("PayloadType")
	i.report.Payloads = append(i.report.Payloads, Payload{
		Type:       shown(name, maxShown),
		Identifier: shown(v.string("PayloadIdentifier"), maxShown),
		UUID:       shown(v.string("PayloadUUID"), maxShown),
		Name:       shown(v.string("PayloadDisplayName"), maxShown),
		Servers:    serversOf(name, v),
	})
	i.version(v, at)
	t := typeOf(name)
	named := rules()[name]
	if named == nil {
		named = byName(nil)
	}
	i.check(v, at, named, t != nil && t.keys != nil)
	if t == nil {
		i.unknownType(name, at)
		return
	}
	if t.danger != "" {
		i.add(codeDangerousPayload, at, t.danger)
	}
	if p := i.report.Platform; t.only != "" && p != "" && p != t.only {
		i.add(codeWrongPlatform, at, "")
	}
	if name == pkcs12Type && v.find("PayloadContent") != nil {
		i.add(codePasswordInside, at.at("PayloadContent"), "A private key is inside.")
	}
	i.account(name, v, at)
	if name == policyType {
		i.policy(v, at)
	}
}

// unknownType reports a type that is not known, more loudly if it is one but
// for its spelling.
func (i *inspector) unknownType(name string, at *place) {
	if name == "" {
		return // missing, empty or no text: said elsewhere
	}
	for _, t := range payloadTypes {
		if strings.EqualFold(t.name, name) {
			i.addAs(Warning, codeUnknownPayloadType, at.at("PayloadType"), fmt.Sprintf("The type is spelled %s; devices do not know it as it is.", t.name))
			return
		}
	}
	i.add(codeUnknownPayloadType, at.at("PayloadType"), "")
}

// version reports a PayloadVersion that is a number, but not 1.
func (i *inspector) version(v *value, at *place) {
	if n, ok := v.int("PayloadVersion"); ok && n != 1 {
		i.add(codePayloadVersion, at.at("PayloadVersion"), "")
	}
}
