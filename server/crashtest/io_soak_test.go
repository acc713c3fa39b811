//go:build soak && linux

package crashtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
)

// stopGoal is the maximum time until the program ends after the disk failed to
// store something.
const stopGoal = time.Second

// tampered makes system calls fail in a running program, according to the
// arguments of strace, until the program ends or release is called.
func tampered(t *testing.T, p *process, calls, how string) (release func()) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil && os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip("there is no strace here")
	}
	said := &text{}
	cmd := exec.Command(strace, "-f", "-o", os.DevNull, "-e", "trace="+calls, "-e", "inject="+calls+":"+how, "-p", strconv.Itoa(p.cmd.Process.Pid))
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, p, "strace to attach", func() bool { return strings.Contains(said.String(), "attached") })
	release = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // it detaches
		_ = cmd.Wait()
	})
	t.Cleanup(release)
	return release
}

// TestSoakFsyncFails makes fsync fail under load. The program ends soon, says
// why, and has lost nothing when it starts again.
func TestSoakFsyncFails(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	random, j := chance(t), newJournal()
	var slowest time.Duration
	for range soak.Count(2, 40) {
		p := start(t, data)
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		seed := random.Uint64()
		done.Go(func() { load(ctx, p.url, people, seed, j) })
		j.more(t, p, 20+random.IntN(100))
		release := tampered(t, p, "fsync,fdatasync", "error=EIO")
		select {
		case <-p.exited:
		case <-time.After(guard):
			t.Fatalf("it is still running: %s", p.errors)
		}
		if last := j.lastPromise(); !last.IsZero() {
			slowest = max(slowest, time.Since(last))
		}
		release()
		cancel()
		done.Wait()
		if e, ok := errors.AsType[*exec.ExitError](p.err); !ok || e.ExitCode() != 1 {
			t.Errorf("it ended with %v", p.err)
		}
		if said := p.errors.String(); !strings.Contains(said, "the disk failed to store what was written") || !strings.Contains(said, "start the service again") {
			t.Errorf("it says %s", said)
		}
		start(t, data).stop(t)
		wantKept(t, copied(t, data), j)
	}
	t.Logf("%s", j)
	soak.Figure(t, "slowest end after a failed fsync, from the last promise on", slowest, stopGoal)
}

// TestSoakCallsFail makes the k-th read, write or sync of each thread of the
// program fail, under load. The program continues, or ends and says why;
// nothing is lost, and it starts again.
func TestSoakCallsFail(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	random, j := chance(t), newJournal()
	ended := 0
	rounds := soak.Count(4, 500)
	for k := range rounds {
		p := start(t, data)
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		seed := random.Uint64()
		done.Go(func() { load(ctx, p.url, people, seed, j) })
		j.more(t, p, 10)
		release := tampered(t, p, "pread64,pwrite64,ftruncate,fsync,fdatasync", fmt.Sprintf("error=EIO:when=%d", 1+k*2000/rounds))
		before := j.count()
		for end := time.Now().Add(guard); j.count() < before+50 && !gone(p) && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if gone(p) {
			ended++
			if said := p.errors.String(); !strings.Contains(said, "the disk failed to store what was written") {
				t.Errorf("it ended with %v: %s", p.err, said)
			}
		}
		release()
		p.kill()
		cancel()
		done.Wait()
		start(t, data).stop(t)
		wantKept(t, copied(t, data), j)
	}
	t.Logf("%d of %d ended: %s", ended, rounds, j)
}

// gone reports whether the program has ended.
func gone(p *process) bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}
