package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// BenchmarkPageBesideBatch fetches a link's page while the same server creates
// a batch. It reports the 99th percentile in milliseconds, and in multiples of
// the one without a batch, as x-idle.
func BenchmarkPageBesideBatch(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkBeside(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchmarkBeside(b, storetest.Postgres(b)) })
}

func benchmarkBeside(b *testing.B, database string) {
	server.TuneMemory()
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
	path := s.Link("jane@example.com")
	visit := func() time.Duration {
		began := time.Now()
		if a := s.Get(path); a.Status != http.StatusOK {
			b.Fatal(a.Status)
		}
		return time.Since(began)
	}
	var alone, beside []time.Duration
	for b.Loop() {
		for range 1000 {
			alone = append(alone, visit())
		}
		id := call("POST", "", list.String()).ID
		for state := ""; state != "ready"; state = call("GET", "/"+id, "").State {
			time.Sleep(10 * time.Millisecond)
		}
		call("POST", "/"+id+"/start", "")
		for state := ""; state != "done"; state = call("GET", "/"+id, "").State {
			for range 100 {
				beside = append(beside, visit())
			}
		}
	}
	p99 := func(all []time.Duration) float64 {
		slices.Sort(all)
		return float64(all[len(all)*99/100].Microseconds()) / 1000
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(p99(beside), "p99-ms")
	b.ReportMetric(p99(beside)/p99(alone), "x-idle")
}
