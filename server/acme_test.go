package server_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/certificate"
	"github.com/updatecase/mobileconfig/server/certificate/acmetest"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// An acmeServer is a server that gets its own certificate, with its own clock.
type acmeServer struct {
	*server.Server
	t        *testing.T
	ahead    atomic.Int64 // real time
	requests atomic.Int64
	client   *http.Client
	from     *acmetest.Authority
	log      *servertest.Log
}

func (s *acmeServer) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// startACME starts a server and returns when it listens.
func startACME(t *testing.T, database string, from *acmetest.Authority, change func(*server.Config)) *acmeServer {
	t.Helper()
	s := &acmeServer{t: t, from: from, log: &servertest.Log{}}
	config := server.Config{
		BaseURL: "https://" + acmetest.Host, Database: database, Secret: servertest.Secret, LogKey: servertest.LogKey,
		Archive: t.TempDir(), DatabaseTimeout: storetest.CallTimeout,
		Listen: from.TLS, HTTPListen: from.HTTP, SigningRoots: from.Issuers, First: servertest.First(t, servertest.Domain),
		ACME:           &server.ACME{Email: "maria@example.com", Directory: from.Directory, Profile: "default", Roots: from.Roots},
		Log:            slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		HostResolver:   dialtest.Nothing(),
		TrustedProxies: servertest.Loopback(t),
		Now:            s.now,
	}
	if change != nil {
		change(&config)
	}
	var err error
	if s.Server, err = server.New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func(a net.Addr) { ready <- a }) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended: %v", err)
		}
		if t.Failed() {
			t.Log(s.log)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: from.Issuers}, DialContext: from.Dial}
	t.Cleanup(transport.CloseIdleConnections)
	s.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s
}

// await waits for the first certificate.
func (s *acmeServer) await() *signing.Identity {
	s.t.Helper()
	for range 1200 {
		if s.Certificate().Present() {
			return s.Certificate().Identity()
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatal("no certificate arrives")
	return nil
}

// look makes the server check whether anything is due.
func (s *acmeServer) look() {
	s.t.Helper()
	if err := s.Certificate().Look(s.t.Context()); err != nil {
		s.t.Error(err)
	}
	if err := s.RunScheduled(s.t.Context()); err != nil {
		s.t.Error(err)
	}
}

// later advances the server's clock.
func (s *acmeServer) later(d time.Duration) { s.ahead.Add(int64(d)) }

// do sends a request over HTTPS, which must succeed.
func (s *acmeServer) do(method, path string, form url.Values) (int, string, []byte) {
	s.t.Helper()
	req, err := http.NewRequest(method, "https://"+acmetest.Host+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("User-Agent", servertest.IPhone)
	n := s.requests.Add(1) // from a new network each time, to avoid the limits
	req.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255))
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Error(err)
		return 0, "", nil
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Error(err)
	}
	return res.StatusCode, res.Header.Get("Location"), data
}

// download sets up a mailbox like a phone, and verifies the profile.
func (s *acmeServer) download(address string) *x509.Certificate {
	s.t.Helper()
	status, link, _ := s.do(http.MethodPost, "/start", url.Values{"address": {address}})
	if status != http.StatusSeeOther {
		s.t.Errorf("start: %d", status)
		return nil
	}
	status, ticket, _ := s.do(http.MethodPost, link+"/profile", url.Values{"variant": {"mail"}, "platform": {"iphone"}})
	if status != http.StatusSeeOther {
		s.t.Errorf("ticket: %d", status)
		return nil
	}
	status, _, profile := s.do(http.MethodGet, ticket, nil)
	if status != http.StatusOK {
		s.t.Errorf("download: %d %s", status, profile)
		return nil
	}
	envelope, err := signing.Open(profile)
	if err == nil {
		err = envelope.Trust(s.from.Issuers, s.now())
	}
	if err != nil {
		s.t.Errorf("the profile doesn't verify: %v", err)
		return nil
	}
	return envelope.Signer
}

