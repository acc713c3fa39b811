package batches

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/updatecase/mobileconfig/server/blob"
)

func isClosed(f *os.File) bool { return errors.Is(f.Close(), os.ErrClosed) }

// TestDeletedPart checks that nothing of a deleted part stays on its server.
func TestDeletedPart(t *testing.T) {
	files, err := blob.Open(t.Context(), t.TempDir(), blob.S3Options{})
	if err != nil {
		t.Fatal(err)
	}
	part, err := os.CreateTemp(t.TempDir(), "part")
	if err != nil {
		t.Fatal(err)
	}
	const name = "batches/bat_1/part-000000-p_1"
	if err := files.Put(t.Context(), name, part); err != nil {
		t.Fatal(err)
	}
	s := &Service{Files: files}
	s.kept.add(name, part)
	if err := s.deleteFiles(t.Context(), "bat_1", nil); err != nil {
		t.Fatal(err)
	}
	if !isClosed(part) {
		t.Error("a deleted part is still open")
	}
}

// TestKeptParts checks that a part is kept for one reader and a limited time, and
// that there are never too many.
func TestKeptParts(t *testing.T) {
	dir := t.TempDir()
	create := func(name string) *os.File {
		t.Helper()
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, name); err != nil {
			t.Fatal(err)
		}
		return f
	}
	synctest.Test(t, func(t *testing.T) {
		var k kept
		for i := range maxKept {
			if name := fmt.Sprint(i); !k.add(name, create(name)) {
				t.Fatalf("part %d isn't kept", i)
			}
		}
		more := create("more")
		if k.add("more", more) {
			t.Errorf("more than %d parts are kept", maxKept)
		}
		r := k.take("3")
		if r == nil {
			t.Fatal("part 3 isn't here")
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != "3" {
			t.Errorf("got %q, %v", got, err)
		}
		if k.take("3") != nil || k.take("more") != nil {
			t.Error("a part is here that was taken or never kept")
		}
		if !k.add("more", more) {
			t.Error("no part is kept in the place of the taken one")
		}
		k.mu.Lock()
		dropped, old := k.files["4"], k.files["5"]
		k.mu.Unlock()
		k.drop("4")
		if k.take("4") != nil || !isClosed(dropped) {
			t.Error("a dropped part is still here, or open")
		}
		time.Sleep(keptFor + time.Second)
		synctest.Wait()
		if k.take("5") != nil || !isClosed(old) || !isClosed(more) {
			t.Error("an old part is still here, or open")
		}
		if isClosed(r.(*os.File)) {
			t.Error("a taken part was closed while it may be read")
		}
	})
}
