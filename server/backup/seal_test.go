package backup_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/backup"
	_ "github.com/updatecase/mobileconfig/server/backup/backuptest"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// someKeys are keys to write with and to read with.
func someKeys(t *testing.T) map[string][2]backup.Keys {
	t.Helper()
	own, err := age.GenerateX25519Identity()
	must(t, err)
	public, err := backup.PublicKeys(own.Recipient().String() + "\n")
	must(t, err)
	private, err := backup.PrivateKeys([]byte("# a comment\n" + own.String() + "\n"))
	must(t, err)
	passphrase, err := backup.Passphrase("four words or more")
	must(t, err)
	return map[string][2]backup.Keys{"a public key": {public, private}, "a passphrase": {passphrase, passphrase}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestEncrypted writes encrypted backups and reads them only with the right
// key.
func TestEncrypted(t *testing.T) {
	_, dir := someBackup(t)
	stranger, err := backup.Passphrase("another passphrase")
	must(t, err)
	other, err := age.GenerateX25519Identity()
	must(t, err)
	for name, keys := range someKeys(t) {
		folder := t.TempDir()
		path := filepath.Join(folder, "backup.age")
		must(t, backup.Write(t.Context(), path, backup.Source{Database: dir.Database(), Dir: dir, Program: "v1", Now: time.Now, Keys: keys[0]}))
		data := content(t, path)
		secret, err := dir.Secret()
		must(t, err)
		if bytes.Contains(data, secret) || bytes.Contains(data, []byte("SQLite format")) || bytes.Contains(data, []byte("backup.json")) {
			t.Errorf("%s: the file holds what is secret", name)
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
			t.Errorf("%s: %d files are left beside the backup", name, len(left))
		}
		if _, err := backup.Verify(path, keys[1]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for why, wrong := range map[string]struct {
			keys backup.Keys
			want error
		}{
			"no key":             {backup.Keys{}, backup.ErrEncrypted},
			"another passphrase": {stranger, backup.ErrWrongKey},
			"another key":        {backup.Keys{Identities: []age.Identity{other}}, backup.ErrWrongKey},
		} {
			if _, err := backup.Verify(path, wrong.keys); !errors.Is(err, wrong.want) {
				t.Errorf("%s, by %s: %v, want %v", name, why, err, wrong.want)
			}
		}
		to := filepath.Join(t.TempDir(), "restored")
		if _, err := backup.Restore(path, to, keys[1]); err != nil {
			t.Fatal(err)
		}
		restored, err := datadir.Existing(to)
		must(t, err)
		if again, err := restored.Secret(); err != nil || !bytes.Equal(again, secret) {
			t.Errorf("%s: another secret, %v", name, err)
		}
		if name == "a public key" {
			damageEach(t, path, data, keys[1])
		}
	}
	plain, _ := someBackup(t)
	if _, err := backup.Verify(plain, stranger); !errors.Is(err, backup.ErrNotEncrypted) {
		t.Errorf("a key for what isn't encrypted: %v", err)
	}
}

// damageEach checks that a changed byte, a truncation and an addition are
// detected everywhere.
func damageEach(t *testing.T, path string, data []byte, keys backup.Keys) {
	t.Helper()
	damaged := filepath.Join(t.TempDir(), "damaged.age")
	check := func(what string, changed []byte) {
		t.Helper()
		must(t, os.WriteFile(damaged, changed, 0o600))
		to := filepath.Join(t.TempDir(), "to")
		if _, err := backup.Restore(damaged, to, keys); err == nil {
			t.Errorf("%s isn't found", what)
		}
		if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: something was restored", what)
		}
	}
	for at := 25; at < len(data); at += len(data) / 40 {
		check("a changed byte", flipped(data, at))
	}
	for _, n := range []int{100, 1000, len(data) / 2, len(data) - 16, len(data) - 1} {
		check("a cut", data[:n])
	}
	check("an addition", append(bytes.Clone(data), 'x'))
}

// TestRestoreEnds restores a backup: links, tickets and sessions from before
// have ended when the first of several processes opens the database, and the log
// says so once.
func TestRestoreEnds(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		dir := folder(t)
		secret, err := dir.Secret()
		must(t, err)
		change := func(c *server.Config) { c.Secret = secret }
		s := servertest.New(t, database, change)
		owner := s.Owner("olga@example.com")
		link := s.Link("jane@example.com")
		ticket := s.Ticket(link, "mail")
		written := time.Date(2026, 11, 24, 8, 54, 7, 0, time.UTC)
		file := filepath.Join(t.TempDir(), "backup.tar")
		must(t, backup.Write(t.Context(), file, backup.Source{Database: database, Dir: dir, Program: "v1", Now: func() time.Time { return written }}))
		for what, status := range map[string]int{link: http.StatusOK, "/panel": http.StatusOK} {
			if a := owner.Get(what); a.Status != status {
				t.Errorf("after the backup %s gives %d, want %d", what, a.Status, status)
			}
		}

		_, restored := restore(t, file, strings.HasPrefix(database, "postgres"))
		var opened sync.WaitGroup
		for range 3 {
			opened.Go(func() {
				kept, err := store.Open(context.Background(), store.Config{Database: restored})
				if err != nil {
					t.Error(err)
					return
				}
				kept.Close()
			})
		}
		opened.Wait()
		r := servertest.New(t, restored, change)
		if a := r.Get(link); a.Status != http.StatusNotFound {
			t.Errorf("a link from before: %d, want 404", a.Status)
		}
		if a := r.Get(ticket); a.Status != http.StatusNotFound && a.Status != http.StatusGone {
			t.Errorf("a ticket from before: %d, want 404 or 410", a.Status)
		}
		if rows := storetest.Dump(t, restored); strings.Contains(rows, "sessions.") || strings.Contains(rows, "tickets.") {
			t.Error("sessions or tickets from before are in the database")
		}
		log := servertest.ReadLog(t, restored, account.Installation, audit.InstallationRestore)
		if len(log) != 1 || len(log[0].Changes) != 1 || log[0].Changes[0].New != "2026-11-24T08:54:07Z" {
			t.Errorf("in the log: %+v", log)
		}
		r.Content(r.Get(r.Ticket(r.Link("joe@example.com"), "mail")).Body)
		if n := len(servertest.ReadLog(t, database, account.Installation, audit.InstallationRestore)); n != 0 {
			t.Errorf("%d actions in the log of the original", n)
		}
	})
}

