package gate

import (
	"slices"
	"strings"
	"testing"
)

// TestRules checks what the reading of a dict relies on: that the rules are
// sorted by key, and that none allows a secret.
func TestRules(t *testing.T) {
	all := []table{tables().top}
	for _, p := range tables().payloads {
		all = append(all, p.table)
	}
	if len(all) != 6 {
		t.Errorf("%d tables", len(all))
	}
	for _, table := range all {
		if !slices.IsSortedFunc(table.rules, func(a, b rule) int { return strings.Compare(a.key, b.key) }) {
			t.Errorf("the rules after %s aren't sorted", table.rules[0].key)
		}
		for _, rule := range table.rules {
			if isPassword(rule.key) {
				t.Errorf("%s is for a password", rule.key)
			}
			if isString := rule.kind == text || rule.kind == prose; isString && rule.want == nil && rule.check == nil {
				t.Errorf("%s can be any text", rule.key)
			}
		}
	}
}
