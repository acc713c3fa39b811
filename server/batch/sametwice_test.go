//go:build !race

package batch_test

import (
	"path/filepath"
	"testing"

	"github.com/updatecase/mobileconfig/server/batch"
)

// TestSameTwice creates the same batch twice, in parts.
func TestSameTwice(t *testing.T) {
	r := newRig(t, "p256")
	made := func() string {
		name := output(t)
		b, err := batch.Begin(name + ".unfinished")
		if err != nil {
			t.Fatal(err)
		}
		b.Limit(3500)
		reader, err := batch.NewReader(people(2500), batch.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Check(t.Context(), reader, choice{Defaults: everything}.checking(), r.about); err != nil {
			t.Fatal(err)
		}
		r.finish(t, b, name, choice{})
		archives, _ := b.Names(name)
		if len(archives) != 3 || filepath.Base(archives[2]) != "out-003.zip" {
			t.Fatalf("got %v", archives)
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(name), "*"))
		if err != nil || len(left) != 3 {
			t.Errorf("%v, %v", left, err)
		}
		seen := 0
		for _, archive := range archives {
			checkRules(t, archive)
			_, contents := members(t, archive)
			seen += checkManifests(t, contents)
		}
		if seen != 7500 {
			t.Errorf("%d files", seen)
		}
		return same(t, archives...)
	}
	if a, b := made(), made(); a != b {
		t.Errorf("got %s and %s", a, b)
	}
}
