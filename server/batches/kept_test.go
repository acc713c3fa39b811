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
)

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
	isClosed := func(f *os.File) bool { return errors.Is(f.Close(), os.ErrClosed) }
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
		old := k.files["5"]
		k.mu.Unlock()
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
