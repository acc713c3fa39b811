package main

import (
	"os"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestWarnings checks that dangerous settings are reported, and others aren't.
func TestWarnings(t *testing.T) {
	open := signingtest.WriteFile(t, "open.pem", nil)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	group := signingtest.WriteFile(t, "group.pem", nil)
	if err := os.Chmod(group, 0o640); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*serveCommand)
		says   string
	}{
		{"nothing", func(*serveCommand) {}, ""},
		{"https", func(c *serveCommand) { c.BaseURL = "https://setup.example.com" }, ""},
		{"localhost", func(c *serveCommand) { c.BaseURL = "http://localhost:8080" }, ""},
		{"a private address", func(c *serveCommand) { c.BaseURL = "http://192.168.1.7:8080" }, ""},
		{"a local name", func(c *serveCommand) { c.BaseURL = "http://laptop.local" }, ""},
		{"a public name", func(c *serveCommand) { c.BaseURL = "http://setup.example.com" }, "--base-url"},
		{"a public address", func(c *serveCommand) { c.BaseURL = "http://192.0.2.1" }, "--base-url"},
		{"a key of the group", func(c *serveCommand) { c.SigningKey, c.TLSKey = group, group }, ""},
		{"a TLS key", func(c *serveCommand) { c.TLSKey = open }, "--tls-key"},
		{"a TLS key next to a signer", func(c *serveCommand) { c.Signer, c.TLSKey = "/run/socket", group }, "without the signer"},
		{"a signer", func(c *serveCommand) { c.Signer = "/run/socket" }, ""},
		{"a signing key", func(c *serveCommand) { c.SigningKey = open }, "--signing-key"},
		{"PKCS#12", func(c *serveCommand) { c.SigningP12 = open }, "--signing-p12"},
		{"a passphrase", func(c *serveCommand) { c.SigningPassphraseFile = open }, "--signing-passphrase-file"},
		{"a password", func(c *serveCommand) { c.MailPasswordFile = open }, "--mail-password-file"},
	} {
		var c serveCommand
		tt.change(&c)
		got := strings.Join(c.warnings(), "\n")
		if (tt.says == "") != (got == "") || !strings.Contains(got, tt.says) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.says)
		}
	}
	for _, network := range []string{"0.0.0.0/0", "::/0"} {
		if _, err := shown(t, exitUsage, "serve", "--data", t.TempDir()+"/data", "--trusted-proxy", network); !strings.Contains(err, "every network") {
			t.Errorf("%s: %s", network, err)
		}
	}
}
