package datadir_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/datadir"
)

func open(t *testing.T) (*datadir.Dir, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a", "data")
	d, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return d, path
}

// TestAtOnce opens a new folder from many goroutines: all get the same.
func TestAtOnce(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "data")
		var mu sync.Mutex
		found := map[string]bool{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				d, err := datadir.Open(path)
				if err != nil {
					t.Error(err)
					return
				}
				secret, err := d.Secret()
				if err != nil {
					t.Error(err)
				}
				key, err := d.LogKey()
				if err != nil {
					t.Error(err)
				}
				id, err := d.Identity(time.Now)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				found[string(secret)+string(key)+id.Fingerprint()] = true
				mu.Unlock()
			})
		}
		wg.Wait()
		if len(found) != 1 {
			t.Fatalf("%d different secrets or identities", len(found))
		}
	}
}

func TestSecret(t *testing.T) {
	d, path := open(t)
	one, err := d.Secret()
	if err != nil || len(one) != datadir.SecretSize {
		t.Fatalf("%d bytes, %v", len(one), err)
	}
	two, err := d.Secret()
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("another secret the second time: %v", err)
	}
	other, _ := open(t)
	if three, _ := other.Secret(); bytes.Equal(one, three) {
		t.Error("two folders share a secret")
	}
	if err := os.WriteFile(filepath.Join(path, "secret"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Secret(); err == nil || !strings.Contains(err.Error(), "5 bytes") {
		t.Errorf("a short secret: %v", err)
	}
}

func TestLogKey(t *testing.T) {
	d, path := open(t)
	one, err := d.LogKey()
	if err != nil || len(one) != datadir.LogKeySize {
		t.Fatalf("%d bytes, %v", len(one), err)
	}
	secret, err := d.Secret()
	if err != nil || bytes.Equal(secret, one) {
		t.Errorf("the secret is the key of the log: %v", err)
	}
	if two, err := datadir.ReadLogKey(filepath.Join(path, "log.key")); err != nil || !bytes.Equal(one, two) {
		t.Errorf("another key the second time: %v", err)
	}
	if err := os.WriteFile(filepath.Join(path, "log.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.LogKey(); err == nil || !strings.Contains(err.Error(), "a log key has 32") {
		t.Errorf("a short key: %v", err)
	}
}

// TestPrivate checks that all files are created only for the owner, and that
// others are refused.
func TestPrivate(t *testing.T) {
	d, path := open(t)
	if _, err := d.Secret(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.LogKey(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Identity(time.Now); err != nil {
		t.Fatal(err)
	}
	err := filepath.Walk(path, func(name string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		if strings.HasPrefix(info.Name(), ".new-") {
			t.Errorf("%s was left behind", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"secret", "log.key", "identity/development.pem"} {
		file := filepath.Join(path, name)
		if err := os.Chmod(file, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Secret(); err == nil {
		t.Error("a secret that the group can read was used")
	}
	if _, err := d.LogKey(); err == nil {
		t.Error("a log key that the group can read was used")
	}
	if _, err := d.Identity(time.Now); err == nil {
		t.Error("a key that the group can read was used")
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Open(path); err == nil || !strings.Contains(err.Error(), "chmod go=") {
		t.Errorf("an open folder: %v", err)
	}
}

func TestIdentityExpires(t *testing.T) {
	d, _ := open(t)
	if _, err := d.Identity(func() time.Time { return time.Now().AddDate(-3, 0, 0) }); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Identity(time.Now); err == nil || !strings.Contains(err.Error(), "delete") {
		t.Errorf("got %v", err)
	}
}

func TestIdentityRootIsNoSecret(t *testing.T) {
	d, _ := open(t)
	if _, err := d.Identity(time.Now); err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile(d.IdentityRoot())
	if err != nil || bytes.Contains(root, []byte("PRIVATE")) || !bytes.Contains(root, []byte("CERTIFICATE")) {
		t.Errorf("%v: %s", err, root)
	}
}

// TestLogKeyNext prepares a key that is to replace the log's, and puts it in its
// place. What was prepared stays until then.
func TestLogKeyNext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if _, err := datadir.ReadLogKeys(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no key: %v", err)
	}
	if err := datadir.PlaceLogKey(file); err == nil {
		t.Error("a key that nobody prepared was put in its place")
	}
	old := bytes.Repeat([]byte("o"), datadir.LogKeySize)
	if err := os.WriteFile(file, old, 0o600); err != nil {
		t.Fatal(err)
	}
	want := func(what string, n int) [][]byte {
		t.Helper()
		seeds, err := datadir.ReadLogKeys(file)
		if err != nil || len(seeds) != n {
			t.Fatalf("%s: %d keys, %v", what, len(seeds), err)
		}
		return seeds
	}
	want("one", 1)
	next, err := datadir.PrepareLogKey(file)
	if err != nil || next != datadir.NextLogKey(file) {
		t.Fatal(next, err)
	}
	seeds := want("prepared", 2)
	if _, err := datadir.PrepareLogKey(file); err != nil || !bytes.Equal(want("prepared again", 2)[1], seeds[1]) || bytes.Equal(seeds[1], old) {
		t.Errorf("prepared again: another key, or the old one; %v", err)
	}
	if info, err := os.Stat(next); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.Chmod(next, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.ReadLogKeys(file); err == nil {
		t.Error("a new key that the group can read was used")
	}
	if err := errors.Join(os.Chmod(next, 0o600), datadir.PlaceLogKey(file)); err != nil || !bytes.Equal(want("placed", 1)[0], seeds[1]) {
		t.Errorf("placed: %v", err)
	}
}
