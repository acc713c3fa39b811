package server_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// BenchmarkBulkLinks creates links over HTTP with one request for all and with
// one request each, alternately, each with an idempotency key. It reports how
// many times faster the single request is.
func BenchmarkBulkLinks(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkBulk(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) {
		database, _ := storetest.PostgresServer(b)
		benchmarkBulk(b, database)
	})
}

func benchmarkBulk(b *testing.B, database string) {
	server.Tune()
	clock := storetest.NewClock()
	s := servertest.New(b, database, func(c *server.Config) {
		c.Now = clock.Now
		c.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	})
	keys := make([]string, 2) // none reaches its limit
	for i := range keys {
		keys[i] = servertest.NewKey(b, database, account.KeySpec{Scopes: []string{"links:write"}})
	}
	calls := 0
	post := func(path, body string, want int) {
		calls++
		header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + keys[calls%2]}, "Idempotency-Key": {fmt.Sprint(calls)}}
		if a := s.Do("POST", "/api/v1/setup-links"+path, header, body); a.Status != want || strings.Contains(string(a.Body), "problem") {
			b.Fatalf("%d %.300s", a.Status, a.Body)
		}
	}
	links := make([]string, signingtest.Size(setup.MaxBulk))
	for i := range links {
		links[i] = fmt.Sprintf(`{"address":"p%d@example.com","name":"Jane Doe","external_id":"mbx_%d"}`, i, i)
	}
	var single, bulk time.Duration
	round := func() {
		clock.Move(time.Minute)
		began := time.Now()
		post("/bulk", `{"setup_links":[`+strings.Join(links, ",")+`]}`, 200)
		bulk += time.Since(began)
		began = time.Now()
		for _, l := range links {
			post("", l, 201)
		}
		single += time.Since(began)
	}
	round() // warm
	single, bulk = 0, 0
	for b.Loop() {
		round()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(single)/float64(bulk), "×one-by-one")
}