// downloadDuring checks whether anything is due while profiles are downloaded. Each
// profile must verify.
func (s *acmeServer) downloadDuring() {
	s.t.Helper()
	looked := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			if s.download(fmt.Sprintf("busy%d@example.com", s.requests.Load())) == nil {
				return
			}
			select {
			case <-looked:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	s.look()
	close(looked)
	group.Wait()
}

// keyOf returns the hash of a certificate's public key.
func keyOf(c *x509.Certificate) [32]byte { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// logged counts the installation's actions with the name.
func logged(t *testing.T, database string, name audit.Name) int {
	t.Helper()
	return len(servertest.ReadLog(t, database, account.Installation, name))
}

// TestACME gets the first certificate, serves and signs with it, and renews it
// for the same key while profiles are downloaded.
func TestACME(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		from := acmetest.New(t)
		s := startACME(t, database, from, nil)
		first := s.await().Certificate()
		if signer := s.download("jane@example.com"); signer == nil || !signer.Equal(first) {
			t.Errorf("signed by another certificate: %v", signer)
		}
		if first.VerifyHostname(acmetest.Host) != nil {
			t.Errorf("names %v", first.DNSNames)
		}
		if n := from.Orders(); n != 1 {
			t.Errorf("%d orders, want 1", n)
		}
		s.look()
		if n := from.Orders(); n != 1 {
			t.Errorf("an order before it's due: %d", n)
		}
		s.later(61 * 24 * time.Hour)
		s.downloadDuring()
		second := s.Certificate().Identity().Certificate()
		if second.Equal(first) || keyOf(second) != keyOf(first) {
			t.Errorf("after the renewal: the same certificate %v, the same key %v; want another for the same key", second.Equal(first), keyOf(second) == keyOf(first))
		}
		if signer := s.download("joe@example.com"); signer == nil || !signer.Equal(second) {
			t.Errorf("after the renewal signed by %v", signer)
		}
		if renewed, changed := logged(t, database, audit.IdentityRenew), logged(t, database, audit.IdentityChange); renewed != 1 || changed != 0 {
			t.Errorf("logged %d renewals and %d changes, want 1 and 0", renewed, changed)
		}
		if strings.Contains(s.log.String(), "@example.com") {
			t.Error("the program's log contains an email address")
		}
	})
}

// TestACMEOneWay gets a certificate although the authority reaches only one of
// the two ports.
func TestACMEOneWay(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T, *server.Config){
		"TLS-ALPN-01": func(_ *testing.T, c *server.Config) { c.HTTPListen = "none" },
		"HTTP-01":     func(t *testing.T, c *server.Config) { c.Listen = dialtest.Free(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := startACME(t, storetest.SQLite(t), acmetest.New(t), func(c *server.Config) { change(t, c) })
			s.await()
		})
	}
}

// TestACMERevoked renews a revoked certificate when the authority reports the
// revocation.
func TestACMERevoked(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	from := acmetest.New(t)
	s := startACME(t, database, from, nil)
	first := s.await().Certificate()
	revoke(t, database, from, first)
	from.Spoil(func(r *http.Response) error {
		if !strings.Contains(r.Request.URL.Path, "renewalInfo") {
			return nil
		}
		// Pebble's window is one second; Let's Encrypt's is half an hour.
		var info acme.RenewalInfo
		if err := json.NewDecoder(r.Body).Decode(&info); err != nil {
			return err
		}
		if least := info.SuggestedWindow.Start.Add(time.Minute); info.SuggestedWindow.End.Before(least) {
			info.SuggestedWindow.End = least
		}
		data, err := json.Marshal(info)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
		r.Header.Set("Content-Length", strconv.Itoa(len(data)))
		return err
	})
	s.later(7 * time.Hour)
	s.downloadDuring()
	s.later(12 * time.Hour) // an order so soon after the first must wait
	s.downloadDuring()
	second := s.Certificate().Identity().Certificate()
	if second.Equal(first) || keyOf(second) != keyOf(first) {
		t.Error("the revoked certificate wasn't replaced with one for the same key")
	}
}

// revoke revokes the stored certificate with its key.
func revoke(t *testing.T, database string, from *acmetest.Authority, c *x509.Certificate) {
	t.Helper()
	kept, err := store.Open(t.Context(), store.Config{Database: database, CallTimeout: storetest.CallTimeout})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	data, err := kept.CertificateValue(t.Context(), "certificate")
	if err != nil {
		t.Fatal(err)
	}
	cipher := crypt.Single(servertest.Secret).Cipher(crypt.Certificate)
	if data, err = cipher.Decrypt(data, "certificate"); err != nil {
		t.Fatal(err)
	}
	var value struct{ Key []byte }
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(value.Key)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	client := &acme.Client{Directory: from.Directory, HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: from.Roots}, DisableKeepAlives: true}}}
	if err := client.RevokeCertificate(t.Context(), acme.Account{}, c, key.(crypto.Signer), acme.ReasonSuperseded); err != nil {
		t.Fatal(err)
	}
}

