package backup_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/backup"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

var written = time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)

// someBackup returns the path of a backup of a new installation.
func someBackup(t *testing.T) (path string, dir *datadir.Dir) {
	t.Helper()
	dir = folder(t)
	storetest.Open(t, store.Config{Database: dir.Database()}).Close()
	for _, make := range []func() ([]byte, error){dir.Secret, dir.LogKey} {
		if _, err := make(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dir.Identity(time.Now); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "backup.tar")
	err := backup.Write(t.Context(), path, backup.Source{
		Database: dir.Database(), Dir: dir, Program: "mobileconfig v1", Now: func() time.Time { return written },
	})
	if err != nil {
		t.Fatal(err)
	}
	return path, dir
}

func TestVerify(t *testing.T) {
	path, dir := someBackup(t)
	c, err := backup.Verify(path, backup.Keys{})
	if err != nil || c.Program != "mobileconfig v1" || !c.Created.Equal(written) {
		t.Errorf("%+v, %v", c, err)
	}
	var names []string
	for _, f := range c.Files {
		names = append(names, f.Name)
	}
	want := []string{"mobileconfig.db", "identity/development-ca.pem", "identity/development.pem", "log.key", "secret"}
	if !slices.Equal(names, want) {
		t.Errorf("it holds %v", names)
	}
	to := filepath.Join(t.TempDir(), "restored")
	if _, err := backup.Restore(path, to, backup.Keys{}); err != nil {
		t.Fatal(err)
	}
	restored, err := datadir.Existing(to)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range want[1:] {
		if got, was := content(t, restored.File(name)), content(t, dir.File(name)); !bytes.Equal(got, was) {
			t.Errorf("%s was restored as %q", name, got)
		}
	}
	storetest.Open(t, store.Config{Database: restored.Database()})
	if _, err := backup.Restore(path, to, backup.Keys{}); !errors.Is(err, backup.ErrNotEmpty) {
		t.Errorf("a second time: %v", err)
	}
	if _, err := backup.Verify(filepath.Join(to, "none"), backup.Keys{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestBackupOfUnpacked backs up a folder into which tar has unpacked a backup.
func TestBackupOfUnpacked(t *testing.T) {
	path, dir := someBackup(t)
	for _, name := range []string{"backup.json", "backup.sha256"} {
		if err := os.WriteFile(dir.File(name), []byte("of another backup"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := backup.Write(t.Context(), path, backup.Source{Database: dir.Database(), Dir: dir, Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	c, err := backup.Verify(path, backup.Keys{})
	if err != nil || len(c.Files) != 5 {
		t.Errorf("%v, %v", c.Files, err)
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// damages are ways to damage files. Each changes at least a byte.
var damages = []struct {
	name string
	do   func(data []byte, at int, random *rand.Rand) []byte
}{
	{"a flipped bit", func(d []byte, at int, r *rand.Rand) []byte { d[at] ^= 1 << r.IntN(8); return d }},
	{"another byte", func(d []byte, at int, r *rand.Rand) []byte { d[at] += byte(1 + r.IntN(255)); return d }},
	{"cut off", func(d []byte, at int, _ *rand.Rand) []byte { return d[:at] }},
	{"a missing byte", func(d []byte, at int, _ *rand.Rand) []byte { return slices.Delete(d, at, at+1) }},
	{"a missing block", func(d []byte, at int, _ *rand.Rand) []byte {
		at &^= 511
		return slices.Delete(d, at, min(at+512, len(d)))
	}},
	{"an inserted byte", func(d []byte, at int, r *rand.Rand) []byte { return slices.Insert(d, at, byte(r.IntN(256))) }},
	{"a block twice", func(d []byte, at int, _ *rand.Rand) []byte {
		at &^= 511
		return slices.Insert(d, at, slices.Clone(d[at:min(at+512, len(d))])...)
	}},
	{"noise", func(d []byte, at int, r *rand.Rand) []byte {
		for i := at; i < min(at+4096, len(d)); i++ {
			d[i] ^= byte(1 + r.IntN(255))
		}
		return d
	}},
	{"something behind it", func(d []byte, _ int, r *rand.Rand) []byte { return append(d, make([]byte, 1+r.IntN(1024))...) }},
	{"its own beginning behind it", func(d []byte, at int, _ *rand.Rand) []byte { return append(d, d[:at+1]...) }},
}

// TestDamages damages a backup in 100 ways, at every place that has a byte and
// above all at its end, which describes the rest.
func TestDamages(t *testing.T) {
	path, _ := someBackup(t)
	good := content(t, path)
	random := rand.New(rand.NewPCG(1, 2))
	damaged, to := filepath.Join(t.TempDir(), "damaged.tar"), filepath.Join(t.TempDir(), "restored")
	try := func(what string, data []byte) {
		t.Helper()
		if err := os.WriteFile(damaged, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := backup.Verify(damaged, backup.Keys{})
		if _, ok := errors.AsType[*backup.DamageError](err); !ok {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := backup.Restore(damaged, to, backup.Keys{}); err == nil {
			t.Errorf("%s: it was restored", what)
		}
		if _, err := os.Stat(to); err == nil {
			t.Fatalf("%s: something was restored", what)
		}
	}
	for i := range 100 {
		d := damages[i%len(damages)]
		at := random.IntN(len(good))
		if i%20 >= 10 {
			at = len(good) - 1 - random.IntN(8192)
		}
		try(d.name, d.do(slices.Clone(good), at, random))
	}
	for at := len(good) - 5000; at < len(good); at += 7 {
		data := slices.Clone(good)
		data[at] ^= 0x20
		try("a flipped bit at the end", data)
	}
	try("nothing", nil)
}

// TestDamagedFile checks that the damaged file is named, if that is possible.
func TestDamagedFile(t *testing.T) {
	path, dir := someBackup(t)
	good := content(t, path)
	at := bytes.Index(good, content(t, dir.File("secret")))
	for what, want := range map[string]struct {
		data []byte
		says string
	}{
		"the secret":  {flipped(good, at), "Damaged files: secret"},
		"the padding": {flipped(good, at+100), "the files in it are intact"},
		"the end":     {good[:at+8+2048], "incomplete. Damaged are at least secret"},
		"the list":    {flipped(good, bytes.Index(good, []byte(`{"program"`))), "isn't a backup, or it is damaged"},
	} {
		if err := os.WriteFile(path, want.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Verify(path, backup.Keys{}); err == nil || !strings.Contains(err.Error(), want.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func flipped(data []byte, at int) []byte {
	data = slices.Clone(data)
	data[at] ^= 1
	return data
}
