//go:build soak && linux

package crashtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/soak"
)

// smallDisk mounts a file system of the size in MiB for the test.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size)
	if err != nil && os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skipf("no small disk can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until the disk is full.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{64 << 10, 4 << 10, 1} {
		for err = nil; err == nil; _, err = f.Write(make([]byte, size)) {
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// TestSoakFullDisk fills the disk under load and frees it again, a few times,
// and kills the program while it is full.
func TestSoakFullDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "12m")
	data, ballast := filepath.Join(disk, "data"), filepath.Join(disk, "ballast")
	random, j := chance(t), newJournal()
	p := start(t, data)
	visitor := person{url: p.url, client: plain(), random: random, journal: newJournal()}
	_, token := visitor.start()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var done sync.WaitGroup
	seed := random.Uint64()
	done.Go(func() { load(ctx, p.url, people, seed, j) })
	var slowest time.Duration
	times := soak.Count(2, 6)
	for range times {
		j.more(t, p, 50)
		fill(t, ballast)
		untilFull(t, p, j)
		for _, path := range []string{"/healthz", "/", "/s/" + token, "/s/" + token + "/qr.svg"} {
			if a := visitor.do("GET", path, ""); a.status != 200 {
				t.Errorf("%s with a full disk: %d %s", path, a.status, a.code)
			}
		}
		if a := visitor.do("POST", "/start", "address=jane%40example.com"); a.status != 503 || a.code != "storage_full" {
			t.Errorf("a write with a full disk: %d %s", a.status, a.code)
		}
		until(t, p, "unreadiness on a full disk", func() bool { return visitor.do("GET", "/readyz", "").status == 503 })
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, untilPromise(t, p, j, time.Now()))
		until(t, p, "readiness, which the full disk ended", func() bool { return visitor.do("GET", "/readyz", "").status == 200 })
	}
	fill(t, ballast)
	untilFull(t, p, j)
	p.kill()
	cancel()
	done.Wait()
	j.note(func() { j.links["lnk_"+token[:len(token)-crypt.CodeSize]] = &linkNote{} })
	wantKept(t, copied(t, data), j)
	t.Logf("full %d times: %s", times+1, j)
	soak.Figure(t, "slowest recovery from a full disk", slowest, recoveryGoal)
	wantStartAfterFull(t, data, ballast, j)
}

// untilFull waits until a write was refused because the disk is full, and for a
// while longer, so that any remaining space is used.
func untilFull(t *testing.T, p *process, j *journal) {
	t.Helper()
	const refusal = "503 storage_full"
	before := j.failed(refusal)
	until(t, p, "writes to be refused on a full disk", func() bool { return j.failed(refusal) >= before+20 })
}

// wantStartAfterFull restarts the program that was killed on a full disk: it
// serves what can be read, and the rest once there is space.
func wantStartAfterFull(t *testing.T, data, ballast string, j *journal) {
	t.Helper()
	p := start(t, data)
	visitor := person{url: p.url, client: plain(), random: chance(t), journal: newJournal()}
	if a := visitor.do("GET", "/", ""); a.status != 200 {
		t.Errorf("after a start on the full disk: %d %s", a.status, a.code)
	}
	p.kill()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	start(t, data).stop(t)
	wantKept(t, copied(t, data), j)
}

// TestSoakReadOnly checks that a read-only database is refused at start: on a
// read-only disk, and with only the file read-only.
func TestSoakReadOnly(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "12m")
	data := filepath.Join(disk, "data")
	start(t, data).stop(t)
	remount(t, disk, syscall.MS_RDONLY)
	if said := refused(t, data); !strings.Contains(said, "neither full nor read-only") {
		t.Errorf("on a read-only disk it says %s", said)
	}
	remount(t, disk, 0)

	file := filepath.Join(data, "mobileconfig.db")
	if err := syscall.Mount(file, file, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	remount(t, file, syscall.MS_BIND|syscall.MS_RDONLY)
	said := refused(t, data)
	if err := syscall.Unmount(file, syscall.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said, "is read-only; let this user write") {
		t.Errorf("with a read-only file it says %s", said)
	}
	start(t, data)
}

func remount(t *testing.T, path string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount("", path, "", syscall.MS_REMOUNT|flags, ""); err != nil {
		t.Fatal(err)
	}
}
