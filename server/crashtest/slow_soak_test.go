//go:build soak

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

	"github.com/updatecase/mobileconfig/server/soak"
)

const (
	// headerLimit is how long the program waits for the headers of a request.
	headerLimit = 5 * time.Second
	// closeGoal is how long after the limit a connection may still be open.
	closeGoal = 10 * time.Second
	// ratioGoal limits what slow clients may do to good ones: p99 in multiples
	// of the p99 without them.
	ratioGoal = 2.0
)

// TestSoakSlowClients sends good requests by themselves and then beside clients
// that dribble their headers. All good ones are served, all slow ones
// disconnected, and none of their connections is left. It runs by itself for
// its measurements.
func TestSoakSlowClients(t *testing.T) {
	clients, turns := soak.Count(200, 500), soak.Count(1, 5)
	data, token := installation(t, false)
	p := start(t, data)
	page, before := p.url+"/s/"+token, openFiles(t, p)

	calm, stop := context.WithCancel(t.Context())
	time.AfterFunc(headerLimit, stop)
	alone := measure(calm, page)
	slow, ended := attack(t, strings.TrimPrefix(p.url, "http://"), clients, turns)
	beside := measure(ended, page)

	if alone.failed+beside.failed > 0 {
		t.Errorf("failed requests: %d alone, %d beside", alone.failed, beside.failed)
	}
	t.Logf("good requests alone: %v; beside %d slow clients that each came %d times: %v", alone, clients, turns, beside)
	soak.Figure(t, "p99 beside slow clients to p99 alone", fmt.Sprintf("%.2f", float64(beside.p99)/float64(alone.p99)), ratioGoal)
	soak.Figure(t, "longest life of a slow connection", slow().Round(time.Millisecond), headerLimit+closeGoal)
	until(t, p, "the files of slow connections to be closed", func() bool { return openFiles(t, p) <= before+20 })
}

// A latency summarizes how long requests took.
type latency struct {
	n, failed int
	p50, p99  time.Duration
}

func (l latency) String() string {
	return fmt.Sprintf("%d requests, p50 %v, p99 %v", l.n, l.p50.Round(time.Microsecond), l.p99.Round(time.Microsecond))
}

// measure fetches the page up to 200 times a second until ctx is done, and at
// least 200 times, each time over a new connection.
func measure(ctx context.Context, url string) latency {
	const workers, each, pause = 4, 50, 20 * time.Millisecond
	client := plain()
	var mu sync.Mutex
	var took []time.Duration
	var failed atomic.Int64
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for n := 0; n < each || ctx.Err() == nil; n++ {
				sent := time.Now()
				if !fetched(client, url) {
					failed.Add(1)
				}
				mu.Lock()
				took = append(took, time.Since(sent))
				mu.Unlock()
				<-tick.C
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

// attack opens connections of slow clients, and opens each again when the
// server has closed it, a number of times. The context ends with the last of
// them; longest then returns how long the longest connection lived.
func attack(t *testing.T, addr string, clients, turns int) (longest func() time.Duration, ended context.Context) {
	t.Helper()
	ended, end := context.WithCancel(context.Background())
	var mu sync.Mutex
	var most time.Duration
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			time.Sleep(rand.N(time.Second)) // not all at the same time
			for range turns {
				lived, err := dribble(addr)
				mu.Lock()
				most = max(most, lived)
				mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	go func() {
		all.Wait()
		end()
	}()
	return func() time.Duration { <-ended.Done(); return most }, ended
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
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: setup.example.com\r\n"); err != nil {
		return 0, err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range int(guard / time.Second) {
		select {
		case <-closed:
			return time.Since(begun), nil
		case <-tick.C:
			_, _ = io.WriteString(conn, "X-A: b\r\n") // the reader notices when it is closed
		}
	}
	return time.Since(begun), errors.New("the server does not close a slow connection")
}

// openFiles returns how many files and connections the program has open, if the
// system can tell.
func openFiles(t *testing.T, p *process) int {
	t.Helper()
	all, err := os.ReadDir(filepath.Join("/proc", fmt.Sprint(p.cmd.Process.Pid), "fd"))
	if err != nil {
		return 0
	}
	return len(all)
}
