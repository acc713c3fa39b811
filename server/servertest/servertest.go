// Package servertest runs whole servers for tests. Their hashes of passwords are
// cheap.
package servertest

import (
	"bytes"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server"
	_ "github.com/updatecase/mobileconfig/server/account/accounttest"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// Secret is the secret of every test installation, so that several servers can
// belong to one.
var Secret = bytes.Repeat([]byte("s"), 32)

// LogKey is the key of the action log of every test installation.
var LogKey = bytes.Repeat([]byte("l"), 32)

// Domain is the email domain of every test installation.
const Domain = "example.com"

// IPhone is the User-Agent of a phone.
const IPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"

// A Server is a server that listens on the loopback interface.
type Server struct {
	*server.Server
	URL   string
	Log   *Log
	Roots *x509.CertPool // for verifying its profiles
	t     testing.TB
	now   func() time.Time
	holds holds
}

// New starts a server on the database, which several servers can share.
// Change, if not nil, changes its configuration. The server stops when the
// test ends.
func New(t testing.TB, database string, change func(*server.Config)) *Server {
	t.Helper()
	return serve(t, listen(t), database, change)
}

// Local is New for a browser: its base URL is the address where it listens,
// with the name localhost, for which browsers create passkeys.
func Local(t testing.TB, database string, change func(*server.Config)) *Server {
	t.Helper()
	on := listen(t)
	_, port, err := net.SplitHostPort(on.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, on, database, func(c *server.Config) {
		c.BaseURL = "http://localhost:" + port
		if change != nil {
			change(c)
		}
	})
	s.URL = s.BaseURL()
	return s
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	on, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { on.Close() })
	return on
}

func serve(t testing.TB, on net.Listener, database string, change func(*server.Config)) *Server {
	t.Helper()
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", nil)
	s := &Server{Log: &Log{}, Roots: x509.NewCertPool(), t: t}
	s.Roots.AddCert(root.Cert)
	identity, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert}, s.Roots, nil)
	if err != nil {
		t.Fatal(err)
	}
	config := server.Config{
		BaseURL:         "http://setup.example.com",
		Database:        database,
		DatabaseTimeout: storetest.CallTimeout,
		Archive:         t.TempDir(),
		Secret:          Secret,
		LogKey:          LogKey,
		Identity:        server.Fixed(identity),
		Log:             slog.New(slog.NewJSONHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		First:           First(t, Domain),

		HostResolver: dialtest.Nothing(), // no test connects to the Internet
	}
	if change != nil {
		change(&config)
	}
	if s.now = config.Now; s.now == nil {
		s.now = time.Now
	}
	if s.Server, err = server.New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	listener := &httptest.Server{Listener: on, Config: &http.Server{Handler: s.holds.wrap(s.Handler())}}
	listener.Start()
	t.Cleanup(listener.Close)
	s.URL = listener.URL
	return s
}

// First returns a domain with the servers imap.DOMAIN:993 and smtp.DOMAIN:465.
func First(t testing.TB, domain string) *server.FirstDomain {
	t.Helper()
	return &server.FirstDomain{Name: domain, Service: settings.MailService{
		Incoming: profile.Server{Host: "imap." + domain, Port: 993},
		Outgoing: profile.Server{Host: "smtp." + domain, Port: 465},
	}}
}

// client follows no redirects.
var client = &http.Client{
	Timeout:       5 * time.Minute, // ends a test that hangs
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
}

// An Answer is a response with its body.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Location returns the target of a redirect.
func (a Answer) Location() string { return a.Header.Get("Location") }

// Do sends a request. Header may be nil; a body is sent as a form.
func (s *Server) Do(method, path string, header http.Header, body string) Answer {
	s.t.Helper()
	req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("User-Agent", IPhone)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return Answer{res.StatusCode, res.Header, data}
}

// Get fetches a page as a phone does.
func (s *Server) Get(path string) Answer {
	s.t.Helper()
	return s.Do(http.MethodGet, path, nil, "")
}

// Post sends a form, given as alternating names and values.
func (s *Server) Post(path string, fields ...string) Answer {
	s.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return s.Do(http.MethodPost, path, nil, form.Encode())
}

// Link creates a link for the mailbox on the public page and returns its path.
func (s *Server) Link(address string) string {
	s.t.Helper()
	a := s.Post("/start", "address", address)
	if a.Status != http.StatusSeeOther {
		s.t.Fatalf("start: %d %s", a.Status, a.Body)
	}
	return a.Location()
}

// Ticket requests a ticket of the variant from the link and returns its path.
func (s *Server) Ticket(link, variant string) string {
	s.t.Helper()
	a := s.Post(link+"/profile", "variant", variant, "platform", "iphone", "agree", "yes")
	if a.Status != http.StatusSeeOther {
		s.t.Fatalf("ticket: %d %s", a.Status, a.Body)
	}
	return a.Location()
}

// Content verifies a downloaded profile and returns what is inside.
func (s *Server) Content(signed []byte) []byte {
	s.t.Helper()
	envelope, err := signing.Open(signed)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := envelope.Trust(s.Roots, time.Now()); err != nil {
		s.t.Fatal(err)
	}
	return envelope.Content
}

// A Log collects what a server logs.
type Log struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write appends a line.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns everything logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
