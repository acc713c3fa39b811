//go:build soak

package crashtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestSoakKillRestore kills restores at random moments. Each leaves nothing at
// all, everything, or a folder that no service starts on until it has been
// emptied and the restore repeated.
func TestSoakKillRestore(t *testing.T) {
	t.Parallel()
	random := chance(t)
	file := someBackup(t, nil)
	folder := t.TempDir()
	to := func(name string) string { return filepath.Join(folder, name) }
	begun := time.Now()
	runs(t, "backup", "restore", file, "--data", to("whole"))
	whole, took := sums(t, to("whole")), time.Since(begun)
	if len(whole) < 4 {
		t.Fatalf("the backup has only %v", whole)
	}
	for cut, wanted := 0, soak.Count(3, 100); cut < wanted && !t.Failed(); {
		data := to("data")
		killed(t, random, took, program.Path(t), "backup", "restore", file, "--data", data)
		found := sums(t, data)
		if _, begun := found[datadir.Restoring]; begun {
			cut++
			if said := refused(t, data); !strings.Contains(said, "was broken off; empty the folder, and restore again") {
				t.Errorf("a service says %s", said)
			}
			if after := sums(t, data); !maps.Equal(after, found) {
				t.Errorf("the service that refused left %v, want %v", after, found)
			}
			if out, err := exec.Command(program.Path(t), "backup", "restore", file, "--data", data).CombinedOutput(); err == nil || !strings.Contains(string(out), "empty the folder") {
				t.Errorf("a restore on top of it: %v, %s", err, out)
			}
			remove(t, data)
		} else if len(found) > 0 && !maps.Equal(found, whole) {
			t.Fatalf("without a mark: %v, want %v", slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(whole)))
		}
		if len(sums(t, data)) == 0 {
			runs(t, "backup", "restore", file, "--data", data)
		}
		if after := sums(t, data); !maps.Equal(after, whole) {
			t.Errorf("the next restore left %v, want %v", after, whole)
		}
		remove(t, data)
	}
	soak.Figure(t, "a restore that isn't killed", took.Round(time.Millisecond), "none")
	wantEnded(t, to("whole"), "sqlite:"+filepath.Join(to("whole"), "mobileconfig.db"))
}

// TestSoakKillRestorePostgres kills psql at random moments while it fills a
// database: the database is empty, or whole, or no service starts on it.
func TestSoakKillRestorePostgres(t *testing.T) {
	t.Parallel()
	random := chance(t)
	psql := storetest.Psql(t)
	file := someBackup(t, []string{"--database", storetest.EmptyPostgres(t)})
	data := filepath.Join(t.TempDir(), "data")
	runs(t, "backup", "restore", file, "--data", data)
	args := func(database string) []string {
		return []string{"-q", "-X", "-f", filepath.Join(data, "database.sql"), database}
	}
	begun := time.Now()
	database := storetest.EmptyPostgres(t)
	if out, err := exec.Command(psql, args(database)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("psql: %v %s", err, out)
	}
	took := time.Since(begun)
	wantEnded(t, data, database)
	states := map[string]int{}
	for wanted := soak.Count(3, 100); states["refused"] < wanted && !t.Failed(); {
		database := storetest.EmptyPostgres(t)
		killed(t, random, took, psql, args(database)...)
		until(t, nil, "the end of psql's connection", func() bool {
			return column(t, database, `SELECT COUNT(*)::text FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'psql'`)[0] == "0"
		})
		tables := column(t, database, `SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()`)
		switch {
		case len(tables) == 0:
			states["empty"]++
		case slices.Contains(tables, "links"):
			states["whole"]++
			wantEnded(t, data, database)
		default:
			states["refused"]++
			if said := refused(t, data, "--database", database); !strings.Contains(said, "a restore to it was interrupted") {
				t.Errorf("a service says %s", said)
			}
			if after := column(t, database, `SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()`); !slices.Equal(after, tables) {
				t.Errorf("the service that refused left %v, want %v", after, tables)
			}
		}
	}
	t.Logf("databases: %v", states)
}

// someBackup writes a backup of a used installation and returns its file.
func someBackup(t *testing.T, database []string) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	p := start(t, data, database...)
	visitor := person{url: p.url, client: plain(), random: mathrand.New(mathrand.NewPCG(1, 1)), journal: newJournal()}
	id, token := visitor.start()
	if ticket, _ := visitor.ask(id, token); ticket == "" {
		t.Fatalf("no ticket: %s", p.errors)
	}
	p.stop(t)
	// Files of batches, so that a restore takes a while.
	for i := range 4 {
		file := filepath.Join(data, "batches", fmt.Sprintf("%d", i), "part.zip")
		content := make([]byte, 2<<20)
		_, _ = rand.Read(content)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "backup.tar")
	runs(t, append([]string{"backup", "-o", file, "--data", data}, database...)...)
	return file
}

// wantEnded starts a service on what was restored: the link from before has
// ended, its ticket is gone, the log says so, and new links work.
func wantEnded(t *testing.T, data, database string) {
	t.Helper()
	p := start(t, data, "--database", database)
	visitor := person{url: p.url, client: plain(), random: mathrand.New(mathrand.NewPCG(1, 1)), journal: newJournal()}
	if id, token := visitor.start(); token == "" {
		t.Errorf("no new link: %s", p.errors)
	} else if ticket, _ := visitor.ask(id, token); ticket == "" {
		t.Errorf("no new ticket: %s", p.errors)
	}
	p.stop(t)
	for query, want := range map[string]string{
		`SELECT CAST(COUNT(*) AS TEXT) FROM links WHERE revoked > 0`:                     "1",
		`SELECT CAST(COUNT(*) AS TEXT) FROM links`:                                       "2",
		`SELECT CAST(COUNT(*) AS TEXT) FROM tickets`:                                     "1",
		`SELECT CAST(COUNT(*) AS TEXT) FROM actions WHERE name = 'installation.restore'`: "1",
		`SELECT CAST(COUNT(*) AS TEXT) FROM installation WHERE restored = 0`:             "1",
	} {
		if got := column(t, database, query); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
}

// column returns the first column of a query's result. It leaves no connection:
// the tests use hundreds of databases.
func column(t *testing.T, database, query string) (all []string) {
	t.Helper()
	db := connect(t, database)
	defer db.Close()
	each(t, db, query, func(scan func(...any)) {
		var one string
		scan(&one)
		all = append(all, one)
	})
	return all
}

// killed runs a program and kills it at a random moment within a time.
func killed(t *testing.T, random *mathrand.Rand, within time.Duration, path string, args ...string) {
	t.Helper()
	cmd := exec.Command(path, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Duration(random.Int64N(int64(within))))
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// runs runs the program, which must succeed.
func runs(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(program.Path(t), args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v %s", args, err, out)
	}
}

// sums returns the hashes of all files in the folder, which need not exist.
func sums(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		sum := sha256.Sum256(data)
		name, _ := filepath.Rel(folder, path)
		found[name] = hex.EncodeToString(sum[:4])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func remove(t *testing.T, folder string) {
	t.Helper()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
}
