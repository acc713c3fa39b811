package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// shown runs config and returns its output.
func shown(t *testing.T, want int, args ...string) (out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	if got := run(args, streams{&o, &e}); got != want {
		t.Errorf("mobileconfig %s: exit %d, want %d\n%s", strings.Join(args, " "), got, want, e.String())
	}
	return o.String(), e.String()
}

// TestConfig checks the order of precedence: flag, environment, file.
func TestConfig(t *testing.T) {
	file := signingtest.WriteFile(t, "config.toml", []byte(`
base-url = "https://file.example"
listen = "127.0.0.1:1"
http-listen = "127.0.0.1:2"
trusted-proxy = ["10.0.0.0/8", "192.0.2.0/24"]
`))
	t.Setenv("MOBILECONFIG_LISTEN", "127.0.0.1:3")
	t.Setenv("MOBILECONFIG_HTTP_LISTEN", "127.0.0.1:4")
	text, _ := shown(t, exitGood, "config", "--config", file, "--http-listen", "none", "--json")
	var settings []setting
	if err := json.Unmarshal([]byte(text), &settings); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range settings {
		got[s.Name] = tomlText(s.Value) + " " + s.Source
		if list, ok := s.Value.([]any); ok {
			got[s.Name] = tomlText([]string{list[0].(string), list[1].(string)}) + " " + s.Source
		}
	}
	for name, want := range map[string]string{
		"base-url":      `"https://file.example" file`,
		"listen":        `"127.0.0.1:3" environment`,
		"http-listen":   `"none" flag`,
		"trusted-proxy": `["10.0.0.0/8", "192.0.2.0/24"] file`,
		"data":          `"./data" default`,
	} {
		if got[name] != want {
			t.Errorf("%s is %s, want %s", name, got[name], want)
		}
	}
	// The output can be used as a file, with the same effect.
	plain, _ := shown(t, exitGood, "config", "--config", file, "--http-listen", "none")
	again := signingtest.WriteFile(t, "again.toml", []byte(plain))
	second, _ := shown(t, exitGood, "config", "--config", again, "--http-listen", "none")
	for line := range strings.Lines(plain) {
		if setting, _, _ := strings.Cut(line, " #"); !strings.HasPrefix(line, "#") && !strings.Contains(second, strings.TrimSpace(setting)) {
			t.Errorf("%q is lost", setting)
		}
	}
}

// TestConfigSecrets checks that the output contains no secrets.
func TestConfigSecrets(t *testing.T) {
	for _, database := range []string{
		"postgres://u:geheim@h/db", "postgres://u@h/db?password=geheim&sslmode=disable", "postgres://u:geheim%zz@h/db", "host=h password=geheim",
	} {
		file := signingtest.WriteFile(t, "config.toml", []byte(`database = "`+database+`"`))
		for _, args := range [][]string{{"config", "--config", file}, {"config", "--json", "--config", file}, {"config", "--database", database}} {
			if out, err := shown(t, exitGood, args...); strings.Contains(out+err, "geheim") {
				t.Errorf("%q shows the password: %s%s", args, out, err)
			}
		}
	}
}

// TestConfigRefused checks that errors in a file are explained.
func TestConfigRefused(t *testing.T) {
	for text, says := range map[string]string{
		`base_url = "x"`:                      `unknown setting "base_url"`,
		`help = true`:                         `unknown setting "help"`,
		"[serve]\nlisten = ':1'":              `unknown setting "serve"`,
		`listen = ":1`:                        "config.toml",
		`listen = 1.5`:                        "listen: the value must be a string",
		`trusted-proxy = [1]`:                 "trusted-proxy: a list must contain strings",
		`trusted-proxy = ["10.0.0.0/8,::/0"]`: "trusted-proxy: a list must contain strings",
		`trusted-proxy = "nowhere"`:           "trusted-proxy",
		`log-level = "loud"`:                  "log-level",
	} {
		file := signingtest.WriteFile(t, "config.toml", []byte(text))
		if _, err := shown(t, exitUsage, "config", "--config="+file); !strings.Contains(err, says) {
			t.Errorf("%s: %q, want %q", text, err, says)
		}
	}
	if _, err := shown(t, exitUsage, "config", "--config", "/nowhere/config.toml"); !strings.Contains(err, "--config") {
		t.Errorf("a missing file: %s", err)
	}
	t.Setenv(configVariable, "/nowhere/else.toml")
	shown(t, exitUsage, "verify", "x")
}