// An once is an identity that fails when it's used again.
type once struct {
	age.Identity
	used bool
}

var errKilled = errors.New("killed")

func (o *once) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if o.used {
		return nil, errKilled
	}
	o.used = true
	return o.Identity.Unwrap(stanzas)
}

// TestBrokenOff interrupts a restore after the backup was verified: no service
// can use the folder.
func TestBrokenOff(t *testing.T) {
	_, dir := someBackup(t)
	own, err := age.GenerateX25519Identity()
	must(t, err)
	path := filepath.Join(t.TempDir(), "backup.age")
	must(t, backup.Write(t.Context(), path, backup.Source{Database: dir.Database(), Dir: dir, Program: "v1", Now: time.Now, Keys: backup.Keys{Recipients: []age.Recipient{own.Recipient()}}}))
	to := filepath.Join(t.TempDir(), "restored")
	if _, err := backup.Restore(path, to, backup.Keys{Identities: []age.Identity{&once{Identity: own}}}); err == nil {
		t.Fatal("it wasn't interrupted")
	}
	if _, err := datadir.Open(to); err == nil || !strings.Contains(err.Error(), "was broken off") {
		t.Errorf("the folder is taken: %v", err)
	}
	keys := backup.Keys{Identities: []age.Identity{own}}
	if _, err := backup.Restore(path, to, keys); err == nil || !strings.Contains(err.Error(), "empty the folder") {
		t.Errorf("a second restore over it: %v", err)
	}
	must(t, os.RemoveAll(to))
	if _, err := backup.Restore(path, to, keys); err != nil {
		t.Error(err)
	}
}
