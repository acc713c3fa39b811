//go:build soak

package crashtest

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// clockFile is the environment variable with the file that says by how many
// seconds the clock of the program is ahead.
const clockFile = "TEST_CLOCK"

// shifted is added to package time of the program. Code that reads the clock
// may run where nothing else can, so a goroutine reads the file.
const shifted = `package time

import (
	"sync/atomic"
	"syscall"
)

// shift is by how many seconds the clock is ahead.
var shift atomic.Int64

func init() {
	if name, ok := syscall.Getenv("` + clockFile + `"); ok {
		shift.Store(readShift(name))
		go func() {
			for {
				Sleep(10 * Millisecond)
				shift.Store(readShift(name))
			}
		}()
	}
}

func readShift(name string) (n int64) {
	f, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return shift.Load()
	}
	defer syscall.Close(f)
	var text [24]byte
	size, _ := syscall.Read(f, text[:])
	sign := int64(1)
	for _, c := range text[:max(size, 0)] {
		if c == '-' {
			sign = -1
		} else if c >= '0' && c <= '9' {
			n = n*10 + int64(c-'0')
		}
	}
	return sign * n
}
`

// shiftedSQLite is added to the C library of SQLite, which asks the system itself:
// jobs are due, and lost, by both clocks.
const shiftedSQLite = `package libc

import "time"

func shifted() (seconds, microseconds int64) {
	now := time.Now()
	return now.Unix(), int64(now.Nanosecond() / 1000)
}
`

// clockProgram builds the command with a clock that can be set. Everything gets
// the time from the standard library, or from SQLite's C library: a few lines are
// replaced in both.
var clockProgram = sync.OnceValues(func() (string, error) {
	list := exec.Command("go", "list", "-f", "{{.Dir}}", "time", "modernc.org/libc")
	out, err := list.Output()
	if err != nil {
		return "", err
	}
	dirs := strings.Fields(string(out))
	const (
		read  = "sec, nsec, mono := runtimeNow()"
		value = "(*Ttimeval)(unsafe.Pointer(tv))"
		from  = "(*(*Ttimespec)(__ccgo_ptr(bp)))"
	)
	// The standard library's files are replaced for the build.
	overlay := map[string]string{}
	replace := func(name, text string) error {
		path := filepath.Join(program.Folder, "clock-"+name)
		overlay[filepath.Join(dirs[0], name)] = path
		return os.WriteFile(path, []byte(text), 0o600)
	}
	text, err := replaced(filepath.Join(dirs[0], "time.go"), read, read+"\n\tsec += shift.Load()")
	if err == nil {
		err = errors.Join(replace("time.go", text), replace("ahead.go", shifted))
	}
	if err != nil {
		return "", err
	}
	overlays, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return "", err
	}
	// Those of modules can't be, so the build has a copy of the module.
	libc := filepath.Join(program.Folder, "libc")
	if err := os.CopyFS(libc, os.DirFS(dirs[1])); err != nil {
		return "", err
	}
	file := filepath.Join(libc, "ccgo_linux_"+runtime.GOARCH+".go")
	text, err = replaced(file, value+".Ftv_sec = "+from+".Ftv_sec\n\t"+value+".Ftv_usec = int64(int32("+from+".Ftv_nsec) / int32(1000))\n",
		value+".Ftv_sec, "+value+".Ftv_usec = shifted()\n")
	if err == nil {
		err = errors.Join(os.WriteFile(file, []byte(text), 0o600), os.WriteFile(filepath.Join(libc, "ahead.go"), []byte(shiftedSQLite), 0o600))
	}
	if err != nil {
		return "", err
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		return "", err
	}
	sum, err := os.ReadFile("../../go.sum")
	if err != nil {
		return "", err
	}
	at := func(ending string) string { return filepath.Join(program.Folder, "clock."+ending) }
	for ending, data := range map[string][]byte{"json": overlays, "mod": fmt.Appendf(mod, "\nreplace modernc.org/libc => %s\n", libc), "sum": sum} {
		if err := os.WriteFile(at(ending), data, 0o600); err != nil {
			return "", err
		}
	}
	return program.Build("mobileconfig-clock", "-overlay", at("json"), "-modfile", at("mod"))
})

// replaced returns the content of a file with a text that must be there once
// replaced.
func replaced(file, old, text string) (string, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), old); n != 1 {
		return "", fmt.Errorf("%s reads the clock in another way now, or in %d places", file, n)
	}
	return strings.Replace(string(source), old, text, 1), nil
}

