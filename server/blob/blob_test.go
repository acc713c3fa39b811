package blob_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/blob/blobtest"
)

func open(t *testing.T) (blob.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "archive")
	s, err := blob.Open(t.Context(), dir, blob.S3Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func put(t *testing.T, s blob.Store, name, text string) {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "put")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), name, f); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, s blob.Store, prefix string) (all []string) {
	t.Helper()
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info.Name)
	}
	slices.Sort(all)
	return all
}

// each runs f with a folder and with a bucket.
func each(t *testing.T, f func(t *testing.T, s blob.Store)) {
	t.Helper()
	t.Run("folder", func(t *testing.T) {
		s, _ := open(t)
		f(t, s)
	})
	t.Run("s3", func(t *testing.T) { f(t, blobtest.Start(t).Open(t, "some/prefix")) })
}

// TestStores runs the same test with a folder and with a bucket.
func TestStores(t *testing.T) {
	t.Run("folder", func(t *testing.T) {
		s, dir := open(t)
		testStore(t, s)
		if _, err := os.Stat(filepath.Join(dir, "batches", "bat_1")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v, want that an empty folder is deleted", err)
		}
	})
	t.Run("s3", func(t *testing.T) {
		service := blobtest.Start(t)
		s := service.Open(t, "some/prefix")
		testStore(t, s)
		put(t, service.Open(t, "some/prefix2"), "batches/bat_9/rows", "another's")
		if got := names(t, s, "batches/"); !slices.Equal(got, []string{"batches/bat_2/rows"}) {
			t.Errorf("got %q, want what is below the own prefix alone", got)
		}
		if _, err := blob.Open(t.Context(), "s3://nothing/here", blob.S3Options{Endpoint: service.URL}); err == nil {
			t.Error("a bucket that isn't there was opened")
		}
	})
}

