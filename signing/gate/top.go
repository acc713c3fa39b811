package gate

import (
	"strconv"
	"strings"
)

// testMark is the prefix of a test's texts.
const testMark = "TEST – "

// The values of TargetDeviceType.
const (
	iphone = 1
	mac    = 5
)

// Limits for DurationUntilRemoval, in seconds.
const (
	shortestStay = 60 * 60
	longestStay  = 10 * 365 * 24 * 60 * 60
)

// topRules are those of the file, in addition to the common ones.
func topRules() []rule {
	return []rule{
		{key: "ConsentText", kind: dict, check: (*checker).consent},
		{key: "DurationUntilRemoval", kind: float, check: between(WrongValue, shortestStay, longestStay), want: (*checker).removeAfter, code: Removal},
		{key: "PayloadContent", need: required, kind: array, check: (*checker).content},
		{key: "PayloadDescription", kind: prose, want: func(c *checker) string { return c.terms.Texts.description }, code: DisplayText, check: (*checker).describes},
		{key: "PayloadDisplayName", need: required, kind: text, want: func(c *checker) string { return c.terms.Texts.name }, code: DisplayText, check: (*checker).isMarked},
		{key: "PayloadOrganization", kind: text, want: func(c *checker) string { return c.organization }, code: Organization},
		{key: "PayloadScope", kind: text, check: (*checker).isScope},
		{key: "RemovalDate", kind: date, want: (*checker).removeOn, code: Removal},
		{key: "TargetDeviceType", need: required, kind: integer, check: (*checker).isDevice},
	}
}

// removeAfter returns DurationUntilRemoval for the terms.
func (c *checker) removeAfter() string {
	if c.terms.RemoveAfter == 0 {
		return ""
	}
	return strconv.FormatFloat(c.terms.RemoveAfter.Seconds(), 'g', -1, 64)
}

// removeOn returns RemovalDate for the terms.
func (c *checker) removeOn() string {
	if c.terms.RemoveOn.IsZero() {
		return ""
	}
	return c.terms.RemoveOn.UTC().Format(dateLayout)
}

// isMarked checks that the mark of a test is present once where required, and
// nowhere else.
func (c *checker) isMarked(v value) *Refusal {
	rest, marked := strings.CutPrefix(v.raw, testMark)
	ok := marked == c.terms.Test && rest != "" && !strings.HasPrefix(rest, testMark)
	return unless(ok, TestMark, "The text starts with the mark of a test although it must not, or doesn't although it must.")
}

func (c *checker) describes(v value) *Refusal {
	c.described = true
	return c.isMarked(v)
}

// isScope stores the scope, which fit checks.
func (c *checker) isScope(v value) *Refusal {
	c.scope = v.raw
	return nil
}

func (c *checker) isDevice(v value) *Refusal {
	c.device = v.n
	return unless(v.n == iphone || v.n == mac, WrongValue, "The device must be 1 (iPhone) or 5 (Mac).")
}
