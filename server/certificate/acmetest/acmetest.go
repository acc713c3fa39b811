// Package acmetest runs pebble, the test authority of Let's Encrypt, for tests.
package acmetest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/prepared"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// Host is the host name that the authority resolves to the loopback interface.
const Host = "setup.example.com"

// An Authority is a running pebble, behind a proxy through which a test can
// simulate failures of a real authority.
type Authority struct {
	Directory string
	// Roots are the roots for the directory, Issuers those for the
	// certificates.
	Roots, Issuers *x509.CertPool
	// RootPEM and IssuerPEM are the same as PEM.
	RootPEM, IssuerPEM []byte
	// HTTP and TLS are the addresses where it validates challenges.
	HTTP, TLS string

	front http.Handler
	root  signingtest.Pair

	mu     sync.Mutex
	orders int
	down   bool
	spoil  func(*http.Response) error
}

// New starts an authority, which stops with the test. If pebble isn't
// installed, the test is skipped, or fails if MOBILECONFIG_TEST_ALL is 1.
func New(t testing.TB) *Authority {
	t.Helper()
	program := prepared.Program(t, "pebble")
	a := &Authority{Roots: x509.NewCertPool(), HTTP: dialtest.Free(t), TLS: dialtest.Free(t)}
	root := signingtest.Root(t, "p256")
	a.Roots.AddCert(root.Cert)
	a.RootPEM = root.CertPEM()
	leaf := root.Leaf(t, "p256", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} })
	listen, manage := dialtest.Free(t), dialtest.Free(t)
	folder := t.TempDir()
	cert := filepath.Join(folder, "cert.pem")
	key := filepath.Join(folder, "key.pem")
	write(t, cert, leaf.CertPEM())
	write(t, key, leaf.KeyPEM(t))
	config := map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": manage, "certificate": cert, "privateKey": key,
		"httpPort": port(t, a.HTTP), "tlsPort": port(t, a.TLS), "keyAlgorithm": "ecdsa",
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{
			"default":    map[string]any{"description": "90 days", "validityPeriod": 90 * 86400},
			"shortlived": map[string]any{"description": "6 days", "validityPeriod": 6 * 86400},
		},
	}}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "pebble.json")
	write(t, file, text)
	dns := dialtest.Server(t, func(q dialtest.Question) dialtest.Answer {
		if q.IPv6 || !strings.HasSuffix(q.Name, "example.com") {
			return dialtest.Answer{}
		}
		return dialtest.Answer{Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	})
	start(t, program, file, dns)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.Roots}, DisableKeepAlives: true}}
	a.IssuerPEM = issuer(t, client, "https://"+manage)
	a.Issuers = x509.NewCertPool()
	a.Issuers.AppendCertsFromPEM(a.IssuerPEM)
	a.proxy(t, listen, root)
	return a
}

func start(t testing.TB, program, config, dns string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(program, "-config", config, "-dnsserver", dns)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=5", "PEBBLE_AUTHZREUSE=0")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			t.Logf("pebble: %s", strings.Join(lines[max(0, len(lines)-30):], "\n"))
		}
	})
}

// issuer waits for pebble and returns its root.
func issuer(t testing.TB, client *http.Client, manage string) []byte {
	t.Helper()
	for range 600 {
		res, err := client.Get(manage + "/roots/0")
		if err == nil {
			data, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err == nil && x509.NewCertPool().AppendCertsFromPEM(data) {
				return data
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("pebble doesn't start")
	return nil
}

// proxy listens in front of pebble.
func (a *Authority) proxy(t testing.TB, to string, root signingtest.Pair) {
	t.Helper()
	target, err := url.Parse("https://" + to)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // from which pebble builds its URLs
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.Roots}},
		ModifyResponse: func(r *http.Response) error {
			a.mu.Lock()
			defer a.mu.Unlock()
			// Pebble refuses some valid requests, which clients then repeat.
			if strings.HasPrefix(r.Request.URL.Path, "/order-plz") && r.StatusCode == http.StatusCreated {
				a.orders++
			}
			if a.spoil != nil {
				return a.spoil(r)
			}
			return nil
		},
	}
	a.root = root
	a.front = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		down := a.down
		a.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		forward.ServeHTTP(w, r)
	})
	a.Directory = a.DirectoryAt(t, "127.0.0.1")
}

// DirectoryAt makes the directory available at another IP address of this machine,
// which need not exist yet, and returns its URL.
func (a *Authority) DirectoryAt(t testing.TB, ip string) string {
	t.Helper()
	leaf := a.root.Leaf(t, "p256", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP(ip)} })
	pair, err := tls.X509KeyPair(leaf.CertPEM(), leaf.KeyPEM(t))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(a.front)
	if ip != "127.0.0.1" {
		server.Listener.Close()
		if server.Listener, err = net.Listen("tcp4", ":0"); err != nil {
			t.Fatal(err)
		}
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "https://" + net.JoinHostPort(ip, port) + "/dir"
}

// Orders returns how many orders were begun.
func (a *Authority) Orders() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.orders
}

// Down makes every request to the authority fail, or stops doing so.
func (a *Authority) Down(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

// Spoil sets f to change what the authority answers; nil resets it.
func (a *Authority) Spoil(f func(*http.Response) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spoil = f
}

// ReplaceChain is for Spoil: it replaces certificates with data.
func ReplaceChain(data []byte) func(*http.Response) error {
	return func(r *http.Response) error {
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/pem-certificate-chain") {
			return nil
		}
		r.Body.Close()
		r.Body = io.NopCloser(bytes.NewReader(data))
		r.ContentLength = int64(len(data))
		r.Header.Set("Content-Length", strconv.Itoa(len(data)))
		return nil
	}
}

// Dial connects a client to the server, whatever name it asks for.
func (a *Authority) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	to := a.TLS
	if strings.HasSuffix(address, ":80") {
		to = a.HTTP
	}
	return (&net.Dialer{}).DialContext(ctx, network, to)
}

func port(t testing.TB, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", address, err))
	}
	return n
}

func write(t testing.TB, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
