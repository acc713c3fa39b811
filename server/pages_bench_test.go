package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// The load of BenchmarkPages: this many clients on persistent connections, each
// with this many requests.
const (
	readers   = 8
	perReader = 64
)

// BenchmarkPages reports how often the public pages are answered, as a fraction
// of an Echo handler that answers a constant of the same size, both over HTTP
// to the same clients and alternately.
func BenchmarkPages(b *testing.B) {
	server.Tune()
	s := servertest.New(b, storetest.SQLite(b), func(c *server.Config) {
		c.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	})
	var links []string
	for i := range readers {
		links = append(links, s.Link(fmt.Sprintf("%c.doe@example.com", 'a'+i)))
	}
	for _, bb := range []struct {
		name  string
		pages []string
	}{{"start", []string{"/"}}, {"link", links}} {
		b.Run(bb.name, func(b *testing.B) {
			toPages := phones(b, s.URL, readers)
			size, err := toPages[0].fetch(bb.pages[0])
			if err != nil {
				b.Fatal(err)
			}
			constant := httptest.NewServer(constant(size))
			defer constant.Close()
			toConstant := phones(b, constant.URL, readers)
			page, floor := time.Duration(0), time.Duration(0)
			readAll(b, toPages, bb.pages...) // warm
			for b.Loop() {
				page += readAll(b, toPages, bb.pages...)
				floor += readAll(b, toConstant, "/")
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(floor)/float64(page), "x-constant")
			b.ReportMetric(float64(b.N*readers*perReader)/page.Seconds(), "pages/s")
		})
	}
}

// constant answers with a page of another's size.
func constant(size int64) http.Handler {
	e, body := echo.New(), bytes.Repeat([]byte("x"), int(size))
	e.GET("/", func(c echo.Context) error { return c.HTMLBlob(http.StatusOK, body) })
	return e
}

// A phone fetches pages over one persistent connection. It does as little as a
// load generator can, because the server runs on the same machine.
type phone struct {
	conn net.Conn
	in   *bufio.Reader
}

// phones returns n phones connected to the server.
func phones(b *testing.B, address string, n int) []phone {
	b.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	all := make([]phone, n)
	for i := range all {
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		all[i] = phone{conn, bufio.NewReader(conn)}
	}
	return all
}

// fetch returns the size of the response at the path.
func (p phone) fetch(path string) (int64, error) {
	if err := p.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(p.conn, "GET "+path+" HTTP/1.1\r\nHost: "+p.conn.RemoteAddr().String()+"\r\nUser-Agent: "+servertest.IPhone+"\r\n\r\n"); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(p.in, nil)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("status %d", answer.StatusCode)
	}
	return io.Copy(io.Discard, answer.Body)
}

// readAll times a round of all phones, each of which fetches one of the pages.
func readAll(b *testing.B, readers []phone, pages ...string) time.Duration {
	var wg sync.WaitGroup
	start := time.Now()
	for i, reader := range readers {
		wg.Go(func() {
			for range perReader {
				if _, err := reader.fetch(pages[i%len(pages)]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
