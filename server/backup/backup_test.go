package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/backup"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestBackup writes a backup while a server takes writes, restores it elsewhere
// as the docs say, and starts a server there: whatever was acknowledged before
// the backup began is there, and nothing is half done.
func TestBackup(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		dir := folder(t)
		secret, err := dir.Secret()
		if err != nil {
			t.Fatal(err)
		}
		logKey, err := dir.LogKey()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dir.Identity(time.Now); err != nil {
			t.Fatal(err)
		}
		change := func(c *server.Config) {
			c.Secret = secret
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
		}
		s := servertest.New(t, database, change)
		logo := brand(t, s, database)
		writes := newWriter(s)
		file, before := writtenUnderLoad(t, writes, backup.Source{Database: database, Dir: dir, Program: "mobileconfig v1", Now: time.Now})
		writes.stop()

		restored, data := restore(t, file, strings.HasPrefix(database, "postgres"))
		again, err := restored.Secret()
		if err != nil || !bytes.Equal(again, secret) {
			t.Errorf("another secret: %v", err)
		}
		if key, err := restored.LogKey(); err != nil || !bytes.Equal(key, logKey) {
			t.Errorf("another log key: %v", err)
		}
		checkActions(t, data)
		r := servertest.New(t, data, change)
		rows := storetest.Dump(t, data)
		for _, address := range before {
			if !strings.Contains(rows, address) {
				t.Errorf("the link for %s from before the backup is gone", address)
			}
		}
		link := r.Link("jane@example.com")
		r.Content(r.Get(r.Ticket(link, "mail")).Body)
		if a := r.Get(link); !bytes.Contains(a.Body, []byte("<bdi>Example Host</bdi>")) || !bytes.Contains(a.Body, []byte(logo)) || r.Get(logo).Status != http.StatusOK {
			t.Error("the branding is gone")
		}
		t.Logf("%d links before the backup, %d while it was written", len(before), len(writes.acknowledged())-len(before))
	})
}

// brand gives the account a name and a logo, and returns the path of the logo.
func brand(t *testing.T, s *servertest.Server, database string) string {
	t.Helper()
	c := servertest.Admin(t, s, database)
	c.Want(t, http.StatusOK, "PUT", "/branding", `{"name":"Example Host"}`)
	header := http.Header{"Authorization": {"Bearer " + c.Key}, "Content-Type": {"image/svg+xml"}}
	var shown struct {
		Logo string `json:"logo_url"`
	}
	servertest.Decode(t, s.Do("PUT", "/api/v1/branding/logo", header, `<svg viewBox="0 0 9 9"><circle r="4" cx="4" cy="4"/></svg>`), &shown)
	return strings.TrimPrefix(shown.Logo, "http://setup.example.com")
}

func folder(t *testing.T) *datadir.Dir {
	t.Helper()
	dir, err := datadir.Open(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// writtenUnderLoad writes backups until links were created during one, and
// returns that one's file and the addresses of the links from before it.
func writtenUnderLoad(t *testing.T, w *writer, source backup.Source) (file string, before []string) {
	t.Helper()
	for range 100 {
		for before = nil; len(before) < 3; before = w.acknowledged() {
			time.Sleep(time.Millisecond)
		}
		file = filepath.Join(t.TempDir(), "backup.tar")
		if err := backup.Write(t.Context(), file, source); err != nil {
			t.Fatal(err)
		}
		if len(w.acknowledged()) > len(before) {
			return file, before
		}
	}
	t.Fatal("no link was created while a backup was written")
	return "", nil
}

// A writer creates links until it is stopped.
type writer struct {
	mu        sync.Mutex
	addresses []string
	end       chan struct{}
	wg        sync.WaitGroup
}

func newWriter(s *servertest.Server) *writer {
	w := &writer{end: make(chan struct{})}
	for worker := range 2 {
		w.wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-w.end:
					return
				default:
				}
				header := http.Header{"X-Forwarded-For": {fmt.Sprintf("10.%d.%d.%d", worker, i/250, i%250)}}
				name := fmt.Sprintf("u%d-%d", worker, i)
				a := s.Do(http.MethodPost, "/start", header, "address="+name+"%40example.com")
				if a.Status == http.StatusSeeOther {
					w.mu.Lock()
					w.addresses = append(w.addresses, name+"@example.com")
					w.mu.Unlock()
				}
			}
		})
	}
	return w
}

func (w *writer) acknowledged() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.addresses)
}

