package browser

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// A tunnel is a proxy that connects only some names, all of them to one
// server.
type tunnel struct {
	to    string
	names []string

	mu    sync.Mutex
	asked []string // of the names
}

func (p *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	if r.Method != http.MethodConnect || err != nil || port != "443" || !slices.Contains(p.names, host) {
		http.Error(w, "not through here", http.StatusForbidden)
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, host)
	p.mu.Unlock()
	there, err := net.Dial("tcp", p.to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	if _, err := io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	go func() {
		defer there.Close()
		_, _ = io.Copy(there, here)
	}()
	_, _ = io.Copy(here, there)
}

// behindTLS serves s at https://autoconfig.example.com and
// https://example.com, for clients that use the proxy and trust the authority.
func behindTLS(t *testing.T, s *servertest.Server) (proxy *httptest.Server, p *tunnel, authority []byte) {
	t.Helper()
	p = &tunnel{names: []string{"autoconfig.example.com", "example.com"}}
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", func(c *x509.Certificate) { c.DNSNames = p.names })
	site := httptest.NewUnstartedServer(s.Handler())
	site.TLS = &tls.Config{Certificates: []tls.Certificate{{PrivateKey: leaf.Key, Certificate: [][]byte{leaf.Cert.Raw}}}}
	site.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that the program aborts
	site.StartTLS()
	t.Cleanup(site.Close)
	p.to = site.Listener.Addr().String()
	proxy = httptest.NewServer(p)
	t.Cleanup(proxy.Close)
	return proxy, p, root.Cert.Raw
}

// What Thunderbird calls TLS from the first byte, required STARTTLS, and a
// password inside TLS.
const (
	socketSTARTTLS = 2
	socketTLS      = 3
	authPassword   = 3
)

// A found is Thunderbird's result for a domain's settings.
type found struct {
	Source             string
	Name               string
	Domains            []string
	Incoming, Outgoing foundServer
}

type foundServer struct {
	Type, Host   string
	Port         int
	Socket, Auth int
	User         string
}

// findSettings does what the account setup does: it asks the provider, and
// inserts the mailbox.
const findSettings = `
const [address] = arguments;
const { FetchConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/FetchConfig.sys.mjs");
const { AccountConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/AccountConfig.sys.mjs");
let config;
try {
	config = await FetchConfig.fromISP(address.split("@")[1], address, new AbortController().signal);
} catch (error) {
	return null;
}
AccountConfig.replaceVariables(config, "Jane Doe", address);
const server = s => ({Type: s.type, Host: s.hostname, Port: s.port, Socket: s.socketType, Auth: s.auth, User: s.username});
return {Source: config.subSource, Name: config.displayName, Domains: config.domains, Incoming: server(config.incoming), Outgoing: server(config.outgoing)};`

const trustAuthority = `
Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(arguments[0], "C,,");
return true;`

// TestThunderbird has the real program, headless, look for the settings of
// mailboxes as when an account is set up.
func TestThunderbird(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	proxy, p, authority := behindTLS(t, s)
	m := newThunderbird(t, proxy.Listener.Addr().String())
	var trusted bool
	m.run(t, &trusted, trustAuthority, base64.StdEncoding.EncodeToString(authority))
	for _, tt := range []struct {
		change, address string
		want            *found
	}{
		{"", "jane@example.com", &found{"xml-from-isp-https", "example.com", []string{"example.com"},
			foundServer{"imap", "imap.example.com", 993, socketTLS, authPassword, "jane@example.com"},
			foundServer{"smtp", "smtp.example.com", 465, socketTLS, authPassword, "jane@example.com"}}},
		{`display_name = 'Müller & Söhne <Mail>', login = 'local_part', imap_port = 143, imap_starttls = 1, smtp_port = 2587, smtp_starttls = 1`,
			"o'neil+tag@example.com", &found{"xml-from-isp-https", "Müller & Söhne <Mail>", []string{"example.com"},
				foundServer{"imap", "imap.example.com", 143, socketSTARTTLS, authPassword, "o'neil+tag"},
				foundServer{"smtp", "smtp.example.com", 2587, socketSTARTTLS, authPassword, "o'neil+tag"}}},
		{"", "jane@elsewhere.example", nil},
		{`login = 'given'`, "jane@example.com", nil},
	} {
		if tt.change != "" {
			storetest.Exec(t, database, `UPDATE domains SET `+tt.change)
		}
		var got *found
		m.run(t, &got, findSettings, tt.address)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s after %q: got %+v, want %+v", tt.address, tt.change, got, tt.want)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range p.names {
		if !slices.Contains(p.asked, name) {
			t.Errorf("no request used the name %s", name)
		}
	}
}
