package signerd

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestFolder stores approvals, checks that damaged ones are refused, and that
// no other files are left behind.
func TestFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signer")
	folder, err := OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := folder.Approvals(); err != nil || a.Erasing || len(a.Hosts) > 0 {
		t.Errorf("a new folder: %v %+v", err, a)
	}
	if err := folder.Change(func(a *Approvals) error { *a = *approved(); return nil }); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	for name, change := range map[string]func(*Approvals) error{
		"one that fails":   func(a *Approvals) error { a.Erasing = true; return broken },
		"every host":       func(a *Approvals) error { a.Hosts = append(a.Hosts, "*"); return nil },
		"a public suffix":  func(a *Approvals) error { a.Hosts = append(a.Hosts, "*.co.uk"); return nil },
		"capitals":         func(a *Approvals) error { a.Domains = append(a.Domains, "Example.com"); return nil },
		"an empty name":    func(a *Approvals) error { a.Organizations = append(a.Organizations, ""); return nil },
		"two lines":        func(a *Approvals) error { a.Organizations = append(a.Organizations, "a\nb"); return nil },
		"a limit below 0":  func(a *Approvals) error { a.Limit = -1; return nil },
		"too many entries": func(a *Approvals) error { a.Organizations = slices.Repeat([]string{"x"}, maxEntries+1); return nil },
	} {
		if err := folder.Change(change); err == nil {
			t.Errorf("%s was kept", name)
		}
	}
	a, err := folder.Approvals()
	if err != nil || fmt.Sprint(a) != fmt.Sprint(*approved()) {
		t.Errorf("%v, %+v", err, a)
	}
	if err := os.WriteFile(folder.file(), []byte(`{"hosts":["*.example.com"],"everything":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Approvals(); err == nil || !strings.Contains(err.Error(), approvalsName) {
		t.Errorf("spoilt approvals: %v", err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFolder(path); err == nil || !strings.Contains(err.Error(), "chmod go=") {
		t.Errorf("a folder for everybody: %v", err)
	}
}

// TestFollowed checks that a running signer applies changes, and keeps the
// last valid approvals.
func TestFollowed(t *testing.T) {
	folder, err := OpenFolder(filepath.Join(t.TempDir(), "signer"))
	if err != nil {
		t.Fatal(err)
	}
	var out log
	current, err := folder.Watch(slog.New(slog.NewTextHandler(&out, nil)))
	if err != nil {
		t.Fatal(err)
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for !ok() {
			if !pause(t.Context(), time.Millisecond) {
				t.Fatal(what)
			}
		}
	}
	if err := folder.Change(func(a *Approvals) error { a.Erasing = true; return nil }); err != nil {
		t.Fatal(err)
	}
	until("it isn't taken up", func() bool { return current().Erasing })
	if err := os.WriteFile(folder.file(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	until("the change isn't logged", func() bool { return current().Erasing && strings.Contains(out.String(), "the old ones stay") })
	if err := os.Remove(folder.file()); err != nil {
		t.Fatal(err)
	}
	until("the change isn't undone", func() bool { return !current().Erasing })
}

// TestChangesAtOnce changes the approvals concurrently and checks that no
// change is lost.
func TestChangesAtOnce(t *testing.T) {
	folder, err := OpenFolder(filepath.Join(t.TempDir(), "signer"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 5 {
				if err := folder.Change(func(a *Approvals) error { a.Organizations = append(a.Organizations, fmt.Sprint(i, j)); return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if a, err := folder.Approvals(); err != nil || len(a.Organizations) != 40 {
		t.Errorf("%v, %d entries", err, len(a.Organizations))
	}
}

// changing is the environment variable with the folder in which this program
// changes approvals until it is killed.
const changing = "MOBILECONFIG_TEST_CHANGING"

// entries make a file that takes a while to write.
const entries = 9000

func TestMain(m *testing.M) {
	path := os.Getenv(changing)
	if path == "" {
		os.Exit(m.Run())
	}
	folder, err := OpenFolder(path)
	for n := 1; err == nil; n++ {
		err = folder.Change(func(a *Approvals) error {
			a.Limit, a.Organizations = n, slices.Repeat([]string{strconv.Itoa(n)}, entries)
			return nil
		})
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKilledChange kills processes that change approvals. It checks that the
// approvals are always complete and can still be changed.
func TestKilledChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signer")
	folder, err := OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := os.RemoveAll(folder.file()); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), changing+"="+path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for a := (Approvals{}); a.Limit < 10; {
			if a, err = folder.Approvals(); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		a, err := folder.Approvals()
		if err != nil || len(a.Organizations) != entries || slices.ContainsFunc(a.Organizations, func(o string) bool { return o != strconv.Itoa(a.Limit) }) {
			t.Fatalf("%v, %d entries at %d", err, len(a.Organizations), a.Limit)
		}
		if err := folder.Change(func(a *Approvals) error { a.Erasing = true; return nil }); err != nil {
			t.Fatal(err)
		}
	}
}
