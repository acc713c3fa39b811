package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// BenchmarkDownload times a download with its action over HTTP, client
// included, on SQLite with full durability.
func BenchmarkDownload(b *testing.B) {
	database := storetest.SQLite(b)
	s := servertest.New(b, database, nil)
	ticket := s.Ticket(s.Link("jane@example.com"), "secure")
	storetest.Exec(b, database, `UPDATE tickets SET max_fetches = 1000000000`)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	for _, goroutines := range []int{1, 2} {
		b.Run(fmt.Sprintf("p256/goroutines=%d", goroutines), func(b *testing.B) {
			signingtest.Ratio(b, key, goroutines, func() error {
				if a := s.Get(ticket); a.Status != http.StatusOK {
					return fmt.Errorf("status %d", a.Status)
				}
				return nil
			})
		})
	}
}

// BenchmarkHTTPDownloads has clients fetch tickets over HTTP, each download
// signed with the kinds of key that authorities certify, and recorded in the
// action log on databases that write through to the disk. It reports downloads
// per second as a fraction of the profiles per second that as many goroutines
// build and sign in the process, measured alternately, and the CPU time of this
// process per download, client included.
func BenchmarkHTTPDownloads(b *testing.B) {
	for _, kind := range []string{"p256", "rsa-2048"} {
		b.Run(kind+"/sqlite", func(b *testing.B) { benchmarkHTTP(b, kind, storetest.SQLite(b)) })
		b.Run(kind+"/postgres", func(b *testing.B) {
			database, _ := storetest.PostgresServer(b)
			benchmarkHTTP(b, kind, database)
		})
	}
}

func benchmarkHTTP(b *testing.B, kind, database string) {
	server.Tune()
	identity, _ := benchIdentity(b, kind)
	issuer := benchIssuer(b, identity)
	s := servertest.New(b, database, func(c *server.Config) {
		c.Identity = server.Fixed(identity)
		c.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	})
	tickets, clients := ticketsOf(s, database, b), phones(b, s.URL, callers)
	var over, within, used time.Duration
	round := func() {
		storetest.Exec(b, database, `UPDATE tickets SET fetches = 0`)
		storetest.Exec(b, database, `UPDATE links SET downloads = 0`)
		before := signingtest.ProcessorTime(b)
		took, _ := allAtOnce(b, func(i int) error {
			_, err := clients[i%callers].fetch(tickets[i%len(tickets)])
			return err
		})
		over += took
		used += signingtest.ProcessorTime(b) - before
		took, _ = allAtOnce(b, func(i int) error {
			_, err := build(issuer, i)
			return err
		})
		within += took
	}
	round() // warm
	over, within, used = 0, 0, 0
	for b.Loop() {
		round()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(within)/float64(over), "of-inprocess")
	b.ReportMetric(float64(b.N*callers*perCaller())/over.Seconds(), "downloads/s")
	b.ReportMetric(float64(used.Microseconds())/1000/float64(b.N*callers*perCaller()), "cpu-ms/download")
}

// ticketsOf requests tickets like visitors do, four per client, and allows as
// many downloads of each as a round needs.
func ticketsOf(s *servertest.Server, database string, b *testing.B) []string {
	b.Helper()
	var tickets []string
	for i := range 32 {
		link := s.Link(fmt.Sprintf("jane%d@example.com", i))
		storetest.Exec(b, database, `UPDATE links SET max_downloads = 1000000`)
		for range 4 * callers / 32 {
			tickets = append(tickets, s.Ticket(link, "secure"))
		}
	}
	storetest.Exec(b, database, `UPDATE tickets SET max_fetches = 1000000`)
	return tickets
}
