package account_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
)

func TestPresets(t *testing.T) {
	for _, p := range account.Presets() {
		var names []string
		for _, s := range p.Scopes() {
			names = append(names, string(s))
		}
		if got, err := account.ParseScopes(names); err != nil || len(got) == 0 || !slices.Equal(got, p.Scopes()) {
			t.Errorf("%s: %v, %v", p, got, err)
		}
	}
	for _, s := range account.Scopes() {
		if reads := strings.HasSuffix(string(s), ":read"); reads != slices.Contains(account.ReadPreset.Scopes(), s) {
			t.Errorf("read only: %s", s)
		}
	}
}
