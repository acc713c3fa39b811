package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// dict reads a dict after its first line, according to its rules. Rules and
// keys are both sorted.
func (c *checker) dict(t *table) *Refusal {
	start, last, rules := c.pos-1, "", t.rules
	var absent *Refusal
	for !c.accept(t.end) {
		i, v, r := c.member(t, rules, start, last)
		if r != nil {
			return r
		}
		for skipped := range rules[:i] {
			absent = cmp.Or(absent, rules[skipped].absent(c))
		}
		if r := c.judge(&rules[i], v); r != nil {
			return r.in(rules[i].key)
		}
		last, rules = rules[i].key, rules[i+1:]
	}
	for i := range rules {
		absent = cmp.Or(absent, rules[i].absent(c))
	}
	return absent
}

// member reads the next key and its value, and returns its rule from the
// remaining ones. Usually the next key is the key of a rule.
func (c *checker) member(t *table, rules []rule, start int, last string) (int, value, *Refusal) {
	for i := range rules {
		if !c.accept(rules[i].token) {
			if rules[i].need != optional {
				break
			}
			continue
		}
		v, ok := c.valueOf(rules[i].kind, t.indent)
		if !ok {
			return 0, v, c.notCanonical().in(rules[i].key)
		}
		return i, v, nil
	}
	key, r := c.nextKey(t.indent, start, last)
	if r != nil {
		return 0, value{}, r
	}
	i := slices.IndexFunc(rules, func(r rule) bool { return r.key == key })
	if i < 0 {
		return 0, value{}, c.badKey(key, UnknownKey)
	}
	v, ok := c.value(t.indent)
	if !ok {
		return 0, v, c.notCanonical().in(key)
	}
	return i, v, nil
}

// valueOf reads the rest of a value of kind k after a token.
func (c *checker) valueOf(k kind, indent string) (value, bool) {
	if k != boolean {
		return c.scalar(k)
	}
	if v, ok := c.boolean(); ok {
		return v, true
	}
	return c.value(indent) // of another kind
}

// nextKey reads a key of the dict that started at start. last is the previous
// key.
func (c *checker) nextKey(indent string, start int, last string) (string, *Refusal) {
	at := c.pos
	key, ok := c.key(indent)
	switch {
	case !ok:
		return "", c.notCanonical()
	case last == "" || last < key:
		return key, nil
	case strings.Contains(c.text[start:at], "\n"+indent+"<key>"+key+"</key>"):
		return "", c.badKey(key, DuplicateKey)
	}
	return "", c.badKey(key, NotCanonical)
}

// badKey refuses the key just read with the code. Keys for passwords have their
// own code, whatever else is wrong.
func (c *checker) badKey(key string, code Code) *Refusal {
	if isPassword(key) {
		code = PasswordKey
	}
	return refuse(code, fmt.Sprintf("Line %d has a key that isn't allowed there.", c.line()))
}

// isPassword reports whether a key looks like it's for a secret. The only
// exception is the key that says that there is no second password.
func isPassword(key string) bool {
	if key == "OutgoingPasswordSameAsIncomingPassword" {
		return false
	}
	key = strings.ToLower(key)
	return strings.Contains(key, "password") || strings.Contains(key, "passcode")
}

// judge checks a value against its rule.
func (c *checker) judge(r *rule, v value) *Refusal {
	if v.kind == text && r.kind == prose {
		v.kind = prose
	}
	if v.kind != r.kind {
		return refuse(r.fault(WrongType), "The value has the wrong type.")
	}
	want := ""
	if r.want != nil {
		want = r.want(c)
	}
	// The expected value was checked with the terms, or is part of the program.
	if v.raw != want || want == "" {
		if refusal := c.legible(v); refusal != nil {
			return refusal
		}
	}
	if r.check != nil {
		if refusal := r.check(c, v); refusal != nil {
			return refusal
		}
	}
	return unless(r.want == nil || v.raw == want, r.code, "The value isn't the allowed one.")
}

// content reads the array PayloadContent.
func (c *checker) content(value) *Refusal {
	for i := 0; !c.accept("\t\t</array>\n"); i++ {
		if r := c.payload(); r != nil {
			return r.in(strconv.Itoa(i))
		}
	}
	c.own = c.top
	return nil
}

// payload reads one payload, according to the rules of its kind.
func (c *checker) payload() *Refusal {
	if !c.accept("\t\t\t<dict>\n") {
		return c.notCanonical()
	}
	name, r := c.payloadType()
	if r != nil {
		return r
	}
	place := slices.IndexFunc(c.tables.payloads, func(p payloadTable) bool { return p.payloadType == name })
	if place < 0 {
		return refuse(PayloadType, "Only accounts for mail, calendars and contacts, and passcode policies are signed.").in("PayloadType")
	}
	p := &c.tables.payloads[place]
	switch {
	case p.policy && !c.terms.Policy:
		return refuse(PolicyNotAllowed, "This caller isn't allowed a policy.")
	case p.policy && p.declared != c.terms.Declared:
		return refuse(PolicyNotAllowed, "This caller isn't allowed a policy in this form.")
	case c.last >= place, p.needsAccount && !c.account:
		return refuse(Content, "A file has mail, calendars, contacts and a policy at most once each, in this order, and calendars and contacts only with mail.")
	case p.policy && !c.account:
		c.top += ".device" // a Mac's, in a separate file from the one for mail
	}
	c.account, c.policy = c.account || !p.policy, c.policy || p.policy
	c.calendars, c.contacts = c.calendars || name == calendarsType, c.contacts || name == contactsType
	c.last, c.own, c.host, c.titles = place, c.top+p.suffix, "", c.terms.Texts.payloads[name]
	if r := c.dict(&p.table); r != nil || p.fit == nil {
		return r
	}
	return p.fit(c)
}

// payloadType looks ahead for the type of the next payload, which comes after
// most of its keys. It only chooses the rules: these read the key again, in its
// place.
func (c *checker) payloadType() (string, *Refusal) {
	ahead := c.text[c.pos:]
	_, tail, found := strings.Cut(ahead, "PayloadType</key>\n\t\t\t\t<string>")
	kind, _, _ := strings.Cut(tail, "<")
	switch {
	case found:
		return kind, nil
	case strings.Contains(ahead, "\n\t\t</array>\n"):
		return "", refuse(MissingKey, "The payload has no type.").in("PayloadType")
	}
	return "", c.notCanonical()
}

// notCanonical refuses whatever is at the reader's position.
func (c *checker) notCanonical() *Refusal {
	return refuse(NotCanonical, fmt.Sprintf("Line %d isn't in canonical form.", c.line()))
}

// line returns the reader's line number.
func (c *checker) line() int {
	return strings.Count(c.text[:c.pos], "\n") + 1
}
