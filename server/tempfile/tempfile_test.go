package tempfile_test

import (
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/updatecase/mobileconfig/server/tempfile"
)

// Nothing is left of a file, not even by a program that ends without closing it.
func TestNothingLeft(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	f, err := tempfile.Create()
	if err != nil {
		t.Fatal(err)
	}
	left := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	if n := left(); n > 0 && runtime.GOOS != "windows" {
		t.Errorf("the file has a name that a killed program would leave")
	}
	if _, err := f.WriteString("rows"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(f); err != nil || string(data) != "rows" {
		t.Errorf("got %q, %v", data, err)
	}
	if err := f.Close(); err != nil || left() > 0 {
		t.Errorf("closing left %d files, %v", left(), err)
	}
}
