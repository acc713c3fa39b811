package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/prepared"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// BenchmarkPageBesideBatch has another process fetch a link's page a hundred
// times a second while the server creates a batch. It reports the 99th percentile in milliseconds, and in multiples of
// the one without a batch, as x-idle.
func BenchmarkPageBesideBatch(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkBeside(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchmarkBeside(b, storetest.Postgres(b)) })
}

func benchmarkBeside(b *testing.B, database string) {
	server.Tune()
	s := servertest.New(b, database, func(c *server.Config) { c.Listen = "127.0.0.1:0" })
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, func(net.Addr) {}) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}()
	key := servertest.NewKey(b, database, account.KeySpec{Scopes: []string{"batches:read", "batches:write"}})
	call := func(method, path, body string) (answer struct{ ID, State string }) {
		a := s.Do(method, "/api/v1/batches"+path, http.Header{"Authorization": {"Bearer " + key}, "Content-Type": {"text/csv"}}, body)
		if err := json.Unmarshal(a.Body, &answer); err != nil || a.Status >= 300 {
			b.Fatalf("%d %.300s", a.Status, a.Body)
		}
		return answer
	}
	var list strings.Builder
	list.WriteString("email\n")
	for i := range signingtest.Size(100_000) {
		fmt.Fprintf(&list, "jane%d@example.com\n", i)
	}
	url := s.URL + s.Link("jane@example.com")
	var alone, beside []time.Duration
	for b.Loop() {
		v := newVisitor(b, url)
		time.Sleep(time.Duration(signingtest.Size(20_000)) * time.Millisecond)
		alone = append(alone, v.leave()...)
		id := call("POST", "", list.String()).ID
		for state := ""; state != "ready"; state = call("GET", "/"+id, "").State {
			time.Sleep(100 * time.Millisecond)
		}
		v = newVisitor(b, url)
		call("POST", "/"+id+"/start", "")
		for state := ""; state != "done"; state = call("GET", "/"+id, "").State {
			time.Sleep(100 * time.Millisecond)
		}
		beside = append(beside, v.leave()...)
	}
	p99 := func(all []time.Duration) float64 {
		slices.Sort(all)
		return float64(all[len(all)*99/100].Microseconds()) / 1000
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(p99(beside), "p99-ms")
	b.ReportMetric(p99(beside)/p99(alone), "x-idle")
}

// visited is the environment variable with the page that a visitor fetches.
const visited = "MOBILECONFIG_VISITED"

// A visitor is a process of its own that fetches a page again and again, a
// hundred times a second.
type visitor struct {
	b     *testing.B
	cmd   *exec.Cmd
	until io.Closer
	took  bytes.Buffer
}

func newVisitor(b *testing.B, url string) *visitor {
	v := &visitor{b: b, cmd: prepared.Command(os.Args[0])}
	v.cmd.Env = append(os.Environ(), visited+"="+url)
	v.cmd.Stdout, v.cmd.Stderr = &v.took, os.Stderr
	var err error
	if v.until, err = v.cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return v
}

// leave ends the visitor and returns how long its visits took.
func (v *visitor) leave() (took []time.Duration) {
	v.until.Close()
	if err := v.cmd.Wait(); err != nil {
		v.b.Fatal(err)
	}
	if err := json.Unmarshal(v.took.Bytes(), &took); err != nil {
		v.b.Fatal(err)
	}
	return took
}

// visit is what a visitor does: it fetches the page until its input ends, and
// prints how long each visit took.
func visit(url string) error {
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	var took []time.Duration
	for pause := time.NewTicker(10 * time.Millisecond); ; {
		select {
		case <-ended:
			return json.NewEncoder(os.Stdout).Encode(took)
		case <-pause.C:
		}
		began := time.Now()
		a, err := http.Get(url)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, a.Body)
		a.Body.Close()
		if err != nil || a.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %w", a.Status, err)
		}
		took = append(took, time.Since(began))
	}
}
