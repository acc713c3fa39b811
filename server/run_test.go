package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestFirstDomainKeepsItsSettings restarts the server with different servers
// for its first domain.
func TestFirstDomainKeepsItsSettings(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	c := servertest.Admin(t, s, database)
	c.SetDomain(t, `"policy":"required","display_name":"Example Mail","login":"local_part","caldav":"cal.example.com"`)
	c.Server = servertest.New(t, database, func(config *server.Config) {
		config.First.Service.Incoming.Host = "new.example.com"
	})
	a := c.Want(t, 200, "GET", "/domains/example.com", "")
	for _, want := range []string{`"imap":"new.example.com:993"`, `"policy":"required"`, `"display_name":"Example Mail"`, `"login":"local_part"`, `"caldav":"cal.example.com:443"`} {
		if !bytes.Contains(a.Body, []byte(want)) {
			t.Errorf("no %s in %s", want, a.Body)
		}
	}
}

// config returns a good configuration on a new database.
func config(t *testing.T) server.Config {
	t.Helper()
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", nil)
	pool := x509.NewCertPool()
	pool.AddCert(root.Cert)
	id, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert}, pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	return server.Config{
		Archive:  t.TempDir(),
		Listen:   "127.0.0.1:0",
		Database: storetest.SQLite(t),

		DatabaseTimeout: storetest.CallTimeout,

		Secret:   servertest.Secret,
		LogKey:   servertest.LogKey,
		Identity: server.Fixed(id),
		First:    servertest.First(t, "example.com"),
	}
}

// start runs a server and returns its address and a function that stops it and
// waits for its end.
func start(t *testing.T, c server.Config) (addr string, stop func() error) {
	t.Helper()
	s, err := server.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan net.Addr, 1), make(chan error, 1)
	go func() { done <- s.Run(ctx, func(a net.Addr) { ready <- a }) }()
	stop = func() error { cancel(); return <-done }
	select {
	case a := <-ready:
		return a.String(), stop
	case err := <-done:
		t.Fatal(err)
	}
	return "", stop
}

