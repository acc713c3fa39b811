package server_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// What BenchmarkPages does at a stretch: so many clients, each on connections
// that stay, look so often.
const (
	readers   = 8
	perReader = 64
)

// BenchmarkPages reports how often the pages that people come to are answered,
// as a part of how often an Echo handler answers a constant of the same size,
// both over HTTP to the same clients and in turns.
func BenchmarkPages(b *testing.B) {
	server.TuneMemory()
	s := servertest.New(b, storetest.SQLite(b), func(c *server.Config) {
		c.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	})
	var links []string
	for i := range readers {
		links = append(links, s.URL+s.Link(fmt.Sprintf("%c.doe@example.com", 'a'+i)))
	}
	for _, bb := range []struct {
		name  string
		pages []string
	}{{"start", []string{s.URL + "/"}}, {"link", links}} {
		b.Run(bb.name, func(b *testing.B) {
			pages := bb.pages
			constant := httptest.NewServer(constant(look(b, pages[0])))
			defer constant.Close()
			page, floor := time.Duration(0), time.Duration(0)
			readAll(b, pages...) // warm
			for b.Loop() {
				page += readAll(b, pages...)
				floor += readAll(b, constant.URL)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(floor)/float64(page), "x-constant")
			b.ReportMetric(float64(b.N*readers*perReader)/page.Seconds(), "pages/s")
		})
	}
}

// constant answers with a page of the size of another.
func constant(page []byte) http.Handler {
	e, body := echo.New(), bytes.Repeat([]byte("x"), len(page))
	e.GET("/", func(c echo.Context) error { return c.HTMLBlob(http.StatusOK, body) })
	return e
}

// browser keeps as many connections as there are clients.
var browser = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: callers, DisableCompression: true}}

// look fetches a page as a phone does.
func look(b *testing.B, address string) []byte {
	body, err := fetch(address)
	if err != nil {
		b.Error(err)
	}
	return body
}

func fetch(address string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", servertest.IPhone)
	answer, err := browser.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", answer.StatusCode)
	}
	return io.ReadAll(answer.Body)
}

// readAll times a stretch of all readers, each of whom looks at one of the
// pages.
func readAll(b *testing.B, pages ...string) time.Duration {
	var wg sync.WaitGroup
	start := time.Now()
	for i := range readers {
		wg.Go(func() {
			for range perReader {
				look(b, pages[i%len(pages)])
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
