//go:build soak

package crashtest

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
)

// refusalGoal is the maximum time until a write is refused while another
// program locks the database.
const refusalGoal = 20 * time.Second

// plain is a client that follows no redirects and reuses no connections.
func plain() *http.Client {
	return &http.Client{
		Timeout: guard, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// installation creates a data folder with a link in it and returns the link's
// token. Killed or not, its program has ended.
func installation(t *testing.T, killed bool) (data, token string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	p := start(t, data)
	visitor := person{url: p.url, client: plain(), random: rand.New(rand.NewPCG(1, 1)), journal: newJournal()}
	if _, token = visitor.start(); token == "" {
		t.Fatalf("no link: %s", p.errors)
	}
	if killed {
		p.kill()
	} else {
		p.stop(t)
	}
	return data, token
}

// TestSoakUnusableDatabase checks that an unusable database is refused at
// start, with the problem and its solution, and not changed.
func TestSoakUnusableDatabase(t *testing.T) {
	t.Parallel()
	overwrite := func(content string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(content), 0o600) }
	}
	tests := []struct {
		name   string
		killed bool
		damage func(path string) error
		words  []string
	}{
		{"deleted", false, os.Remove, []string{"is gone or empty", "restore a backup", "To start with a new"}},
		{"deleted after a kill", true, os.Remove, []string{"is gone or empty", "restore a backup", "To start with a new"}},
		{"log deleted after a kill", true, func(path string) error { return os.Remove(path + "-wal") }, []string{"latest changes are lost", "Put it back"}},
		{"emptied", false, overwrite(""), []string{"is gone or empty", "restore a backup"}},
		{"a text", false, overwrite("Dear diary,\n"), []string{"not an SQLite database", "restore a backup"}},
		{"truncated", false, func(path string) error { return os.Truncate(path, 8192) }, []string{"is damaged", "restore a backup"}},
		{"overwritten", false, scribble, []string{"is damaged", "restore a backup"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, _ := installation(t, tt.killed)
			path := filepath.Join(data, "mobileconfig.db")
			if err := tt.damage(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			said := refused(t, data)
			for _, word := range tt.words {
				if !strings.Contains(said, word) {
					t.Errorf("it says %q, without %q", said, word)
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Errorf("the file had %d bytes and has %d", len(before), len(after))
			}
		})
	}
}

// scribble overwrites the file after its first page.
func scribble(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i := 4096; i < len(content); i++ {
		content[i] ^= byte(i)
	}
	return os.WriteFile(path, content, 0o600)
}

// TestSoakDatabaseGoesWhileRunning damages the database while the program runs,
// in two ways. What fails returns 503, and health says so.
func TestSoakDatabaseGoesWhileRunning(t *testing.T) {
	t.Parallel()
	data, token := installation(t, false)
	path := filepath.Join(data, "mobileconfig.db")
	p := start(t, data)
	visitor := person{url: p.url, client: plain(), random: rand.New(rand.NewPCG(2, 2)), journal: newJournal()}

	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if a := visitor.do("POST", "/start", "address=jane%40example.com"); a.status != 503 || a.code != "database_unavailable" {
		t.Errorf("a write without the file: %d %s", a.status, a.code)
	}
	p.says(t, "was deleted or replaced", "unable to open")
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if _, token := visitor.start(); token == "" {
		t.Error("no write with the file back")
	}

	for _, name := range []string{path, path + "-wal"} {
		whole, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		size, err := whole.Seek(0, 2)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := whole.WriteAt(bytes.Repeat([]byte{0x5a}, int(size)), 0); err != nil {
			t.Fatal(err)
		}
		whole.Close()
	}
	if a := visitor.do("GET", "/s/"+token, ""); a.status != 503 || a.code != "database_unavailable" {
		t.Errorf("a read of a damaged file: %d %s", a.status, a.code)
	}
	if a := visitor.do("GET", "/healthz", ""); a.status != 200 {
		t.Errorf("health: %d", a.status)
	}
	if strings.Contains(p.errors.String(), "panic") {
		t.Errorf("it panicked: %s", p.errors)
	}
}

// TestSoakLockedDatabase locks the database as another program can: first while
// the service runs, then when it starts.
func TestSoakLockedDatabase(t *testing.T) {
	t.Parallel()
	data, token := installation(t, false)
	p := start(t, data)
	visitor := person{url: p.url, client: plain(), random: rand.New(rand.NewPCG(3, 3)), journal: newJournal()}
	unlock := lock(t, filepath.Join(data, "mobileconfig.db"))
	for _, path := range []string{"/", "/s/" + token, "/healthz", "/readyz"} {
		if a := visitor.do("GET", path, ""); a.status != 200 {
			t.Errorf("%s: %d %s", path, a.status, a.code)
		}
	}
	begun := time.Now()
	var writers sync.WaitGroup
	for i := range 6 { // each is refused before the server's timeout
		writer := person{url: p.url, client: plain(), random: rand.New(rand.NewPCG(3, uint64(i))), journal: newJournal()}
		writers.Go(func() {
			if a := writer.do("POST", "/start", "address=jane%40example.com"); a.status != 503 || a.code != "database_unavailable" {
				t.Errorf("a write: %d %s", a.status, a.code)
			}
		})
	}
	writers.Wait()
	soak.Figure(t, "refusal of six writes to a locked database", time.Since(begun), refusalGoal)
	unlock()
	if _, token := visitor.start(); token == "" {
		t.Error("no write after that")
	}
	p.stop(t)
	unlock = lock(t, filepath.Join(data, "mobileconfig.db"))
	if said := refused(t, data); !strings.Contains(said, "another program holds") {
		t.Errorf("it says %s", said)
	}
	unlock()
	start(t, data)
}

// lock is BEGIN EXCLUSIVE from another process, this one. It waits for its
// turn, because the program looks for jobs, which writes.
func lock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	db := connect(t, "sqlite:"+path+"?_txlock=exclusive&_pragma=busy_timeout(240000)")
	holder, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = holder.Rollback(); db.Close() }
}
