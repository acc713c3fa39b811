package gate

import (
	"slices"
	"strings"
	"testing"
)

// TestRules holds what the reading of a dict relies on: that the rules are in
// the order of the keys, and that none lets a secret through.
func TestRules(t *testing.T) {
	for _, rules := range [][]rule{topRules, mailRules, calendarRules, contactsRules, policyRules} {
		if !slices.IsSortedFunc(rules, func(a, b rule) int { return strings.Compare(a.key, b.key) }) {
			t.Errorf("the rules from %s on are not sorted", rules[0].key)
		}
		for _, rule := range rules {
			if isPassword(rule.key) {
				t.Errorf("%s carries a password", rule.key)
			}
		}
	}
}