func (w *writer) stop() {
	close(w.end)
	w.wg.Wait()
}

// restore restores the backup and returns the data folder and the database.
func restore(t *testing.T, file string, postgres bool) (*datadir.Dir, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "restored")
	if _, err := backup.Restore(file, path, backup.Keys{}); err != nil {
		t.Fatal(err)
	}
	dir, err := datadir.Existing(path)
	if err != nil {
		t.Fatal(err)
	}
	if !postgres {
		return dir, dir.Database()
	}
	database := storetest.EmptyPostgres(t)
	fill := func() (string, error) {
		out, err := exec.Command(storetest.Psql(t), "-q", "-X", "-f", filepath.Join(path, backup.ScriptName), database).CombinedOutput()
		return string(out), err
	}
	// What psql prints is in the docs.
	if out, err := fill(); err != nil || out != "" {
		t.Fatalf("psql: %v %s", err, out)
	}
	if out, err := fill(); err == nil || !strings.Contains(out, `relation "river_migration" already exists`) {
		t.Errorf("psql into a database that is not empty: %v %s", err, out)
	}
	return dir, database
}

// checkActions expects as many link actions as links, and no gap.
func checkActions(t *testing.T, database string) {
	t.Helper()
	s := storetest.Open(t, store.Config{Database: database})
	var created int
	var last int64
	for {
		records, err := s.Actions(t.Context(), account.Default, last, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if r.Seq != last+1 {
				t.Fatalf("%d follows %d", r.Seq, last)
			}
			last = r.Seq
			if bytes.Contains(r.Leaf, []byte(`"action":"link.create"`)) {
				created++
			}
		}
		if len(records) == 0 {
			break
		}
	}
	if links := strings.Count(storetest.Dump(t, database), "links.id="); links != created || created == 0 {
		t.Errorf("%d links, %d actions that created them", links, created)
	}
}

