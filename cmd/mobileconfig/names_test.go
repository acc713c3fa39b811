package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/alecthomas/kong"
)

// settingNames maps environment variables to the flags of serve.
func settingNames(t *testing.T) map[string]*kong.Flag {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.DefaultEnvars("MOBILECONFIG"), variables())
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]*kong.Flag{}
	for _, f := range commandOf(parser, "serve").Flags {
		for _, name := range f.Envs {
			names[name] = f
		}
	}
	return names
}

// TestSettingsInFiles checks that the files for containers and packages only
// contain existing settings.
func TestSettingsInFiles(t *testing.T) {
	names := settingNames(t)
	composed, err := filepath.Glob("../../docs/compose/*.yaml")
	if err != nil || len(composed) < 2 {
		t.Fatal(composed, err)
	}
	for _, file := range append(composed, "../../compose.yaml", "../../Dockerfile", "../../docs/mobileconfig.service", "../../docs/mobileconfig-signer.service") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`MOBILECONFIG_[A-Z0-9_]+`).FindAllString(string(text), -1) {
			if names[name] == nil && name != configVariable {
				t.Errorf("%s: unknown setting %s", file, name)
			}
		}
	}
	// The package's files, with commented-out settings too.
	text, err := os.ReadFile("../../packages/deb/config.toml")
	if err != nil {
		t.Fatal(err)
	}
	settings := regexp.MustCompile(`(?m)^#?([a-z-]+) = `).FindAllStringSubmatch(string(text), -1)
	if len(settings) < 8 {
		t.Errorf("%d settings in config.toml", len(settings))
	}
	for _, m := range settings {
		found := false
		for _, f := range names {
			found = found || f.Name == m[1]
		}
		if !found {
			t.Errorf("config.toml: unknown setting %s", m[1])
		}
	}
}
