package id

import (
	"regexp"
	"slices"
	"testing"
)

var form = regexp.MustCompile(`^lnk_[a-z2-7]{16}$`)

func TestNew(t *testing.T) {
	if one, other := New("lnk"), New("lnk"); !form.MatchString(one) || !form.MatchString(other) || one == other {
		t.Errorf("new are %q and %q", one, other)
	}
}

func TestTogether(t *testing.T) {
	var all []string
	for range 3 {
		some := Together("lnk", 1000)
		for _, id := range some {
			if !form.MatchString(id) || id[:12] != some[0][:12] {
				t.Errorf("%q is next to %q", id, some[0])
			}
		}
		if len(some) != 1000 || !slices.IsSorted(some) {
			t.Errorf("%d are sorted: %v", len(some), slices.IsSorted(some))
		}
		all = append(all, some...)
	}
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != 3000 {
		t.Errorf("%d differ", n)
	}
	if all := Together("lnk", 0); len(all) != 0 {
		t.Errorf("none are %q", all)
	}
	// So few bytes are the same by chance.
	if all := together("lnk", 250, 1); len(all) != 250 || len(slices.Compact(all)) != 250 {
		t.Errorf("%d differ", len(slices.Compact(all)))
	}
}