// TestArchive looks at the file itself.
func TestArchive(t *testing.T) {
	database := storetest.SQLite(t)
	storetest.Open(t, store.Config{Database: database})
	dir := folder(t)
	if _, err := dir.Secret(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "backup.tar")
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.WriteFile(elsewhere, []byte("elsewhere"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.LogKey(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second replaces the first
		if err := backup.Write(t.Context(), file, backup.Source{Database: database, Dir: dir, Secret: elsewhere, LogKey: elsewhere, Program: "mobileconfig v1", Now: time.Now}); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var names []string
	content := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Mode != 0o600 {
			t.Errorf("%s has mode %o", h.Name, h.Mode)
		}
		names = append(names, h.Name)
		if content[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(names, []string{"mobileconfig.db", "secret", "log.key", "backup.json", "backup.sha256"}) ||
		string(content["secret"]) != "elsewhere" || string(content["log.key"]) != "elsewhere" {
		t.Errorf("in the archive: %v", names)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestBackupDuringReplacement replaces the key of the action log, as the command
// does it, while backups are written: each has all keys that its database names.
func TestBackupDuringReplacement(t *testing.T) {
	for _, place := range []string{"in the folder", "elsewhere"} {
		t.Run(place, func(t *testing.T) {
			dir := folder(t)
			file := dir.File(datadir.LogKeyName)
			if _, err := dir.LogKey(); err != nil {
				t.Fatal(err)
			}
			source := backup.Source{Database: dir.Database(), Dir: dir, Program: "mobileconfig v1", Now: time.Now}
			if place == "elsewhere" {
				source.LogKey = filepath.Join(t.TempDir(), "key")
				if err := os.Rename(file, source.LogKey); err != nil {
					t.Fatal(err)
				}
				file = source.LogKey
			}
			kept := storetest.Open(t, store.Config{Database: dir.Database(), Signer: audit.NewKeyring(func() ([][]byte, error) { return datadir.ReadLogKeys(file) })})
			if err := kept.SetRetention(t.Context(), audit.ByOperator(), account.Default, 90, audit.Action{Outcome: audit.Done}); err != nil {
				t.Fatal(err)
			}
			for range 8 {
				replaced := make(chan error, 1)
				go func() { replaced <- replaceKey(kept, file) }()
				out := filepath.Join(t.TempDir(), "backup.tar")
				if err := backup.Write(t.Context(), out, source); err != nil {
					t.Fatal(err)
				}
				if err := <-replaced; err != nil {
					t.Fatal(err)
				}
				checkKeys(t, out)
			}
			// One of the two logs is signed by the new key, and the command was killed.
			next, err := prepareKey(file)
			if err == nil {
				err = kept.ReplaceKey(t.Context(), audit.ByOperator(), account.Installation, next)
			}
			out := filepath.Join(t.TempDir(), "backup.tar")
			if err := errors.Join(err, backup.Write(t.Context(), out, source)); err != nil {
				t.Fatal(err)
			}
			checkKeys(t, out)
		})
	}
}

// replaceKey does what the command does.
func replaceKey(kept *store.Store, file string) error {
	next, err := prepareKey(file)
	if err != nil {
		return err
	}
	if _, err := kept.ReplaceKeys(context.Background(), audit.ByOperator(), next); err != nil {
		return err
	}
	return datadir.PlaceLogKey(file)
}

func prepareKey(file string) (*audit.LogKey, error) {
	if _, err := datadir.PrepareLogKey(file); err != nil {
		return nil, err
	}
	seeds, err := datadir.ReadLogKeys(file)
	if err != nil {
		return nil, err
	}
	return audit.NewLogKey(seeds[1])
}

// checkKeys wants a restored backup to verify each log and to sign it.
func checkKeys(t *testing.T, backup string) {
	t.Helper()
	dir, database := restore(t, backup, false)
	kept := storetest.Open(t, store.Config{Database: database, Signer: audit.NewKeyring(func() ([][]byte, error) { return datadir.ReadLogKeys(dir.File(datadir.LogKeyName)) })})
	for _, id := range []string{account.Default, account.Installation} {
		public, err := kept.PublicKey(t.Context(), id)
		if err == nil {
			_, err = audit.Verify(t.Context(), kept, id, public)
		}
		if err == nil {
			_, _, err = kept.SignCheckpoint(t.Context(), id)
		}
		if err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	dir := folder(t)
	out := filepath.Join(t.TempDir(), "backup.tar")
	for name, database := range map[string]string{
		"no database": dir.Database(),
		"no folder":   "sqlite:/no/such/folder/x.db",
		"no scheme":   "mysql://x",
		"no server":   "postgres://127.0.0.1:1/x",
	} {
		if err := backup.Write(t.Context(), out, backup.Source{Database: database, Dir: dir, Program: "mobileconfig v1", Now: time.Now}); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a file was left", name)
		}
	}
	if _, err := os.Stat(dir.File("mobileconfig.db")); err == nil {
		t.Error("an empty database was created")
	}
}

// TestBackupAfterCrash backs up a database whose service was killed, and starts
// on the database again.
func TestBackupAfterCrash(t *testing.T) {
	database := storetest.SQLite(t)
	live := servertest.New(t, database, nil)
	live.Link("jane@example.com")
	// What a kill leaves: the files as they are, opened by no one.
	path := strings.TrimPrefix(database, "sqlite:")
	dir := t.TempDir()
	for _, suffix := range []string{"", "-wal", ".state"} {
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "db"+suffix), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	crashed := "sqlite:" + filepath.Join(dir, "db")
	for range 2 {
		if err := backup.Write(t.Context(), filepath.Join(t.TempDir(), "backup.tar"), backup.Source{Database: crashed, Dir: folder(t), Program: "mobileconfig v1", Now: time.Now}); err != nil {
			t.Fatal(err)
		}
	}
	servertest.New(t, crashed, nil)
	if dump := storetest.Dump(t, crashed); !strings.Contains(dump, "jane@example.com") {
		t.Error("the backup took the latest change with it")
	}
}

// TestNote checks that the time of the latest backup is recorded, and never an
// earlier one.
func TestNote(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		at := time.Date(2026, 11, 24, 8, 54, 7, 0, time.UTC)
		if last, err := s.LastBackup(t.Context()); err != nil || !last.IsZero() {
			t.Errorf("%v, %v", last, err)
		}
		for _, now := range []time.Time{at.Add(-time.Hour), at, at.Add(-time.Minute)} {
			if err := backup.Note(t.Context(), backup.Source{Database: database, Now: func() time.Time { return now }}); err != nil {
				t.Fatal(err)
			}
		}
		if last, err := s.LastBackup(t.Context()); err != nil || !last.Equal(at) {
			t.Errorf("%v, %v", last, err)
		}
		if err := backup.Note(t.Context(), backup.Source{Database: "sqlite:" + t.TempDir() + "/none.db", Now: time.Now}); err == nil {
			t.Error("a database that is not there")
		}
	})
}