func testStore(t *testing.T, s blob.Store) {
	t.Helper()
	put(t, s, "batches/bat_1/rows", "first")
	put(t, s, "batches/bat_1/rows", "second")
	put(t, s, "batches/bat_2/rows", "other")
	putTemp(t, s, "batches/bat_1/", "rows", "first again")
	putTemp(t, s, "batches/bat_1/", "rows", "second")
	r, err := s.Open(t.Context(), "batches/bat_1/rows")
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 3)
	if _, err := r.ReadAt(part, 2); err != nil || string(part) != "con" {
		t.Errorf("got %q in the middle, %v", part, err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		t.Error(err)
	}
	text, err := io.ReadAll(r)
	if r.Close(); err != nil || string(text) != "second" || r.Size() != 6 {
		t.Errorf("got %q of %d bytes, %v; want what was put last", text, r.Size(), err)
	}
	if got := names(t, s, "batches/bat_1/"); !slices.Equal(got, []string{"batches/bat_1/rows"}) {
		t.Errorf("got %q, want the one file below the prefix", got)
	}
	if got := names(t, s, "batches/"); len(got) != 2 {
		t.Errorf("got %q, want both files", got)
	}
	for range 2 {
		if err := s.Delete(t.Context(), "batches/bat_1/rows"); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Open(t.Context(), "batches/bat_1/rows"); !errors.Is(err, blob.ErrMissing) {
		t.Errorf("got %v, want ErrMissing", err)
	}
	if got := names(t, s, "batches/bat_1/"); got != nil {
		t.Errorf("got %q, want nothing", got)
	}
}

// TestWrite checks that a file that is written is stored only as a whole. On S3,
// some of it has been sent when the writing fails.
func TestWrite(t *testing.T) {
	each(t, func(t *testing.T, s blob.Store) {
		const name = "batches/bat_1/archive"
		whole := strings.Repeat("a line of an archive\n", 1<<20) // several pieces
		half := func(w io.Writer) error {
			_, err := io.WriteString(w, whole[:len(whole)*2/3])
			return err
		}
		for _, failure := range []error{errors.New("no"), io.ErrUnexpectedEOF, io.EOF} {
			err := s.Write(t.Context(), name, func(w io.Writer) error { return errors.Join(half(w), failure) })
			if !errors.Is(err, failure) {
				t.Errorf("got %v, want %v", err, failure)
			}
		}
		func() {
			defer func() { recover() }()
			s.Write(t.Context(), name, func(w io.Writer) error { panic(half(w)) })
		}()
		canceled, cancel := context.WithCancel(t.Context())
		err := s.Write(canceled, name, func(w io.Writer) error {
			cancel()
			return errors.Join(half(w), canceled.Err())
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want that it was canceled", err)
		}
		if _, err := s.Open(t.Context(), name); !errors.Is(err, blob.ErrMissing) {
			t.Errorf("got %v, want that nothing was stored", err)
		}
		// An S3 service may still be receiving a piece while the upload is ended.
		for left := names(t, s, "batches/"); left != nil; left = names(t, s, "batches/") {
			for _, l := range left {
				if l != name {
					t.Fatalf("%q is left", l)
				}
				if err := s.Discard(t.Context(), name); err != nil {
					t.Log(err)
				}
			}
		}
		for _, text := range []string{whole, "", "short"} { // each replaces the one before
			err := s.Write(t.Context(), name, func(w io.Writer) error {
				_, err := io.WriteString(w, text)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Open(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if r.Close(); err != nil || string(got) != text {
				t.Errorf("got %d bytes, %v; want the %d that were written", len(got), err, len(text))
			}
		}
		if err := s.Write(t.Context(), "../archive", half); err == nil {
			t.Error("a bad name was accepted")
		}
	})
}

// TestUnfinished checks that an upload whose program was killed can be listed
// and deleted, and that this spares the file.
func TestUnfinished(t *testing.T) {
	service := blobtest.Start(t)
	s := service.Open(t, "archives")
	const name = "batches/bat_1/archive"
	put(t, s, name, "an earlier one")
	service.Interrupt(t, "archives", name)
	service.Interrupt(t, "archives2", "batches/bat_9/archive") // another's
	var found []bool
	for info, err := range s.List(t.Context(), "batches/bat_1/") {
		if err != nil {
			t.Fatal(err)
		}
		if info.Name != name || info.Modified.IsZero() {
			t.Errorf("found %+v", info)
		}
		found = append(found, info.Unfinished)
	}
	if !slices.Equal(found, []bool{false, true}) {
		t.Errorf("found %v, want the file and the upload", found)
	}
	if err := s.Discard(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if got := names(t, s, "batches/"); !slices.Equal(got, []string{name}) {
		t.Errorf("left are %q, want the file alone", got)
	}
}

// putTemp creates a file in a temporary folder and stores it.
func putTemp(t *testing.T, s blob.Store, prefix, name, text string) {
	t.Helper()
	dir, remove, err := s.Temp(prefix)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(dir, "some.name"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Put(t.Context(), prefix+name, file), remove()); err != nil {
		t.Fatal(err)
	}
}

// TestTempMoved checks that a folder stores a temporary file without copying
// it, and that what a killed program left there can be listed and deleted.
func TestTempMoved(t *testing.T) {
	s, root := open(t)
	dir, _, err := s.Temp("batches/bat_1/")
	if err != nil {
		t.Fatal(err)
	}
	empty := names(t, s, "batches/bat_1/")
	if len(empty) != 1 || filepath.Join(root, empty[0]) != dir {
		t.Fatalf("got %q, want the temporary folder", empty)
	}
	name := filepath.Join(dir, "part")
	if err := os.WriteFile(name, []byte("rows"), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	left := names(t, s, "batches/bat_1/")
	if len(left) != 1 || !strings.HasSuffix(left[0], "/part") {
		t.Fatalf("got %q, want the temporary file", left)
	}
	if err := s.Put(t.Context(), "batches/bat_1/rows", file); err != nil {
		t.Fatal(err)
	}
	before, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(root, "batches", "bat_1", "rows"))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was copied, or not stored: %v", err)
	}
	if mode := after.Mode().Perm(); mode != 0o600 {
		t.Errorf("the file has mode %o, want that only its owner can read it", mode)
	}
	for _, name := range []string{empty[0], "batches/bat_1/rows"} {
		if err := s.Delete(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "batches", "bat_1")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that no folder is left", err)
	}
}

// TestFoldersStay checks that nothing above a deleted file's own folder is
// deleted, however the store's folder is written, and that a temporary folder
// leaves none.
func TestFoldersStay(t *testing.T) {
	above := filepath.Join(t.TempDir(), "above")
	s, err := blob.Open(t.Context(), above+"/archive/./", blob.S3Options{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "batches/bat_1/rows", "rows")
	_, remove, err := s.Temp("batches/bat_2/")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Delete(t.Context(), "batches/bat_1/rows"), remove()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Join(above, "archive", "batches")); err != nil || len(left) != 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// With S3, what a killed program has left among the system's temporary folders
// is deleted a day later.
func TestBucketLeftovers(t *testing.T) {
	service := blobtest.Start(t)
	service.Setenv(t)
	t.Setenv("TMPDIR", t.TempDir())
	s := service.Open(t, "archives")
	killed := func(age time.Duration) (dir string) {
		dir, _, err := s.Temp("batches/bat_1/")
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "part"), []byte("rows"), 0o600)
		}
		if err == nil {
			err = os.Chtimes(dir, time.Time{}, time.Now().Add(-age))
		}
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	old, young := killed(25*time.Hour), killed(23*time.Hour)
	_, remove, err := s.Temp("batches/bat_2/")
	if err = errors.Join(err, remove()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that the old folder is deleted", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("got %v, want that the other one stays", err)
	}
}

// What was being written when the program died can be listed and deleted.
func TestFolderLeftovers(t *testing.T) {
	s, dir := open(t)
	put(t, s, "batches/bat_1/rows", "rows")
	left := filepath.Join(dir, "batches", "bat_1", ".new-123")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := names(t, s, "batches/bat_1/")
	if !slices.Equal(got, []string{"batches/bat_1/.new-123", "batches/bat_1/rows"}) {
		t.Fatalf("got %q, want the leftover, too", got)
	}
	if err := s.Delete(t.Context(), got[0]); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that it's gone", err)
	}
}

func TestNames(t *testing.T) {
	s, _ := open(t)
	for _, name := range []string{"", "..", "../x", "a/../b", "/etc/passwd", "a//b", "A", "a b", "a/.", `a\b`} {
		if _, err := s.Open(t.Context(), name); err == nil || errors.Is(err, blob.ErrMissing) {
			t.Errorf("%q: got %v, want a refusal", name, err)
		}
		if err := s.Delete(t.Context(), name); err == nil {
			t.Errorf("%q was deleted", name)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"http://example.com/x", "gs://bucket"} {
		if _, err := blob.Open(t.Context(), address, blob.S3Options{}); err == nil {
			t.Errorf("%s was taken", address)
		}
	}
	for _, endpoint := range []string{"s3.example.com", "ftp://s3.example.com", "https://s3.example.com/path"} {
		if _, err := blob.Open(t.Context(), "s3://bucket/prefix", blob.S3Options{Endpoint: endpoint}); err == nil {
			t.Errorf("%s was taken", endpoint)
		}
	}
}