// TestRunStops checks that a request in progress is finished and the port is
// free afterwards.
func TestRunStops(t *testing.T) {
	addr, stop := start(t, config(t))
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /start HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 26\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" { // the server is reading now
		t.Fatalf("%v %q", err, line)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	servertest.Eventually(t, "new connections to be refused", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if _, err := io.WriteString(conn, "address=jane%40example.com"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(in)
	if err != nil || !strings.HasPrefix(string(answer), "\r\nHTTP/1.1 303 ") {
		t.Errorf("%v %.60s", err, answer)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
	if l, err := net.Listen("tcp", addr); err != nil {
		t.Errorf("the port is still in use: %v", err)
	} else {
		l.Close()
	}
}

// TestSlowHeaders checks that a client that sends its headers too slowly is
// disconnected.
func TestSlowHeaders(t *testing.T) {
	t.Parallel()
	addr, stop := start(t, config(t))
	defer stop()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("still open: %v", err)
	}
}

func TestLargeHeaders(t *testing.T) {
	addr, stop := start(t, config(t))
	defer stop()
	req, err := http.NewRequest(http.MethodGet, "http://"+addr+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Large", strings.Repeat("x", 64<<10))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", res.StatusCode)
	}
}

// TestTLSReload renews the TLS files under a running server, then breaks them.
func TestTLSReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := signingtest.Root(t, "p256")
	c := config(t)
	var log servertest.Log
	c.Log = slog.New(slog.NewJSONHandler(&log, nil))
	c.TLSCert, c.TLSKey = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(cert, key []byte, at time.Time) {
		t.Helper()
		for file, data := range map[string][]byte{c.TLSCert: cert, c.TLSKey: key} {
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(file, at, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	first, second := root.Leaf(t, "p256", nil), root.Leaf(t, "p256", nil)
	write(first.CertPEM(root), first.KeyPEM(t), time.Now().Add(-time.Minute))
	addr, stop := start(t, c)
	defer stop()

	roots := x509.NewCertPool()
	roots.AddCert(root.Cert)
	serial := func() string {
		t.Helper()
		conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		state := conn.ConnectionState()
		if state.Version < tls.VersionTLS12 || state.NegotiatedProtocol != "h2" {
			t.Errorf("version %x, protocol %q", state.Version, state.NegotiatedProtocol)
		}
		return state.PeerCertificates[0].SerialNumber.String()
	}
	if serial() != first.Cert.SerialNumber.String() {
		t.Error("the first certificate isn't served")
	}
	write(second.CertPEM(root), second.KeyPEM(t), time.Now())
	servertest.Eventually(t, "the new certificate", func() bool { return serial() == second.Cert.SerialNumber.String() })
	failures := func() int { return strings.Count(log.String(), "not reloaded") }
	before := failures()
	write([]byte("broken"), []byte("broken"), time.Now().Add(time.Minute))
	servertest.Eventually(t, "a failure to reload", func() bool {
		serial()
		return failures() > before
	})
	if serial() != second.Cert.SerialNumber.String() {
		t.Error("a broken file replaced a good certificate")
	}
	if _, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: "localhost", MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestNewRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*server.Config){
		"no database":    func(c *server.Config) { c.Database = "" },
		"wrong database": func(c *server.Config) { c.Database = "mysql://x" },
		"no folder":      func(c *server.Config) { c.Database = "sqlite:/no/such/folder/x.db" },
		"no secret":      func(c *server.Config) { c.Secret = nil },
		"short secret":   func(c *server.Config) { c.Secret = c.Secret[:31] },
		"no log key":     func(c *server.Config) { c.LogKey = nil },
		"no identity":    func(c *server.Config) { c.Identity = nil },
		"base path":      func(c *server.Config) { c.BaseURL = "https://example.com/x" },
		"base scheme":    func(c *server.Config) { c.BaseURL = "ftp://example.com" },
		"base user":      func(c *server.Config) { c.BaseURL = "https://a:b@example.com" },
		"half of TLS":    func(c *server.Config) { c.TLSKey = "x" },
		"listen":         func(c *server.Config) { c.Listen = "nonsense" },
	} {
		c := config(t)
		spoil(&c)
		s, err := server.New(t.Context(), c)
		if err == nil {
			s.Close()
			t.Errorf("%s: accepted", name)
		}
		if database := strings.HasPrefix(name, "wrong ") || name == "no folder"; errors.Is(err, server.ErrConfig) == database {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for listen, want := range map[string]string{
		"":               "http://localhost:8080",
		"127.0.0.1:9000": "http://localhost:9000",
		":9000":          "http://localhost:9000",
		"0.0.0.0:9000":   "http://localhost:9000",
		"[::]:9000":      "http://localhost:9000",
		"192.0.2.7:9000": "http://192.0.2.7:9000",
	} {
		c := config(t)
		c.Listen = listen
		s, err := server.New(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if s.BaseURL() != want {
			t.Errorf("%q: %s, want %s", listen, s.BaseURL(), want)
		}
		s.Close()
	}
}

// TestFirstDomain starts with the same flags, then with others.
func TestFirstDomain(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		one := servertest.New(t, database, nil)
		before := storetest.Fingerprint(t, database)
		servertest.New(t, database, nil)
		if storetest.Fingerprint(t, database) != before {
			t.Error("the same flags changed the database")
		}
		servertest.New(t, database, func(c *server.Config) {
			c.First.Service.Incoming.Host = "new.example.com"
		})
		if page := one.Get(one.Link("jane@example.com")); !strings.Contains(string(page.Body), "new.example.com") {
			t.Error("the new server isn't on the page")
		}
		if dump := storetest.Dump(t, database); !strings.Contains(dump, "domain.create") || !strings.Contains(dump, "domain.update") {
			t.Error("the change wasn't logged")
		}
	})
}
