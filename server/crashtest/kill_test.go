package crashtest

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/store/storetest"
)

const (
	people    = 8
	startGoal = 2 * time.Second
)

// chance returns random numbers whose seed is in the log of the test.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

// TestKill kills the program at random instants under load, 30 times on one
// database, and wants everything kept that was promised, and the webhook
// called for it.
func TestKill(t *testing.T) {
	t.Parallel()
	const rounds = 30
	random := chance(t)
	data, j := filepath.Join(t.TempDir(), "data"), newJournal()
	r := newReceiver(t)
	first := start(t, data)
	r.subscribe(t, first, "--data", data)
	first.stop(t)
	keepHistory(t, "sqlite:"+filepath.Join(data, "mobileconfig.db"))
	var slowest time.Duration
	for range rounds {
		p := startSoon(t, data, startGoal, reachable...)
		slowest = max(slowest, p.started)
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		seed := random.Uint64()
		done.Go(func() { load(ctx, p.url, people, seed, j) })
		time.Sleep(between(random, 20*time.Millisecond, 500*time.Millisecond))
		p.kill()
		cancel()
		done.Wait()
		if wantKept(t, copied(t, data), j); t.Failed() {
			break
		}
	}
	t.Logf("%d rounds: %s; slowest start %v (goal %v)", rounds, j, slowest, startGoal)
	if j.promises < 10*rounds {
		t.Errorf("%d promises are too few to tell", j.promises)
	}
	r.wantAll(t, "sqlite:"+filepath.Join(data, "mobileconfig.db"), func() *process { return start(t, data, reachable...) })
	wantCaught(t, data, j)
}

// TestKillFirstStart kills the program while it makes a new installation. The
// next start has to finish that.
func TestKillFirstStart(t *testing.T) {
	t.Parallel()
	random := chance(t)
	var cut int
	for range 15 {
		data := filepath.Join(t.TempDir(), "data")
		p, said := launch(t, data)
		time.Sleep(between(random, time.Millisecond, 250*time.Millisecond))
		p.kill()
		if _, listened := <-said; !listened {
			cut++
		}
		p = startSoon(t, data, startGoal)
		j := newJournal()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		load(ctx, p.url, 2, random.Uint64(), j)
		cancel()
		p.kill()
		wantKept(t, copied(t, data), j)
	}
	t.Logf("%d of 15 first starts were cut off", cut)
}

// TestPostgresCrashes has the database server crash ten times under load. The
// program stays up: it says what it cannot do, and goes on when it can. So do
// its calls of webhooks.
func TestPostgresCrashes(t *testing.T) {
	t.Parallel()
	const crashes = 10
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
	var done sync.WaitGroup
	seed := random.Uint64()
	done.Go(func() { load(ctx, p.url, people, seed, j) })
	var slowest time.Duration
	for range crashes {
		time.Sleep(between(random, 100*time.Millisecond, 600*time.Millisecond))
		if err := crash(); err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, untilPromise(t, j, time.Now()))
	}
	r.wantMore(t)
	cancel()
	done.Wait()
	p.stop(t)
	wantKept(t, database, j)
	r.wantAll(t, database, func() *process { return start(t, data, more...) })
	t.Logf("%d crashes: %s; slowest recovery %v", crashes, j, slowest)
	if j.failures["503 database_unavailable"] == 0 {
		t.Error("no answer said that the database was away")
	}
}

// untilPromise is how long after the time a promise is given again.
func untilPromise(t *testing.T, j *journal, since time.Time) time.Duration {
	t.Helper()
	for !j.lastPromise().After(since) {
		if time.Since(since) > 10*time.Second {
			t.Fatal("no promise within 10s")
		}
		time.Sleep(time.Millisecond)
	}
	return j.lastPromise().Sub(since)
}