// TestSoakClock sets the clock of the real program forward and back, while it
// runs and while it is stopped. Nothing is erased, the daily maintenance runs
// when the program starts again, and the log verifies.
func TestSoakClock(t *testing.T) {
	t.Parallel()
	path, err := clockProgram()
	if err != nil {
		t.Fatal(err)
	}
	clock := filepath.Join(t.TempDir(), "clock")
	var ahead time.Duration
	jump := func(by time.Duration) {
		t.Helper()
		ahead += by
		if err := os.WriteFile(clock+".new", []byte(strconv.FormatInt(int64(ahead/time.Second), 10)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(clock+".new", clock); err != nil {
			t.Fatal(err)
		}
	}
	// It begins between noon and one o'clock, so that the jumps pass the hour when a
	// round is due in the same way at any time of the day.
	jump(time.Duration((36-time.Now().UTC().Hour())%24) * time.Hour)
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", func(c *x509.Certificate) { // valid at any time
		c.NotBefore, c.NotAfter = time.Now().AddDate(-3, 0, 0), time.Now().AddDate(3, 0, 0)
	})
	identity := []string{
		"--signing-cert", signingtest.WriteFile(t, "chain.pem", leaf.CertPEM()), "--signing-key", signingtest.WriteFile(t, "key.pem", leaf.KeyPEM(t)),
		"--signing-roots", signingtest.WriteFile(t, "root.pem", root.CertPEM()),
	}
	data := filepath.Join(t.TempDir(), "data")
	database := "sqlite:" + filepath.Join(data, "mobileconfig.db")
	run := func() *process {
		p, said := launchProgram(t, path, []string{clockFile + "=" + clock}, data, identity...)
		p.listens(t, said)
		return p
	}
	p := run()
	seed, err := datadir.ReadLogKey(filepath.Join(data, datadir.LogKeyName))
	if err != nil {
		t.Fatal(err)
	}
	key, err := audit.NewLogKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	s := storetest.Open(t, store.Config{Database: database, Signer: key})
	if err := s.SetRetention(t.Context(), audit.ByOperator(), account.Default, 90, audit.Action{Outcome: audit.Done}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	// A round is known by its day: the queue deletes it a day later, which a jump may be.
	rounds := func() []string {
		return storetest.Column(t, database, `SELECT args FROM river_job WHERE kind = 'maintenance.round' AND state = 'completed'`)
	}
	// Both clocks of the program agree, so jobs are due and lost as on a real machine.
	wantOneClock := func() {
		t.Helper()
		for _, at := range storetest.Column(t, database, `SELECT created_at FROM river_job ORDER BY id DESC LIMIT 1`) {
			if created, err := time.Parse(time.RFC3339Nano, at); err != nil || time.Until(created).Round(time.Hour) != ahead.Round(time.Hour) {
				t.Fatalf("the latest job was created at %s, with the clock %v ahead: %v", at, ahead, err)
			}
		}
	}
	logged := func() int { return len(storetest.Column(t, database, `SELECT seq FROM actions`)) }
	j := newJournal()
	use := func() {
		t.Helper()
		ctx, stop := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { load(ctx, p.url, 2, uint64(time.Now().UnixNano()), j) })
		j.more(t, p, soak.Count(10, 200))
		stop()
		done.Wait()
	}
	use()
	for _, by := range []time.Duration{time.Hour, 24 * time.Hour, 400 * 24 * time.Hour} {
		for _, step := range []time.Duration{by, -by, -by, by} {
			before, had := logged(), rounds() // the running program may notice the jump too
			jump(step)
			until(t, p, "the clock to jump", func() bool { // as answers tell
				res, err := plain().Get(p.url)
				if err != nil {
					return false
				}
				res.Body.Close()
				at, err := http.ParseTime(res.Header.Get("Date"))
				return err == nil && time.Until(at).Round(time.Hour) == ahead.Round(time.Hour)
			})
			use() // while it runs
			p.stop(t)
			p = run()
			if by >= 24*time.Hour {
				servertest.Eventually(t, "a round of maintenance", func() bool {
					return slices.ContainsFunc(rounds(), func(round string) bool { return !slices.Contains(had, round) })
				})
				wantOneClock()
			}
			use()
			if logged() <= before {
				t.Errorf("after %v: the log does not grow", step)
			}
		}
	}
	p.stop(t)
	if n := len(storetest.Column(t, database, `SELECT seq FROM actions WHERE name = 'log.retain'`)); n != 0 {
		t.Errorf("content of actions was removed %d times", n)
	}
	j.note(func() {
		for id := range j.links {
			if len(storetest.Column(t, database, `SELECT id FROM links WHERE id = '`+id+`'`)) != 1 {
				t.Errorf("%s is gone", id)
			}
		}
		if len(j.strange) > 0 {
			t.Errorf("strange answers: %q", j.strange[:min(3, len(j.strange))])
		}
	})
	command(t, data, "verify")
}
