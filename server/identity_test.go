package server_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// renewable is an identity in files that are renewed like certbot does it:
// links to numbered files are replaced, the certificate's first.
type renewable struct {
	t     *testing.T
	dir   string
	root  signingtest.Pair
	files signing.Files
	count int
}

func newRenewable(t *testing.T) *renewable {
	t.Helper()
	dir := t.TempDir()
	r := &renewable{t: t, dir: dir, root: signingtest.Root(t, "p256")}
	r.files = signing.Files{Cert: filepath.Join(dir, "fullchain.pem"), Key: filepath.Join(dir, "privkey.pem"), Roots: filepath.Join(dir, "root.pem")}
	if err := os.WriteFile(r.files.Roots, r.root.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	r.renew(func() {})
	return r
}

// renew writes a new pair and replaces the links. Between the two it calls
// half.
func (r *renewable) renew(half func()) signingtest.Pair {
	r.t.Helper()
	r.count++
	pair := r.root.Leaf(r.t, "p256", nil)
	r.turn(r.files.Cert, pair.CertPEM())
	half()
	r.turn(r.files.Key, pair.KeyPEM(r.t))
	return pair
}

func (r *renewable) turn(link string, data []byte) {
	r.t.Helper()
	target := link + "." + strings.Repeat("i", r.count)
	if err := os.WriteFile(target, data, 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Symlink(target, link+".new"); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		r.t.Fatal(err)
	}
}

// TestRenewal renews the identity during a thousand downloads. Each of them
// verifies, with the old certificate or the new one.
func TestRenewal(t *testing.T) {
	t.Parallel()
	r := newRenewable(t)
	var log servertest.Log
	identity, err := server.FromFiles(r.files, nil, slog.New(slog.NewJSONHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	database := storetest.SQLite(t)
	s := servertest.New(t, database, func(c *server.Config) { c.Identity = identity })
	ticket := s.Ticket(s.Link("jane@example.com"), "mail")
	storetest.Exec(t, database, `UPDATE tickets SET max_fetches = 1000000`)
	roots := x509.NewCertPool()
	roots.AddCert(r.root.Cert)

	var mu sync.Mutex
	signers := map[string]int{}
	download := func() {
		a := s.Get(ticket)
		envelope, err := signing.Open(a.Body)
		if a.Status != http.StatusOK || err != nil {
			t.Errorf("%d, %v", a.Status, err)
			return
		}
		if err := envelope.Trust(roots, time.Now()); err != nil {
			t.Error(err)
		}
		mu.Lock()
		signers[envelope.Signer.SerialNumber.String()]++
		mu.Unlock()
	}
	first := identity.Current().(*signing.Identity).Certificate().SerialNumber.String()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var count int
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					download()
					mu.Lock()
					count++
					mu.Unlock()
				}
			}
		})
	}
	begun := func() bool { mu.Lock(); defer mu.Unlock(); return count > 0 }
	servertest.Eventually(t, "downloads", begun)
	second := r.renew(func() {
		servertest.Eventually(t, "a half-finished renewal was seen", func() bool { return strings.Contains(log.String(), "not reloaded") })
	}).Cert.SerialNumber.String()
	servertest.Eventually(t, "a thousand downloads, some with the new certificate", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return count >= 1000 && signers[second] > 0
	})
	close(stop)
	wg.Wait()
	if signers[first] == 0 || signers[second] == 0 || len(signers) != 2 || count < 1000 {
		t.Errorf("%d downloads, by signer %v", count, signers)
	}
	if !strings.Contains(log.String(), "not reloaded") || !strings.Contains(log.String(), `"signing identity reloaded"`) {
		t.Errorf("log: %s", log.String())
	}
	t.Logf("%d downloads, %d by the old and %d by the new certificate", count, signers[first], signers[second])
}

// TestBadIdentityStays replaces the files with bad ones. The server keeps using
// the old identity and reports the error in details, metrics and log.
func TestBadIdentityStays(t *testing.T) {
	t.Parallel()
	r := newRenewable(t)
	c := config(t)
	var log servertest.Log
	var err error
	c.Identity, err = server.FromFiles(r.files, nil, slog.New(slog.NewJSONHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	c.MetricsListen = dialtest.Free(t)
	_, stop := start(t, c)
	defer stop()
	inside := func(path string) string {
		t.Helper()
		res, err := http.Get("http://" + c.MetricsListen + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v", path, res.StatusCode, err)
		}
		return string(data)
	}
	var details struct {
		Ready    bool
		Database string
		Log      string
		Identity struct {
			Name, Usable, Reload string
			NotAfter             time.Time `json:"not_after"`
		}
	}
	read := func() {
		t.Helper()
		if err := json.Unmarshal([]byte(inside("/details")), &details); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if !details.Ready || details.Database != "ok" || details.Identity.Reload != "ok" || details.Log != "ok" || details.Identity.Name != "setup.example.com" {
		t.Errorf("details: %+v", details)
	}
	if m := inside("/metrics"); !strings.Contains(m, "mobileconfig_identity_reload_failed 0") || !strings.Contains(m, "mobileconfig_identity_expires_seconds 1.") ||
		!strings.Contains(m, "mobileconfig_log_check_failed 0") {
		t.Errorf("metrics: %s", m)
	}
	r.count++
	r.turn(r.files.Cert, []byte("broken"))
	servertest.Eventually(t, "a failure to reload", func() bool { read(); return details.Identity.Reload != "ok" })
	if !details.Ready || !strings.Contains(details.Identity.Reload, "no PEM block") || details.Identity.Usable != "ok" {
		t.Errorf("details: %+v", details)
	}
	if m := inside("/metrics"); !strings.Contains(m, "mobileconfig_identity_reload_failed 1") {
		t.Errorf("metrics: %s", m)
	}
	if !strings.Contains(log.String(), "the old one stays in use") {
		t.Errorf("log: %s", log.String())
	}
}

// TestExpiredIdentity checks that downloads are refused with a clear page and
// not counted, and that the server isn't ready.
func TestExpiredIdentity(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		root := signingtest.Root(t, "p256")
		leaf := root.Leaf(t, "p256", nil)
		now := time.Now()
		id, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert, root.Cert}, nil, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		s := servertest.New(t, database, func(c *server.Config) { c.Identity = server.Fixed(id) })
		ticket := s.Ticket(s.Link("jane@example.com"), "mail")
		before := storetest.Fingerprint(t, database)
		now = leaf.Cert.NotAfter.Add(time.Minute)
		a := s.Get(ticket)
		if a.Status != http.StatusServiceUnavailable || !bytes.Contains(a.Body, []byte("signer_unavailable")) || a.Header.Get("Content-Disposition") != "" {
			t.Errorf("%d %v", a.Status, a.Header)
		}
		if s.Get("/readyz").Status != http.StatusServiceUnavailable || s.Get("/healthz").Status != http.StatusOK {
			t.Error("ready with an expired identity, or not healthy")
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("a refused download was counted")
		}
	})
}
