package batch_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/batch"
)

// A resumed batch is created in a folder that was left in some state.
type resumed struct {
	*rig
	rows  int
	limit int
	want  string // what [same] returns for an uninterrupted run
}

func newResumed(t testing.TB, rows, limit int) *resumed {
	r := &resumed{rig: newRig(t, "p256"), rows: rows, limit: limit}
	name := output(t)
	b := r.begin(t, name)
	r.finish(t, b, name, choice{})
	archives, _ := b.Names(name)
	r.want = same(t, archives...)
	return r
}

func (r *resumed) begin(t testing.TB, name string) *batch.Batch {
	t.Helper()
	b, err := batch.Begin(name + ".unfinished")
	if err != nil {
		t.Fatal(err)
	}
	b.Limit(r.limit)
	input := io.MultiReader(people(r.rows), strings.NewReader("bad\n"))
	reader, err := batch.NewReader(input, batch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Check(t.Context(), reader, choice{}.checking(), r.about); err != nil {
		t.Fatal(err)
	}
	return b
}

// interrupt creates a batch until n people are done.
func (r *resumed) interrupt(t testing.TB, b *batch.Batch, people int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	err := b.Make(ctx, r.maker(), func(made int) {
		if made >= people {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// resume resumes the batch, and expects the result of an uninterrupted run.
func (r *resumed) resume(t testing.TB, name string) {
	t.Helper()
	b, err := batch.Resume(name + ".unfinished")
	if err != nil {
		t.Fatal(err)
	}
	b.Limit(r.limit)
	archives, _ := b.Names(name)
	r.finish(t, b, name, choice{})
	if got := same(t, archives...); got != r.want {
		t.Error("it differs from an uninterrupted run")
	}
	for _, archive := range archives {
		checkRules(t, archive)
	}
	if _, err := os.Stat(name + ".unfinished"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// TestCancelLeavesNoArchive checks that no file has its final name before all
// is done.
func TestCancelLeavesNoArchive(t *testing.T) {
	r := newResumed(t, 2500, 1500)
	name := output(t)
	r.interrupt(t, r.begin(t, name), 2000)
	left, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(left) != 1 || left[0].Name() != "out.zip.unfinished" {
		t.Errorf("%v, %v", left, err)
	}
	r.resume(t, name)
	records, err := os.ReadFile(strings.TrimSuffix(name, ".zip") + "-errors.csv")
	if err != nil || !strings.Contains(string(records), "cells_mismatch") {
		t.Errorf("%v, %s", err, records)
	}
}

// TestFolder checks that a second batch in the folder, a second process, and
// resuming a missing batch are refused.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	if _, err := batch.Resume(dir); !errors.Is(err, batch.ErrMissing) {
		t.Errorf("resume of nothing: %v", err)
	}
	b, err := batch.Begin(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := batch.Begin(dir); !errors.Is(err, batch.ErrExists) {
		t.Errorf("a second begin: %v", err)
	}
	if _, err := batch.Resume(dir); !errors.Is(err, batch.ErrBusy) {
		t.Errorf("a second process: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b, err = batch.Resume(dir)
	if err != nil || b.Plan() != nil {
		t.Errorf("before the check: %v", err)
	}
	if err := b.Discard(); err != nil {
		t.Fatal(err)
	}
}

// sameProfiles is [same] of archives without the bad rows.
func sameProfiles(t *testing.T, archives []string) string {
	t.Helper()
	var out strings.Builder
	for _, archive := range archives {
		_, contents := members(t, archive)
		rows := strings.Split(string(contents["manifest.csv"]), "\r\n")
		for _, row := range rows {
			cells := strings.Split(row, `","`)
			if len(cells) > 9 {
				cells[7], cells[8] = "", ""
			}
			out.WriteString(strings.Join(cells, `","`) + "\n")
		}
	}
	return out.String()
}

// TestSince checks what is new, changed, the same and gone.
func TestSince(t *testing.T) {
	r := newRig(t, "p256")
	_, archives := r.run(t, output(t), strings.NewReader("email,display_name\nsame@example.com,A\nchanged@example.com,B\ngone@example.com,C\n"), choice{})
	_, contents := members(t, archives[0])
	manifest := string(contents["manifest.csv"])
	var since batch.Since
	if err := since.Read(strings.NewReader(manifest)); err != nil {
		t.Fatal(err)
	}
	b, err := batch.Begin(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Discard()
	reader, err := batch.NewReader(strings.NewReader("email,display_name\nnew@example.com,\nSAME@example.com,A\nsame@example.com,A\nchanged@example.com,Bee\n"), batch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Check(t.Context(), reader, choice{}.checking(), r.about); err != nil {
		t.Fatal(err)
	}
	var got []string
	tell := func(how, address string) error {
		got = append(got, how+" "+address)
		return nil
	}
	difference, err := r.maker().Compare(t.Context(), b.Rows(), &since, tell)
	if err != nil {
		t.Fatal(err)
	}
	if err := since.Gone(strings.NewReader(manifest), func(address string) error { return tell("gone", address) }); err != nil {
		t.Fatal(err)
	}
	if want := "new new@example.com, changed SAME@example.com, changed changed@example.com, gone gone@example.com"; strings.Join(got, ", ") != want {
		t.Errorf("got %v", got)
	}
	if want := (batch.Difference{New: 1, Changed: 2, Gone: 1}); difference != want {
		t.Errorf("got %+v", difference)
	}
}
