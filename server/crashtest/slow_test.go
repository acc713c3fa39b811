package crashtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	slowClients = 500
	// headerLimit is how long the program waits for the headers of a request.
	headerLimit = 5 * time.Second
	// closeGoal is how long after the limit a connection may still be open.
	closeGoal = 10 * time.Second
	// slowGoal bounds what slow clients may do to good ones: p99 in multiples
	// of the p99 without them.
	slowGoal = 2.0
	// noise is a p99 that a busy machine makes on its own.
	noise = 2 * time.Millisecond
)

// TestSlowClients measures good requests alone and then beside clients that
// dribble their headers. It runs alone, and again if the figures are bad: a
// burst of other work on the machine looks the same.
func TestSlowClients(t *testing.T) {
	calm, attack := 6*time.Second, 30*time.Second
	if testing.Short() {
		calm, attack = 3*time.Second, 12*time.Second
	}
	data, token := installation(t, false)
	p := start(t, data)
	for try := 1; ; try++ {
		before := openFiles(t, p)
		alone := measure(p.url+"/s/"+token, calm)
		beside, slow := attacked(t, p, p.url+"/s/"+token, attack)
		ratio := float64(max(beside.p99, noise)) / float64(max(alone.p99, noise))
		t.Logf("good requests alone: %v; beside %d slow clients for %v: %v; p99 ratio %.2f (goal < %.1f)",
			alone, slowClients, attack, beside, ratio, slowGoal)
		t.Logf("%d slow connections, each closed by the server, the last %v after the limit of %v (goal %v)",
			slow.connections, (slow.longest - headerLimit).Round(time.Millisecond), headerLimit, closeGoal)
		if slow.longest > headerLimit+closeGoal || slow.connections < slowClients || alone.failed+beside.failed > 0 {
			t.Fatalf("failed requests: %d alone, %d beside", alone.failed, beside.failed)
		}
		if after := openFiles(t, p); after > before+20 {
			t.Errorf("the program has %d open files after and had %d before", after, before)
		}
		if ratio < slowGoal {
			return
		}
		if try == 3 {
			t.Fatalf("p99 ratio %.2f in the third try", ratio)
		}
	}
}

// A latency sums up how long requests took.
type latency struct {
	n, failed int
	p50, p99  time.Duration
}

func (l latency) String() string {
	return fmt.Sprintf("%d requests, p50 %v, p99 %v", l.n, l.p50.Round(time.Microsecond), l.p99.Round(time.Microsecond))
}

// measure fetches the page 200 times a second, each time over a connection of
// its own.
func measure(url string, d time.Duration) latency {
	const workers, pause = 4, 20 * time.Millisecond
	client := plain()
	var mu sync.Mutex
	var took []time.Duration
	var failed atomic.Int64
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for begun := time.Now(); time.Since(begun) < d; <-tick.C {
				sent := time.Now()
				if !fetched(client, url) {
					failed.Add(1)
				}
				mu.Lock()
				took = append(took, time.Since(sent))
				mu.Unlock()
			}
		})
	}
	done.Wait()
	slices.Sort(took)
	return latency{len(took), int(failed.Load()), took[len(took)/2], took[len(took)*99/100]}
}

func fetched(client *http.Client, url string) bool {
	res, err := client.Get(url)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusOK
}

// A siege sums up what became of slow connections.
type siege struct {
	connections int
	longest     time.Duration
}

// attacked measures while slow clients hold connections, each of which is made
// anew when the server has closed it.
func attacked(t *testing.T, p *process, url string, d time.Duration) (latency, siege) {
	t.Helper()
	addr := strings.TrimPrefix(p.url, "http://")
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var mu sync.Mutex
	var all siege
	var done sync.WaitGroup
	for range slowClients {
		done.Go(func() {
			time.Sleep(rand.N(time.Second)) // not all in step
			for ctx.Err() == nil {
				lived, err := dribble(addr)
				mu.Lock()
				all.connections++
				all.longest = max(all.longest, lived)
				mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	beside := measure(url, d)
	done.Wait()
	return beside, all
}

// dribble sends a header each second until the server closes the connection,
// and returns how long that took.
func dribble(addr string) (time.Duration, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	begun := time.Now()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = io.Copy(io.Discard, conn)
	}()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: setup.example.com\r\n")
	for tick := time.NewTicker(time.Second); err == nil; {
		select {
		case <-closed:
			tick.Stop()
			return time.Since(begun), nil
		case <-tick.C:
			if _, err = io.WriteString(conn, "X-A: b\r\n"); err != nil {
				err = nil // closed: the reader will see it
			}
			if time.Since(begun) > headerLimit+closeGoal {
				err = errors.New("the server does not close a slow connection")
			}
		}
	}
	return time.Since(begun), err
}

// openFiles is how many files and connections the program has open, where
// that can be told.
func openFiles(t *testing.T, p *process) int {
	t.Helper()
	all, err := os.ReadDir(filepath.Join("/proc", fmt.Sprint(p.cmd.Process.Pid), "fd"))
	if err != nil {
		return 0
	}
	return len(all)
}
