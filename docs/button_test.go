package docs_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	button "github.com/updatecase/mobileconfig/docs/button/go"
)

const odd = "o'neil+a&b@example.com" // needs escaping

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
	if away != "mobileconfig: no link: no response" {
		t.Error(away)
	}
	h.press(h.php(`require "button/php/signed.php"; echo mobileconfig_signed(["service" => $argv[1], "issuer" => $argv[2], "kid" => $argv[3], "private_key" => file_get_contents($argv[4])],
		["sub" => $argv[5], "name" => "Zoë", "locale" => "de", "return_url" => "https://panel.example.com/mail"]);`, h.URL, h.issuer, h.kid, h.privateFile, odd), odd)
	h.shown(h.php(`$_SESSION["mailbox"] = $argv[1]; require "button/php/page.php";`, odd), odd)
}

// TestButtonNode runs the code for Node.
func TestButtonNode(t *testing.T) {
	t.Parallel()
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
	// The same with the other type of key.
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
	link, err := button.CreateLink(t.Context(), h.URL, h.key, map[string]any{"address": odd})
	if err != nil {
		t.Fatal(err)
	}
	h.opens(link.URL, odd)
	if _, err := button.CreateLink(t.Context(), h.URL, h.key, map[string]any{"address": "jane@nowhere.example"}); err == nil || err.Error() != "mobileconfig: no link: address_foreign" {
		t.Error(err)
	}
	if _, err := button.CreateLink(t.Context(), "http://127.0.0.1:1", h.key, nil); err == nil {
		t.Error("an unreachable service has created a link")
	}
	signer := button.Signer{Service: h.URL, Issuer: h.issuer, KeyID: h.kid, Key: h.private}
	jwt, err := signer.Sign(map[string]any{"sub": odd, "name": "Zoë", "return_url": "https://panel.example.com/mail"})
	if err != nil {
		t.Fatal(err)
	}
	h.press(jwt, odd)
}

// TestButtonRoundcube runs the plug-in in a stub of the parts of Roundcube that it
// uses.
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
	if err != nil || !strings.Contains(string(body), "Currently unavailable") || strings.Contains(string(body), "<form") {
		t.Errorf("without its key: %v %s", err, body)
	}
}

// fence matches a code block in button.md and the file name above it.
var fence = regexp.MustCompile("(?m)^`(button/[^`]+)`:\n\n```[a-z]+\n((?s:.*?))```$")

// TestButtonDocs checks that button.md shows all the files that the tests run, and
// that the plug-in signs like the page.
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
			t.Errorf("%s differs from button.md", m[1])
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
				t.Errorf("button.md doesn't show %s", file)
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
