package gate

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// maxLanguages is the number of keys that a consent text may have.
const maxLanguages = 40

// A field is a key of a dict and its value.
type field struct {
	key   string
	value value
}

// fields are those of one dict, in their order in the file.
type fields []field

// find returns the value of a key, and whether there is one.
func (f fields) find(key string) (value, bool) {
	for _, field := range f {
		if field.key == key {
			return field.value, true
		}
	}
	return value{}, false
}

func (f fields) has(key string) bool {
	_, ok := f.find(key)
	return ok
}

// dict reads a dict, whose first line has been read and whose keys stand
// behind the given tabs, along its rules: both are in ascending order.
func (c *checker) dict(tabs int, rules []rule) (fields, *Refusal) {
	read := make(fields, 0, len(rules))
	var absent *Refusal
	for !c.accept(tabs-1, "</dict>\n") {
		key, r := c.nextKey(tabs, read)
		if r != nil {
			return nil, r
		}
		for len(rules) > 0 && rules[0].key < key {
			absent = cmp.Or(absent, rules[0].absent())
			rules = rules[1:]
		}
		if len(rules) == 0 || rules[0].key != key {
			return nil, c.badKey(key, UnknownKey)
		}
		v, r := c.member(tabs, rules[0])
		if r != nil {
			return nil, r.in(key)
		}
		read, rules = append(read, field{key, v}), rules[1:]
	}
	for _, rule := range rules {
		absent = cmp.Or(absent, rule.absent())
	}
	return read, absent
}

// nextKey reads a key that comes after those of the same dict read before.
func (c *checker) nextKey(tabs int, before fields) (string, *Refusal) {
	key, ok := c.key(tabs)
	switch {
	case !ok:
		return "", c.notCanonical()
	case len(before) == 0 || before[len(before)-1].key < key:
		return key, nil
	case before.has(key):
		return "", c.badKey(key, DuplicateKey)
	}
	return "", c.badKey(key, NotCanonical)
}

// badKey refuses the key just read with the code, or as one for a password,
// whatever else is wrong with it.
func (c *checker) badKey(key string, code Code) *Refusal {
	if isPassword(key) {
		code = PasswordKey
	}
	return refuse(code, fmt.Sprintf("Line %d has a key that may not stand there.", c.line()))
}

// isPassword reports whether a key looks like one that carries a secret. The
// one exception says that there is no second password.
func isPassword(key string) bool {
	if key == "OutgoingPasswordSameAsIncomingPassword" {
		return false
	}
	key = strings.ToLower(key)
	return strings.Contains(key, "password") || strings.Contains(key, "passcode")
}

// member reads the value of the key just read and judges it.
func (c *checker) member(tabs int, rule rule) (value, *Refusal) {
	v, ok := c.value(tabs)
	if !ok {
		return v, c.notCanonical()
	}
	if v.kind == text && rule.kind == prose {
		v.kind = prose
	}
	if v.kind != rule.kind {
		return v, refuse(rule.fault(WrongType), "The value has another type than it must have.")
	}
	if r := legible(v); r != nil || rule.check == nil {
		return v, r
	}
	return v, rule.check(c, v)
}

// consent reads the dict behind ConsentText: a text for each language, and the
// default one.
func (c *checker) consent(value) *Refusal {
	var read fields
	for !c.accept(2, "</dict>\n") {
		key, r := c.nextKey(3, read)
		if r != nil {
			return r
		}
		if !isLanguage(key) || isPassword(key) || len(read) == maxLanguages {
			return c.badKey(key, ConsentLanguage)
		}
		v, r := c.member(3, rule{kind: prose, check: (*checker).isMarked})
		if r != nil {
			return r
		}
		read = append(read, field{key, v})
	}
	return unless(read.has("default"), ConsentMissing, "The consent text needs a default.")
}

// content reads the array behind PayloadContent.
func (c *checker) content(value) *Refusal {
	for i := 0; !c.accept(2, "</array>\n"); i++ {
		if r := c.payload(); r != nil {
			return r.in(strconv.Itoa(i))
		}
	}
	c.own = c.top
	return nil
}

// payload reads one payload, by the rules of its type.
func (c *checker) payload() *Refusal {
	if !c.accept(3, "<dict>\n") {
		return c.notCanonical()
	}
	kind, r := c.payloadType()
	switch {
	case r != nil:
		return r
	case kind == mailType:
		return c.account(first, ".mail", mailRules)
	case kind == calendarType:
		return c.account(second, ".caldav", calendarRules)
	case kind == contactsType:
		return c.account(third, ".carddav", contactsRules)
	case kind == policyType:
		return c.policyPayload()
	}
	return refuse(PayloadType, "Only accounts for mail, calendars and contacts, and passcode policies are signed.").in("PayloadType")
}

// payloadType looks ahead for the type of the payload that comes next, which
// stands behind most of its keys. It only chooses the rules: these read the
// key again, in its place.
func (c *checker) payloadType() (string, *Refusal) {
	ahead := c.text[c.pos:]
	_, tail, found := strings.Cut(ahead, "PayloadType</key>\n\t\t\t\t<string>")
	kind, _, _ := strings.Cut(tail, "<")
	switch {
	case found:
		return kind, nil
	case strings.Contains(ahead, "\n\t\t</array>\n"):
		return "", refuse(MissingKey, "The payload does not say its type.").in("PayloadType")
	}
	return "", c.notCanonical()
}

// A place is where a payload stands among those of a file. Each place is taken
// once, and in this order.
type place int

const (
	first  place = iota + 1 // mail
	second                  // calendars
	third                   // contacts
	fourth                  // the policy
)

// account reads an account. Calendars and contacts need the mail before them.
func (c *checker) account(at place, suffix string, rules []rule) *Refusal {
	if c.last >= at || at != first && !c.mail {
		return refuse(Content, "Mail, calendars and contacts stand once each in a file, in this order, and mail is never absent.")
	}
	c.last, c.mail, c.own = at, true, c.top+suffix
	_, r := c.dict(4, rules)
	return r
}

// policyPayload reads a passcode policy. One that stands alone is a Mac's, in
// a file of its own beside the one for mail.
func (c *checker) policyPayload() *Refusal {
	switch {
	case !c.terms.Policy:
		return refuse(PolicyNotAllowed, "This caller may not have a policy signed.")
	case c.policy:
		return refuse(Content, "A policy stands once in a file.")
	case !c.mail:
		c.top += ".device"
	}
	c.last, c.policy, c.own = fourth, true, c.top+".passcode"
	read, r := c.dict(4, policyRules)
	if r != nil {
		return r
	}
	const reset = "minutesUntilFailedLoginReset"
	locks := !c.mail && read.has("maxFailedAttempts")
	if read.has(reset) != locks {
		return refuse(LoginReset, "The key belongs to maxFailedAttempts on a Mac.").in(reset)
	}
	return nil
}

// notCanonical refuses what stands where the reader stopped.
func (c *checker) notCanonical() *Refusal {
	return refuse(NotCanonical, fmt.Sprintf("Line %d is not what the canonical form has there.", c.line()))
}

// line returns the number of the line that the reader has come to.
func (c *checker) line() int {
	return strings.Count(c.text[:c.pos], "\n") + 1
}
