package main

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/certificate/acmetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestServeACME runs the program with the README's configuration file, kills it
// repeatedly while it gets and stores its certificate, and finally downloads a
// profile, which the program verifies.
func TestServeACME(t *testing.T) {
	t.Parallel()
	from := acmetest.New(t)
	folder := t.TempDir()
	issuers := signingtest.WriteFile(t, "issuers.pem", from.IssuerPEM)
	config := signingtest.WriteFile(t, "config.toml", fmt.Appendf(nil, `
data = %q
base-url = "https://setup.example.com"
acme-email = "you@example.com"
acme-directory = %q
acme-profile = "default"
acme-roots = %q
signing-roots = %q
listen = %q
http-listen = %q
domain = "example.com"
imap = "imap.example.com"
smtp = "smtp.example.com"
`, filepath.Join(folder, "data"), from.Directory, signingtest.WriteFile(t, "roots.pem", from.RootPEM), issuers, from.TLS, from.HTTP))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: from.Issuers}, DialContext: from.Dial, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "serve", "--config", config)
		cmd.Env = append(os.Environ(), runAsProgram+"=1")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	// key returns the key of the served certificate, once there is one.
	key := func() (sum [32]byte, ok bool) {
		res, err := client.Get("https://setup.example.com/readyz")
		if err != nil {
			return sum, false
		}
		res.Body.Close()
		return sha256.Sum256(res.TLS.PeerCertificates[0].RawSubjectPublicKeyInfo), res.StatusCode == http.StatusOK
	}
	var kept [32]byte
	for range 8 {
		cmd := start()
		for until := time.Now().Add(time.Duration(rand.IntN(2000)) * time.Millisecond); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
			now, ok := key()
			if ok && kept != [32]byte{} && now != kept {
				t.Error("the key changed after a restart")
			}
			if ok {
				kept = now
			}
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	cmd := start()
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the program ended: %v", err)
		}
	}()
	there := false
	for range 1200 {
		if _, there = key(); there {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !there {
		t.Fatal("no certificate arrives")
	}
	post := func(path string, form url.Values) string {
		t.Helper()
		res, err := client.PostForm("https://setup.example.com"+path, form)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.Header.Get("Location")
	}
	link := post("/start", url.Values{"address": {"jane@example.com"}})
	res, err := client.Get("https://setup.example.com" + post(link+"/profile", url.Values{"variant": {"mail"}, "platform": {"iphone"}}))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	profile, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	file := signingtest.WriteFile(t, "jane.mobileconfig", profile)
	if out, _ := shown(t, exitGood, "verify", file, "--roots", issuers); !strings.Contains(out, "setup.example.com") {
		t.Errorf("verify says %s", out)
	}
	if n := from.Orders(); n > 9 {
		t.Errorf("%d orders after nine starts", n)
	}
}
