//go:build !race

package batch_test

import (
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/batch"
)

// TestReissue creates a batch again, from the manifests of its parts: the same
// files, rows and order.
func TestReissue(t *testing.T) {
	r := newRig(t, "p256")
	name := output(t)
	b, err := batch.Begin(name + ".unfinished")
	if err != nil {
		t.Fatal(err)
	}
	b.Limit(1500)
	input := "email,display_name,platform,group,locale,login\njoe@example.com,Joe,mac,=1+1,fr,joe\nbad,,,,,\nann@example.com,,both,,,\n" + strings.Repeat("\n", 3)
	rest := &generator{n: 1500, row: func(i int) string {
		return "x" + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + "@example.com,X,,'=1,,\n"
	}, next: []byte(input)}
	reader, err := batch.NewReader(rest, batch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Check(t.Context(), reader, choice{Defaults: everything}.checking(), r.about); err != nil {
		t.Fatal(err)
	}
	r.finish(t, b, name, choice{})
	archives, _ := b.Names(name)
	var readers []*batch.Reader
	var since batch.Since
	for _, archive := range archives {
		_, contents := members(t, archive)
		reader, err := batch.NewReader(strings.NewReader(string(contents["manifest.csv"])), batch.Options{Manifest: true})
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, reader)
		if err := since.Read(strings.NewReader(string(contents["manifest.csv"]))); err != nil {
			t.Fatal(err)
		}
	}
	if len(archives) != 2 {
		t.Fatalf("got %v", archives)
	}
	again := output(t)
	b, err = batch.Begin(again + ".unfinished")
	if err != nil {
		t.Fatal(err)
	}
	b.Limit(1500)
	// The defaults differ: every row has its own values.
	if _, err := b.Check(t.Context(), batch.Join(readers...), choice{}.checking(), r.about); err != nil {
		t.Fatal(err)
	}
	difference, err := r.maker().Compare(t.Context(), b.Rows(), &since, func(how, address string) error {
		t.Errorf("%s is %s", address, how)
		return nil
	})
	if want := (batch.Difference{Same: b.Plan().Files}); err != nil || difference != want {
		t.Errorf("%v, %+v, want %+v", err, difference, want)
	}
	r.finish(t, b, again, choice{})
	repeated, _ := b.Names(again)
	if a, b := sameProfiles(t, archives), sameProfiles(t, repeated); a != b {
		t.Errorf("profiles or manifest differ")
	}
}
