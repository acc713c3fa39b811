package gate

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// The types of the two declarations that are signed.
const (
	settingsType   = "com.apple.configuration.passcode.settings"
	activationType = "com.apple.activation.simple"
)

// declaredKind is a passcode policy as declarations. It's only signed if the
// terms ask for it.
func declaredKind() payloadKind {
	return payloadKind{
		payloadType: "com.apple.declarations",
		suffix:      ".declarations",
		policy:      true,
		declared:    true,
		rules:       []rule{{key: "Declarations", need: required, kind: array, check: (*checker).declarations}},
		fit: func(c *checker) *Refusal {
			if c.limits.resets() != (c.limits.attempts > 0 && !c.account) {
				return refuse(LoginReset, "The key belongs to MaximumFailedAttempts on a Mac.").in("Declarations")
			}
			return nil
		},
	}
}

// declarations reads the array Declarations: the settings, and the activation
// that applies them everywhere.
func (c *checker) declarations(value) *Refusal {
	settings, r := c.declaration(settingsType, (*checker).settings)
	if r != nil {
		return r.in("0")
	}
	_, r = c.declaration(activationType, func(inner *checker) *Refusal {
		return unless(inner.accept(`{"StandardConfigurations":["`+settings+`"]}`), NotCanonical, "The activation isn't the one for the settings, without a predicate.")
	})
	if r != nil {
		return r.in("1")
	}
	return unless(c.accept("\t\t\t\t</array>\n"), NotCanonical, "There is something after the two declarations.")
}

// declaration reads a declaration of the type, using payload to read its
// payload. It returns the identifier, which is derived from type and payload.
func (c *checker) declaration(declarationType string, payload func(*checker) *Refusal) (string, *Refusal) {
	if !c.accept("\t\t\t\t\t<data>") {
		return "", c.notCanonical()
	}
	raw, ok := c.upTo("</data>\n")
	json, err := base64.StdEncoding.DecodeString(raw)
	if !ok || err != nil || base64.StdEncoding.EncodeToString(json) != raw {
		return "", c.notCanonical()
	}
	const idLength = 36
	inner := &checker{reader: reader{text: string(json)}}
	before := fmt.Sprintf(`{"Type":%q,"Identifier":"`, declarationType)
	middle := `","ServerToken":"`
	start := len(before) + idLength + len(middle) + idLength + len(`","Payload":`)
	if !inner.accept(before) || len(json) <= start {
		return "", refuse(NotCanonical, "The declaration has the wrong type or isn't in canonical form.")
	}
	inner.pos = start
	if r := payload(inner); r != nil {
		return "", r
	}
	id := identity(declarationType + inner.text[start:inner.pos])
	switch whole := before + id + middle + id + `","Payload":` + inner.text[start:inner.pos] + "}"; {
	case len(whole) != len(inner.text):
		return "", refuse(NotCanonical, "The declaration isn't in canonical form.")
	case whole != inner.text:
		return "", refuse(UUID, "Identifier and ServerToken aren't those derived from the declaration.")
	}
	if declarationType == settingsType {
		c.limits = inner.limits
	}
	return id, nil
}

// A settingRule is the rule for a key of the settings: a number from low to
// high, or true if both are 0.
type settingRule struct {
	key       string
	need      need
	low, high int
	note      func(*limits) *int
}

// settingRules are sorted by key. The ranges are the same as in policyKind.
var settingRules = []settingRule{
	{key: "FailedAttemptsResetInMinutes", low: 1, high: 60, note: func(l *limits) *int { return &l.reset }},
	{key: "MaximumFailedAttempts", low: 7, high: 10, note: func(l *limits) *int { return &l.attempts }},
	{key: "MaximumGracePeriodInMinutes", need: required, low: 0, high: 240},
	{key: "MaximumInactivityInMinutes", need: required, low: 1, high: 15, note: func(l *limits) *int { return &l.lock }},
	{key: "MaximumPasscodeAgeInDays", low: 30, high: 730},
	{key: "MinimumComplexCharacters", low: 1, high: 2},
	{key: "MinimumLength", need: required, low: 4, high: 12, note: func(l *limits) *int { return &l.length }},
	{key: "PasscodeReuseLimit", low: 1, high: 10},
	{key: "RequireAlphanumericPasscode"},
	{key: "RequireComplexPasscode", need: required},
	{key: "RequirePasscode", need: required},
}

// settings reads the payload of the settings.
func (c *checker) settings() *Refusal {
	if !c.accept("{") {
		return refuse(NotCanonical, "The settings aren't an object.")
	}
	separator := ""
	for _, rule := range settingRules {
		if !c.accept(separator + strconv.Quote(rule.key) + ":") {
			if rule.need == required {
				return refuse(MissingKey, "The key must be present, in its place.").in(rule.key)
			}
			continue
		}
		if r := c.setting(rule); r != nil {
			return r.in(rule.key)
		}
		separator = ","
	}
	return unless(c.accept("}"), UnknownKey, "The settings have a key that isn't allowed.")
}

// setting reads the value for a rule.
func (c *checker) setting(rule settingRule) *Refusal {
	if rule.high == 0 {
		return unless(c.accept("true"), PolicyFloor, "The value must be true.")
	}
	rest := c.text[c.pos:]
	digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	n, ok := whole(digits)
	c.pos += len(digits)
	if rule.note != nil {
		*rule.note(&c.limits) = n
	}
	return unless(ok && rule.low <= n && n <= rule.high, PolicyFloor, fmt.Sprintf("The number must be from %d to %d.", rule.low, rule.high))
}
