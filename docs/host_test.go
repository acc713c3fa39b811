package docs_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"html"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A host is a hosting panel with a running service.
type host struct {
	*servertest.Server
	t           *testing.T
	key         string // API key
	kid, issuer string
	private     ed25519.PrivateKey
	privateFile string
}

// newHost starts a service and registers a public key.
func newHost(t *testing.T) *host {
	t.Helper()
	database := storetest.SQLite(t)
	h := &host{t: t, Server: servertest.Local(t, database, func(*server.Config) {})}
	kept := storetest.Open(t, store.Config{Database: database})
	var err error
	_, h.key, err = account.NewKeys(kept, time.Now).Create(t.Context(), audit.ByOperator(),
		account.KeySpec{Account: account.Default, Name: "panel", Scopes: []string{"links:write", "keys:write", "domains:write"}})
	if err != nil {
		t.Fatal(err)
	}
	h.call(http.MethodPut, "/domains/example.com", map[string]any{"imap": "imap.example.com:993", "smtp": "smtp.example.com:465", "return_hosts": []string{"panel.example.com"}}, nil)
	var public ed25519.PublicKey
	if public, h.private, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(h.private)
	if err != nil {
		t.Fatal(err)
	}
	h.privateFile = filepath.Join(t.TempDir(), "redirect.pem")
	if err := os.WriteFile(h.privateFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	h.kid, h.issuer = h.register(public)
	return h
}

// register registers a public key.
func (h *host) register(public any) (kid, issuer string) {
	h.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		h.t.Fatal(err)
	}
	var made struct{ ID, Issuer string }
	h.call(http.MethodPost, "/redirect-keys", map[string]any{"name": "Panel", "public_key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}, &made)
	return made.ID, made.Issuer
}

// call calls the API.
func (h *host) call(method, path string, body, out any) {
	h.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	a := h.Do(method, "/api/v1"+path, http.Header{"Authorization": {"Bearer " + h.key}, "Content-Type": {"application/json"}}, string(data))
	if a.Status >= 300 {
		h.t.Fatalf("%s %s: %d %s", method, path, a.Status, a.Body)
	}
	if out != nil {
		if err := json.Unmarshal(a.Body, out); err != nil {
			h.t.Fatal(err)
		}
	}
}

// run runs a program with the settings of the examples and returns its output.
func (h *host) run(program string, args ...string) string {
	h.t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
			h.t.Fatal(err)
		}
		h.t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "MOBILECONFIG_URL="+h.URL, "MOBILECONFIG_KEY="+h.key, "MOBILECONFIG_ISSUER="+h.issuer,
		"MOBILECONFIG_KID="+h.kid, "MOBILECONFIG_PRIVATE_KEY="+h.privateFile)
	var out, failed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failed
	if err := cmd.Run(); err != nil || failed.Len() > 0 {
		h.t.Fatalf("%s: %v %s%s", program, err, &failed, &out)
	}
	return out.String()
}

// php runs PHP code and shows all errors.
func (h *host) php(code string, args ...string) string {
	h.t.Helper()
	return h.run("php", append([]string{"-d", "error_reporting=-1", "-d", "display_errors=stderr", "-r", code, "--"}, args...)...)
}

// node runs code as a module in Node.
func (h *host) node(code string) string {
	h.t.Helper()
	return h.run("node", "--input-type=module", "-e", code)
}

// opens checks that the URL is the setup page of the mailbox.
func (h *host) opens(address, mailbox string) {
	h.t.Helper()
	path, ok := strings.CutPrefix(address, h.URL+"/s/")
	if !ok {
		h.t.Fatalf("%q isn't a link", address)
	}
	if content := string(h.Content(h.Get(h.Ticket("/s/"+path, "mail")).Body)); !strings.Contains(html.UnescapeString(content), "<string>"+mailbox+"</string>") {
		h.t.Errorf("the profile isn't for %s", mailbox)
	}
}

// press posts the token like a browser on the panel's page.
func (h *host) press(jwt, mailbox string) {
	h.t.Helper()
	header := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://panel.example.com"}}
	a := h.Do(http.MethodPost, "/start/signed", header, url.Values{"jwt": {jwt}}.Encode())
	if a.Status != http.StatusSeeOther {
		h.t.Fatalf("%s: %d %s", jwt, a.Status, a.Body)
	}
	h.opens(h.URL+a.Location(), mailbox)
}

var attribute = regexp.MustCompile(`(src|href|action|value)="([^"]*)"`)

// shown presses every button on the panel's page.
func (h *host) shown(page, mailbox string) {
	h.t.Helper()
	found := map[string]bool{}
	for _, m := range attribute.FindAllStringSubmatch(page, -1) {
		value := html.UnescapeString(m[2])
		switch {
		case m[1] == "value":
			found["signed"] = true
			h.press(value, mailbox)
		case m[1] == "action":
			found["form"] = value == h.URL+"/start/signed"
		case strings.HasSuffix(value, "/qr.svg"):
			a := h.Get(strings.TrimPrefix(value, h.URL))
			found["qr"] = a.Status == http.StatusOK && a.Header.Get("Cross-Origin-Resource-Policy") == "cross-origin"
		case strings.Contains(value, "/?address="):
			a := h.Get(strings.TrimPrefix(value, h.URL))
			found["plain"] = a.Status == http.StatusOK && strings.Contains(html.UnescapeString(string(a.Body)), `value="`+mailbox+`"`)
		default:
			found["link"] = true
			h.opens(value, mailbox)
		}
	}
	for _, want := range []string{"signed", "form", "qr", "plain", "link"} {
		if !found[want] {
			h.t.Errorf("the page lacks %s: %s", want, page)
		}
	}
}
