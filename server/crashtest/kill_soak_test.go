//go:build soak

package crashtest

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

const (
	people = 8
	// promisesARound limits how many promises are given before a kill or a
	// crash.
	promisesARound = 150
	// recoveryGoal is the maximum time until promises are given again after
	// recovery is possible.
	recoveryGoal = 5 * time.Second
)

// chance returns random numbers and logs their seed.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestSoakKill kills the program at random promises under load, again and again
// on one database, and checks that everything promised is stored, and its
// webhook was called.
func TestSoakKill(t *testing.T) {
	t.Parallel()
	rounds, most := soak.Count(6, 200), soak.Count(promisesARound, 500) // 50,000 promises in a full soak
	random := chance(t)
	data, j := filepath.Join(t.TempDir(), "data"), newJournal()
	r := newReceiver(t)
	first := start(t, data)
	r.subscribe(t, first, "--data", data)
	first.stop(t)
	keepHistory(t, "sqlite:"+filepath.Join(data, "mobileconfig.db"))
	var slowest time.Duration
	done := 0
	for ; done < rounds || j.told() < enough; done++ {
		p := start(t, data, reachable...)
		slowest = max(slowest, p.started)
		killUnderLoad(t, p, random, people, 1+random.IntN(most), j)
		if wantKept(t, copied(t, data), j); t.Failed() {
			break
		}
	}
	t.Logf("%d rounds: %s", done, j)
	soak.Figure(t, "slowest start after a kill", slowest, startGoal)
	r.wantAll(t, "sqlite:"+filepath.Join(data, "mobileconfig.db"), func() *process { return start(t, data, reachable...) })
	wantCaught(t, data, j)
}

// killUnderLoad lets n people use the program and kills it after a number of
// further promises.
func killUnderLoad(t *testing.T, p *process, random *rand.Rand, n, promises int, j *journal) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var done sync.WaitGroup
	seed := random.Uint64()
	done.Go(func() { load(ctx, p.url, n, seed, j) })
	j.more(t, p, promises)
	p.kill()
	cancel()
	done.Wait()
}

// TestSoakKillFirstStart kills the program while it creates a new installation.
// The next start has to finish that. It repeats until enough starts were
// interrupted. The moments are random parts of the time that a whole start
// takes here.
func TestSoakKillFirstStart(t *testing.T) {
	t.Parallel()
	random := chance(t)
	whole := start(t, filepath.Join(t.TempDir(), "data"))
	whole.kill()
	var slowest time.Duration
	starts, cut, wanted := 0, 0, soak.Count(5, 20)
	for ; cut < wanted && !t.Failed(); starts++ {
		data := filepath.Join(t.TempDir(), "data")
		p, said := launch(t, data)
		time.Sleep(time.Duration(random.Int64N(int64(whole.started))))
		p.kill()
		if _, listened := <-said; !listened {
			cut++
		}
		p = start(t, data)
		slowest = max(slowest, p.started)
		j := newJournal()
		killUnderLoad(t, p, random, 2, 5, j)
		wantKept(t, copied(t, data), j)
	}
	t.Logf("%d of %d first starts were cut off", cut, starts)
	soak.Figure(t, "slowest start after a first one that was cut off", slowest, startGoal)
}

// TestSoakPostgresCrashes crashes the database server again and again under
// load, at random promises. The program keeps running: it says what it can't
// do, and continues when it can. So do its webhook calls.
func TestSoakPostgresCrashes(t *testing.T) {
	t.Parallel()
	database, crash := storetest.PostgresServer(t)
	random := chance(t)
	data := filepath.Join(t.TempDir(), "data")
	more := append([]string{"--database", database}, reachable...)
	p := start(t, data, more...)
	r := newReceiver(t)
	r.subscribe(t, p, "--data", data, "--database", database)
	keepHistory(t, database)
	j := newJournal()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var done sync.WaitGroup
	seed := random.Uint64()
	done.Go(func() { load(ctx, p.url, people, seed, j) })
	var slowest time.Duration
	crashes, wanted := 0, soak.Count(3, 15)
	for ; crashes < wanted || j.failed("503 database_unavailable") == 0; crashes++ {
		if crashes == wanted+100 {
			t.Fatalf("no answer in %d crashes said that the database was away", crashes)
		}
		j.more(t, p, 1+random.IntN(promisesARound))
		if err := crash(); err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, untilPromise(t, p, j, time.Now()))
	}
	r.wantMore(t, p)
	cancel()
	done.Wait()
	p.stop(t)
	wantKept(t, database, j)
	r.wantAll(t, database, func() *process { return start(t, data, more...) })
	t.Logf("%d crashes: %s", crashes, j)
	soak.Figure(t, "slowest recovery from a crash of PostgreSQL", slowest, recoveryGoal)
}

// untilPromise returns how long after the given time the next promise came.
func untilPromise(t *testing.T, p *process, j *journal, since time.Time) time.Duration {
	t.Helper()
	until(t, p, "a promise", func() bool { return j.lastPromise().After(since) })
	return j.lastPromise().Sub(since)
}