// TestACMEAway checks a renewal while the authority is down for a day.
func TestACMEAway(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	from := acmetest.New(t)
	s := startACME(t, database, from, nil)
	first := s.await().Certificate()
	from.Down(true)
	s.later(61 * 24 * time.Hour)
	var failures []int
	for range 24 * 4 {
		s.later(15 * time.Minute)
		s.downloadDuring()
		f := s.Certificate().Status().Failure
		if f == nil {
			t.Fatal("no failure is reported")
		}
		if f.Reason != certificate.Unreachable {
			t.Fatalf("the reason is %s: %s", f.Reason, f.Detail)
		}
		failures = append(failures, f.Count)
	}
	if last := failures[len(failures)-1]; last < 5 || last > 9 {
		t.Errorf("%d orders in a day: %v", last, failures)
	}
	if signer := s.download("jane@example.com"); signer == nil || !signer.Equal(first) {
		t.Error("the old certificate no longer signs")
	}
	if n := logged(t, database, audit.IdentityRenewFailed); n < 2 || n > 3 {
		t.Errorf("%d failures logged in a day, want 2 or 3", n)
	}
	from.Down(false)
	s.later(6 * time.Hour)
	s.look()
	if c := s.Certificate().Identity().Certificate(); c.Equal(first) || keyOf(c) != keyOf(first) {
		t.Error("not renewed after the authority is back")
	}
	if f := s.Certificate().Status().Failure; f != nil {
		t.Errorf("still reported: %+v", f)
	}
}

// TestACMEWrongAnswers checks renewals that the authority answers with
// something unusable.
func TestACMEWrongAnswers(t *testing.T) {
	t.Parallel()
	from := acmetest.New(t)
	s := startACME(t, storetest.SQLite(t), from, nil)
	first := s.await().Certificate()
	other := signingtest.Root(t, "p256")
	stranger := other.Leaf(t, "p256", func(c *x509.Certificate) { c.DNSNames = []string{acmetest.Host} })
	broken := func(kind string, status int, body string) func(*http.Response) error {
		return func(r *http.Response) error {
			if strings.HasPrefix(r.Request.URL.Path, "/draft") || r.Request.Method == http.MethodHead {
				return nil
			}
			r.Body.Close()
			r.StatusCode, r.Status, r.Body, r.ContentLength = status, http.StatusText(status), io.NopCloser(strings.NewReader(body)), int64(len(body))
			r.Header.Del("Content-Length")
			r.Header.Set("Content-Type", kind)
			return nil
		}
	}
	s.later(61 * 24 * time.Hour)
	for _, tt := range []struct {
		name   string
		spoil  func(*http.Response) error
		reason []certificate.Reason
	}{
		{"a certificate for another key", acmetest.ReplaceChain(stranger.CertPEM(other)), []certificate.Reason{certificate.Unusable}},
		{"the old certificate's chain cut", acmetest.ReplaceChain(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: first.Raw})), []certificate.Reason{certificate.Unusable}},
		{"no certificate", acmetest.ReplaceChain(nil), []certificate.Reason{certificate.Unusable, certificate.Refused}},
		{"no PEM", acmetest.ReplaceChain([]byte("<html>busy</html>")), []certificate.Reason{certificate.Unusable, certificate.Refused}},
		{"no JSON", broken("application/json", 200, "<html>"), []certificate.Reason{certificate.Refused}},
		{"an error page", broken("text/html", 502, "<html>Bad Gateway</html>"), []certificate.Reason{certificate.Refused, certificate.Unreachable}},
		{"a limit", broken("application/problem+json", 429, `{"type":"urn:ietf:params:acme:error:rateLimited","status":429,"detail":"too many certificates"}`), []certificate.Reason{certificate.Limited}},
		{"a key that was stolen", broken("application/problem+json", 400, `{"type":"urn:ietf:params:acme:error:badPublicKey","status":400,"detail":"blocked key"}`), []certificate.Reason{certificate.KeyRefused}},
	} {
		from.Spoil(tt.spoil)
		s.later(6 * time.Hour)
		s.downloadDuring()
		f := s.Certificate().Status().Failure
		if f == nil || !slices.Contains(tt.reason, f.Reason) {
			t.Errorf("%s: %+v", tt.name, f)
		}
		if signer := s.download("jane@example.com"); signer == nil || !signer.Equal(first) {
			t.Errorf("%s: the old certificate no longer signs", tt.name)
		}
	}
	from.Spoil(nil)
	s.later(6 * time.Hour)
	s.downloadDuring()
	if c := s.Certificate().Identity().Certificate(); c.Equal(first) || keyOf(c) != keyOf(first) {
		t.Errorf("not renewed afterwards: %+v", s.Certificate().Status())
	}
}

