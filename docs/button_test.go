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

	button "github.com/updatecase/mobileconfig/docs/button/go"
	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A host is a hosting panel beside a service that runs.
type host struct {
	*servertest.Server
	t           *testing.T
	key         string // of the API
	kid, issuer string
	private     ed25519.PrivateKey
	privateFile string
}

// newHost runs a service and registers a public key there.
func newHost(t *testing.T) *host {
	t.Helper()
	database := storetest.SQLite(t)
	h := &host{t: t, Server: servertest.Local(t, database, func(*server.Config) {})}
	kept := storetest.Open(t, store.Config{Database: database})
	var err error
	_, h.key, err = account.NewKeys(kept, time.Now).Create(t.Context(), audit.Actor{Kind: audit.Operator, Interface: audit.CommandLine},
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

// run runs a program with the settings of the examples and returns what it
// prints.
func (h *host) run(program string, args ...string) string {
	h.t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
			h.t.Fatal(err)
		}
		h.t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
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

// php runs code with all errors shown.
func (h *host) php(code string, args ...string) string {
	h.t.Helper()
	return h.run("php", append([]string{"-d", "error_reporting=-1", "-d", "display_errors=stderr", "-r", code, "--"}, args...)...)
}

// node runs code as a module.
func (h *host) node(code string) string {
	h.t.Helper()
	return h.run("node", "--input-type=module", "-e", code)
}

// opens wants the address to be the page of a link for the mailbox.
func (h *host) opens(address, mailbox string) {
	h.t.Helper()
	path, ok := strings.CutPrefix(address, h.URL+"/s/")
	if !ok {
		h.t.Fatalf("%q is no link", address)
	}
	if content := string(h.Content(h.Get(h.Ticket("/s/"+path, "mail")).Body)); !strings.Contains(html.UnescapeString(content), "<string>"+mailbox+"</string>") {
		h.t.Errorf("the profile is not for %s", mailbox)
	}
}

// press posts the token as the browser of a panel's page does.
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

// shown presses all that the page of a panel has.
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

const odd = "o'neil+a&b@example.com" // what must be escaped

// TestButtonPHP runs the code for PHP.
func TestButtonPHP(t *testing.T) {
	h := newHost(t)
	link := h.php(`require "button/php/link.php"; echo mobileconfig_link($argv[1], $argv[2], ["address" => $argv[3], "name" => "Jane"])["url"];`, h.URL, h.key, odd)
	h.opens(link, odd)
	wrong := h.php(`require "button/php/link.php"; try { mobileconfig_link($argv[1], $argv[2], ["address" => "jane@nowhere.example"]); } catch (RuntimeException $e) { echo $e->getMessage(); }`, h.URL, h.key)
	if wrong != "mobileconfig: no link: address_foreign" {
		t.Error(wrong)
	}
	away := h.php(`require "button/php/link.php"; try { mobileconfig_link("http://127.0.0.1:1", "k", ["address" => "jane@example.com"]); } catch (RuntimeException $e) { echo $e->getMessage(); }`)
	if away != "mobileconfig: no link: no answer" {
		t.Error(away)
	}
	h.press(h.php(`require "button/php/signed.php"; echo mobileconfig_signed(["service" => $argv[1], "issuer" => $argv[2], "kid" => $argv[3], "private_key" => file_get_contents($argv[4])],
		["sub" => $argv[5], "name" => "Zoë", "locale" => "de", "return_url" => "https://panel.example.com/mail"]);`, h.URL, h.issuer, h.kid, h.privateFile, odd), odd)
	h.shown(h.php(`$_SESSION["mailbox"] = $argv[1]; require "button/php/page.php";`, odd), odd)
}

// TestButtonNode runs the code for Node.
func TestButtonNode(t *testing.T) {
	h := newHost(t)
	quote := func(s string) string {
		data, _ := json.Marshal(s)
		return string(data)
	}
	arguments := quote(h.URL) + `, ` + quote(h.key)
	link := h.node(`import { setupLink } from './button/node/link.mjs'; process.stdout.write((await setupLink(` + arguments + `, {address: ` + quote(odd) + `, name: 'Jane'})).url)`)
	h.opens(link, odd)
	wrong := h.node(`import { setupLink } from './button/node/link.mjs'; try { await setupLink(` + arguments + `, {address: 'jane@nowhere.example'}) } catch (e) { process.stdout.write(e.message) }`)
	if wrong != "mobileconfig: no link: address_foreign" {
		t.Error(wrong)
	}
	away := h.node(`import { setupLink } from './button/node/link.mjs'; try { await setupLink('http://127.0.0.1:1', 'k', {address: 'jane@example.com'}) } catch (e) { process.stdout.write(e.message) }`)
	if away != "fetch failed" {
		t.Error(away)
	}
	h.shown(h.node(`import { page } from './button/node/page.mjs'; process.stdout.write(await page(`+quote(odd)+`))`), odd)
	// With the other kind of key too.
	file := filepath.Join(t.TempDir(), "p256.pem")
	public := h.run("node", "-e", `const {generateKeyPairSync} = require('crypto'), fs = require('fs'); const {publicKey, privateKey} = generateKeyPairSync('ec', {namedCurve: 'P-256'});
		fs.writeFileSync(process.argv[1], privateKey.export({type: 'pkcs8', format: 'pem'})); process.stdout.write(publicKey.export({type: 'spki', format: 'pem'}))`, file)
	block, _ := pem.Decode([]byte(public))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	h.kid, h.issuer = h.register(key)
	h.privateFile = file
	h.shown(h.node(`import { page } from './button/node/page.mjs'; process.stdout.write(await page('jane@example.com'))`), "jane@example.com")
}

// TestButtonGo runs the code for Go.
func TestButtonGo(t *testing.T) {
	h := newHost(t)
	link, err := button.MakeLink(t.Context(), h.URL, h.key, map[string]any{"address": odd})
	if err != nil {
		t.Fatal(err)
	}
	h.opens(link.URL, odd)
	if _, err := button.MakeLink(t.Context(), h.URL, h.key, map[string]any{"address": "jane@nowhere.example"}); err == nil || err.Error() != "mobileconfig: no link: address_foreign" {
		t.Error(err)
	}
	if _, err := button.MakeLink(t.Context(), "http://127.0.0.1:1", h.key, nil); err == nil {
		t.Error("a service that is away has made a link")
	}
	signer := button.Signer{Service: h.URL, Issuer: h.issuer, KeyID: h.kid, Key: h.private}
	jwt, err := signer.Sign(map[string]any{"sub": odd, "name": "Zoë", "return_url": "https://panel.example.com/mail"})
	if err != nil {
		t.Fatal(err)
	}
	h.press(jwt, odd)
}

// TestButtonRoundcube runs the plug-in in as much of Roundcube as it uses.
func TestButtonRoundcube(t *testing.T) {
	h := newHost(t)
	plugin := "button/roundcube/mobileconfig_button"
	for _, pattern := range []string{"/*.php", "/localization/*.inc", "/config.inc.php.dist"} {
		files, err := filepath.Glob(plugin + pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			h.run("php", "-l", file)
		}
	}
	config := filepath.Join(t.TempDir(), "config.inc.php")
	write := func(more string) {
		t.Helper()
		text := `<?php $config['mobileconfig_service'] = '` + h.URL + `/'; $config['mobileconfig_issuer'] = '` + h.issuer + `'; $config['mobileconfig_kid'] = '` + h.kid + `';` + more
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page := func(mailbox, name, language string) (entry map[string]string, body string) {
		t.Helper()
		out := h.run("php", "-d", "error_reporting=-1", "-d", "display_errors=stderr", "testdata/roundcube.php", plugin, config, mailbox, name, language)
		head, body, _ := strings.Cut(out, "\n")
		if err := json.Unmarshal([]byte(head), &entry); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		return entry, body
	}
	write(`$config['mobileconfig_private_key'] = '` + h.privateFile + `'; $config['mobileconfig_return_url'] = 'https://panel.example.com/mail';`)
	for language, title := range map[string]string{"en_US": "Set up my phone", "de_DE": "Mein Telefon einrichten", "xx_XX": "Set up my phone"} {
		entry, body := page(odd, strings.Repeat("ë", 70), language)
		if entry["text"] != title || entry["action"] != "plugin.mobileconfig_button" || !strings.Contains(body, "<title>"+title+"</title>") {
			t.Errorf("%s: %v %s", language, entry, body)
		}
		if strings.Contains(body, "token of the session") || strings.Count(body, "<form ") != 1 || !strings.Contains(body, `formmethod="post"`) || !strings.Contains(body, `action="`+h.URL+`/start/signed"`) {
			t.Errorf("%s", body)
		}
		for _, m := range attribute.FindAllStringSubmatch(body, -1) {
			if m[1] == "value" {
				h.press(html.UnescapeString(m[2]), odd)
			}
		}
	}
	write(`$config['mobileconfig_private_key'] = '/nowhere.pem';`)
	body, err := exec.Command("php", "testdata/roundcube.php", plugin, config, odd, "", "en_US").Output()
	if err != nil || !strings.Contains(string(body), "This does not work at the moment") || strings.Contains(string(body), "<form") {
		t.Errorf("without its key: %v %s", err, body)
	}
}

// fence is a block of code in button.md, with the file that it shows above it.
var fence = regexp.MustCompile("(?m)^`(button/[^`]+)`:\n\n```[a-z]+\n((?s:.*?))```$")

// TestButtonDocs wants button.md to show the files that the tests run, all of
// them, and the plug-in to sign as the page does.
func TestButtonDocs(t *testing.T) {
	text, err := os.ReadFile("button.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		file, err := os.ReadFile(m[1])
		if err != nil {
			t.Error(err)
		}
		if string(file) != m[2] {
			t.Errorf("%s is not as button.md shows it", m[1])
		}
		shown[m[1]] = true
	}
	for _, pattern := range []string{"button/php/*", "button/node/*", "button/go/*", "button/roundcube/*/*.php", "button/roundcube/*/config.inc.php.dist"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			if !shown[file] && filepath.Base(filepath.Dir(file)) != "mobileconfig_button" {
				t.Errorf("button.md does not show %s", file)
			}
		}
	}
	same := func(a, b string) {
		t.Helper()
		one, err := os.ReadFile(a)
		if err != nil {
			t.Fatal(err)
		}
		if other, err := os.ReadFile(b); err != nil || !bytes.Equal(one, other) {
			t.Errorf("%s and %s differ: %v", a, b, err)
		}
	}
	same("button/php/signed.php", "button/roundcube/mobileconfig_button/signed.php")
}
