package lint

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// check checks a dict against the keys of its type. known is false if only the
// common ones are known.
func (i *inspector) check(v *value, at *place, named map[string]keys, known bool) {
	misspelt := map[string]bool{}
	for n := range v.fields {
		f := &v.fields[n]
		if rule, ok := named[f.key]; ok {
			i.field(f, at.at(f.key), rule)
			continue
		}
		switch name := similar(f.key, named); {
		case name != "" && clean(f.key) != f.key:
			misspelt[name] = true // scan reports its hidden characters
		case name != "":
			misspelt[name] = true
			severity := Warning
			if named[name].required {
				severity = Error
			}
			i.add(codeUnknownKey, at.at(f.key), fmt.Sprintf("The key is spelled %s; devices ignore this spelling.", name)).as(severity)
		case known:
			i.add(codeUnknownKey, at.at(f.key), "")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(named)) {
		if named[key].required && v.find(key) == nil && !misspelt[key] {
			i.add(codeMissingKey, at.at(key), "")
		}
	}
}

// similar returns the known key that a key differs from only in case or in
// invisible characters, or "".
func similar(key string, named map[string]keys) string {
	key = clean(key)
	for name := range named {
		if strings.EqualFold(name, key) {
			return name
		}
	}
	return ""
}

// field checks a value against the rule of its key.
func (i *inspector) field(f *field, at *place, rule keys) {
	if rule.deprecated {
		i.add(codeDeprecated, at, "")
	}
	if i.otherDevice(rule.only) {
		i.ignored(at, rule.only)
	}
	v := &f.value
	if rule.required && v.kind == text && strings.TrimSpace(v.text) == "" && rule.kind == text {
		i.add(codeMissingKey, at, "The key is required, but its text is empty.").of(v).advise("Fill it in.")
		return
	}
	if !handledElsewhere(f, rule) {
		i.value(v, at, rule)
	}
}

// otherDevice reports whether something is for an iPhone or Mac and the file is
// for the other. Support by Apple's other devices is unknown.
func (i *inspector) otherDevice(only string) bool {
	p := i.report.Platform
	return only == mac && p == iphone || only == iphone && p == mac
}

// handledElsewhere reports whether a value has findings elsewhere or will be filled
// in: it's broken, empty, a variable, or a secret.
func handledElsewhere(f *field, rule keys) bool {
	v := &f.value
	if v.kind == text && (strings.TrimSpace(v.text) == "" && rule.kind == text || isVariable(v.text)) {
		return true
	}
	return v.bad || isSecret(f.key, v) && v.kind == rule.kind
}

// value checks a value against its rule's type, list and range.
func (i *inspector) value(v *value, at *place, rule keys) {
	switch {
	case !fits(v, rule.kind):
		i.add(codeWrongType, at, fmt.Sprintf("The value is %s instead of %s.", kindNames[v.kind], kindNames[rule.kind])).of(v)
	case rule.values != "" && !slices.Contains(strings.Fields(rule.values), v.word()):
		detail := fmt.Sprintf("The value isn't one of %s.", strings.ReplaceAll(rule.values, " ", ", "))
		if hidden := hiddenIn(v.text, true); hidden != "" {
			detail += " " + hidden
		}
		i.add(codeWrongValue, at, detail).of(v)
	case rule.max > 0 && (v.n < rule.min || v.n > rule.max):
		i.add(codeWrongValue, at, fmt.Sprintf("The number isn't from %d to %d.", rule.min, rule.max)).of(v)
	}
}

// kindNames are the kinds of values in findings.
var kindNames = map[kind]string{
	dict: "a dict", array: "an array", text: "a string", integer: "an integer", real: "a real", boolean: "a boolean", date: "a date", data: "data",
}

// ignored reports a key that only the other platform supports. On an iPhone,
// the scope is harmless and common.
func (i *inspector) ignored(at *place, only string) {
	name := map[string]string{iphone: "iPhones and iPads", mac: "Macs"}[only]
	h := i.add(codeIgnoredKey, at, fmt.Sprintf("The target device ignores the key; it is for %s.", name))
	if at.key == "PayloadScope" {
		h.as(Note)
	}
}

// fits reports whether a value has the kind, or one that devices accept
// instead: Apple's own examples write whole numbers as reals.
func fits(v *value, k kind) bool {
	switch k {
	case integer:
		return v.whole
	case real:
		return v.kind == real || v.kind == integer
	}
	return v.kind == k
}

// word returns a text, or a number in digits.
func (v *value) word() string {
	if v.whole {
		return strconv.FormatInt(v.n, 10)
	}
	return v.text
}

// payload inspects a payload. If its type is only misspelled by invisible
// characters, it's inspected as the intended type.
func (i *inspector) payload(v *value, at *place) {
	written := v.string("PayloadType")
	name := clean(written)
	t := typeOf(name)
	i.report.Payloads = append(i.report.Payloads, Payload{
		Type:       shown(written, maxShown),
		Identifier: shown(v.string("PayloadIdentifier"), maxShown),
		UUID:       shown(v.string("PayloadUUID"), maxShown),
		Name:       shown(v.string("PayloadDisplayName"), maxShown),
		Servers:    serversOf(typeLike(name), v),
	})
	i.version(v, at)
	named := rules()[name]
	if named == nil {
		named = byName(nil)
	}
	i.check(v, at, named, t != nil && t.keys != nil)
	i.payloadType(v, at.at("PayloadType"))
	if t == nil {
		return
	}
	if t.danger != "" {
		i.add(codeDangerousPayload, at, t.danger)
	}
	if t.replacedBy != "" {
		i.add(codePayloadDeprecated, at, fmt.Sprintf("Apple deprecates the payload as of OS 27; devices still read it. The declaration %s replaces it.", t.replacedBy))
	}
	if i.otherDevice(t.only) {
		i.add(codeWrongPlatform, at, "")
	}
	i.account(t, v, at)
}

// payloadType reports an unknown type, with a higher severity if it's a
// misspelled known one.
func (i *inspector) payloadType(v *value, at *place) {
	written := v.string("PayloadType")
	t := typeLike(written)
	switch {
	case strings.TrimSpace(written) == "" || isVariable(written): // reported elsewhere
	case t == nil:
		i.add(codeUnknownPayloadType, at, "")
	case t.name == clean(written) && t.name != written:
		i.add(codeHiddenCharacters, at, fmt.Sprintf("%s The type is %s; devices don't recognize this spelling.", hiddenIn(written, true), t.name)).of(v.find("PayloadType"))
	case t.name != written:
		i.add(codeUnknownPayloadType, at, fmt.Sprintf("The type is spelled %s; devices don't recognize this spelling.", t.name)).as(Warning)
	}
}

// privateKey reports a PKCS#12 file, which contains a private key, or what is
// in its place: placeholders are common in templates.
func (i *inspector) privateKey(_ *payloadType, v *value, at *place) {
	content := v.find("PayloadContent")
	switch at := at.at("PayloadContent"); {
	case content == nil || content.kind != data || content.bad: // reported elsewhere
	case isPKCS12(content.data):
		i.add(codePasswordInside, at, "The file contains a private key, with or without a password.").advise("Let the device get its own key by SCEP or ACME, and replace this one.")
	default:
		i.add(codeWrongValue, at, "The data isn't a PKCS#12 file.").of(content)
	}
}

// isPKCS12 reports whether data starts like a PKCS#12 file, in DER or BER: a
// sequence with version 3.
func isPKCS12(b []byte) bool {
	const version = "\x02\x01\x03"
	return len(b) > 8 && b[0] == 0x30 && bytes.Contains(b[:9], []byte(version))
}

// version reports a PayloadVersion that is a number other than 1.
func (i *inspector) version(v *value, at *place) {
	if n, ok := v.int("PayloadVersion"); ok && n != 1 {
		i.add(codePayloadVersion, at.at("PayloadVersion"), "")
	}
}