// TestACMETwoServers starts two servers at the same time on one database. They
// place one order together, although the authority reaches only one of them.
func TestACMETwoServers(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		from := acmetest.New(t)
		a := startACME(t, database, from, nil)
		b := startACME(t, database, from, func(c *server.Config) { c.Listen, c.HTTPListen = dialtest.Free(t), "none" })
		for range 600 {
			if a.Certificate().Present() && b.Certificate().Present() {
				break
			}
			a.look()
			b.look()
			time.Sleep(50 * time.Millisecond)
		}
		first := a.await().Certificate()
		if !b.await().Certificate().Equal(first) {
			t.Error("the servers have different certificates")
		}
		a.later(61 * 24 * time.Hour)
		b.later(61 * 24 * time.Hour)
		before := from.Orders()
		var group sync.WaitGroup
		group.Go(a.look)
		group.Go(b.look)
		group.Wait()
		a.look()
		b.look()
		second := a.Certificate().Identity().Certificate()
		if second.Equal(first) || !b.Certificate().Identity().Certificate().Equal(second) || keyOf(second) != keyOf(first) {
			t.Error("after the renewal the servers don't share a new certificate for the old key")
		}
		if n := from.Orders() - before; n != 1 {
			t.Errorf("%d orders for one renewal", n)
		}
	})
}

// TestPlainHTTP redirects plain HTTP, but not requests with a body.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	from := acmetest.New(t)
	s := startACME(t, storetest.SQLite(t), from, nil)
	s.await()
	for _, tt := range []struct {
		method, path string
		status       int
		location     string
	}{
		{"GET", "/s/token?x=1", http.StatusMovedPermanently, "https://setup.example.com/s/token?x=1"},
		{"HEAD", "//evil.example/", http.StatusMovedPermanently, "https://setup.example.com//evil.example/"},
		{"POST", "/start", http.StatusMisdirectedRequest, ""},
		{"GET", "/.well-known/acme-challenge/unknown", http.StatusNotFound, ""},
		{"GET", "/.well-known/acme-challenge/../../etc", http.StatusNotFound, ""},
		{"POST", "/.well-known/acme-challenge/unknown", http.StatusNotFound, ""},
	} {
		req, err := http.NewRequest(tt.method, "http://setup.example.com", bytes.NewReader(nil))
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = "//setup.example.com" + tt.path
		res, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if hsts := res.Header.Get("Strict-Transport-Security"); hsts != "" {
			t.Errorf("%s %s: HSTS over plain HTTP: %s", tt.method, tt.path, hsts)
		}
		if res.StatusCode != tt.status || res.Header.Get("Location") != tt.location {
			t.Errorf("%s %s: %d %s, want %d %s", tt.method, tt.path, res.StatusCode, res.Header.Get("Location"), tt.status, tt.location)
		}
	}
}

// TestACMERenewNow renews early because an operator requests it: for the same
// key, and for a new one.
func TestACMERenewNow(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	s := startACME(t, database, acmetest.New(t), nil)
	first := s.await().Certificate()
	s.look() // records the signing identity
	owner := audit.ByOperator()
	for _, newKey := range []bool{false, true} {
		kept, err := store.Open(t.Context(), store.Config{Database: database, CallTimeout: storetest.CallTimeout})
		if err != nil {
			t.Fatal(err)
		}
		err = certificate.RequestRenewal(t.Context(), kept, owner, certificate.Request{NewKey: newKey}, "certificate")
		kept.Close()
		if err != nil {
			t.Fatal(err)
		}
		s.downloadDuring()
		c := s.Certificate().Identity().Certificate()
		if c.Equal(first) || (keyOf(c) == keyOf(first)) == newKey {
			t.Errorf("requested with a new key %v: the same certificate %v, the same key %v", newKey, c.Equal(first), keyOf(c) == keyOf(first))
		}
		s.look()
		if !s.Certificate().Identity().Certificate().Equal(c) {
			t.Error("renewed again without a request")
		}
		first = c
	}
	if renewed, changed := logged(t, database, audit.IdentityRenew), logged(t, database, audit.IdentityChange); renewed != 1 || changed != 1 {
		t.Errorf("logged %d renewals and %d changes, want 1 and 1", renewed, changed)
	}
}
