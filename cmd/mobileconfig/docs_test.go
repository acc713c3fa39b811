package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// block matches a document's code blocks with their language.
var block = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// documented returns the commands in a document's code blocks, split into
// words.
func documented(t *testing.T, file string) [][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		for _, line := range strings.Split(strings.ReplaceAll(m[2], "\\\n", " "), "\n") {
			if args := command(line); args != nil {
				all = append(all, args)
			}
		}
	}
	return all
}

// command returns the program's arguments in a shell command line, or nil. It
// omits anything after the command, and lines with an ellipsis.
func command(line string) []string {
	line = strings.TrimSpace(line)
	for _, user := range []string{"mobileconfig", "mobileconfig-signer"} {
		line = strings.TrimPrefix(line, "runuser -u "+user+" -- ")
	}
	if !strings.HasPrefix(line, "mobileconfig ") || strings.Contains(line, "…") {
		return nil
	}
	for _, end := range []string{" #", " >", " && ", " | "} {
		line, _, _ = strings.Cut(line, end)
	}
	args := strings.Fields(line)[1:]
	for i := range args {
		args[i] = strings.Trim(args[i], `'"`)
	}
	return args
}

// parse parses the arguments as main does, without running the command.
func parse(t *testing.T, args []string) error {
	t.Helper()
	var out bytes.Buffer
	parser, err := kong.New(&commands{}, kong.DefaultEnvars("MOBILECONFIG"), variables(), kong.Writers(&out, &out), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return err
}

// A setupHost runs the commands of the operator's guide.
type setupHost struct {
	t      *testing.T
	folder string
}

// path maps a path in the guide to one on this machine.
func (h setupHost) path(text string) string {
	return strings.NewReplacer("/var/lib/", h.folder+"/", "/etc/", h.folder+"/etc/", "/run/", h.folder+"/").Replace(text)
}

func (h setupHost) write(name, text string) {
	h.t.Helper()
	file := h.path(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// TestOperatorsGuide runs the commands of the guide in order on an installation
// with the guide's settings. Commands that serve or connect elsewhere are only
// parsed.
func TestOperatorsGuide(t *testing.T) {
	const guide = "../../docs/operator.md"
	h := setupHost{t, t.TempDir()}
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	settings := regexp.MustCompile("(?ms)^```toml\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	if len(settings) < 5 {
		t.Fatalf("%d blocks of settings", len(settings))
	}
	for _, m := range settings {
		h.write("/etc/part.toml", m[1])
		shown(t, exitGood, "config", "--config", h.path("/etc/part.toml"))
	}
	h.write("/etc/mobileconfig/config.toml", h.path(settings[0][1]))
	t.Setenv(configVariable, h.path("/etc/mobileconfig/config.toml"))
	t.Setenv("MOBILECONFIG_FOLDER", h.path("/var/lib/mobileconfig-signer"))
	t.Setenv("MOBILECONFIG_SOCKET", h.path("/run/mobileconfig-signer/socket"))
	h.write("/etc/mobileconfig/backup-passphrase", "four words or more\n")
	h.write("/run/password", "four words or more are good\n")
	dir, err := datadir.Open(h.path("/var/lib/mobileconfig"))
	if err != nil {
		t.Fatal(err)
	}
	for _, make := range []func() ([]byte, error){dir.Secret, dir.LogKey} {
		if _, err := make(); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := store.Open(t.Context(), store.Config{Database: dir.Database()})
	if err != nil {
		t.Fatal(err)
	}
	kept.Close()
	if err := os.Mkdir(h.path("/var/lib/mobileconfig-backup"), 0o700); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, args := range documented(t, guide) {
		for i := range args {
			args[i] = h.path(args[i])
		}
		want := exitGood
		switch args[0] {
		case "serve", "check", "push":
			if err := parse(t, args); err != nil {
				t.Errorf("mobileconfig %s: %v", strings.Join(args, " "), err)
			}
			continue
		case "doctor":
			want = exitRefused // no service is running
		case "signer":
			if args[1] == "status" {
				want = exitRefused // no signer is running
			}
		}
		if args[0] == "backup" && args[1] == "restore" { // the guide moves the key away
			if err := os.Rename(args[len(args)-1], args[len(args)-1]+".old"); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		shown(t, want, args...)
		ran++
	}
	if ran < 15 {
		t.Errorf("only %d commands were run", ran)
	}
}

// TestApplyGuide applies the guide's file with its commands: refused to a key,
// approved by the operator, and then without changes.
func TestApplyGuide(t *testing.T) {
	const guide = "../../docs/apply.md"
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	all := documented(t, guide)
	if len(all) != 3 {
		t.Fatalf("found %d commands", len(all))
	}
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	key := servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read", "domains:write", "policies:read", "policies:write", "webhooks:read", "webhooks:write"}})
	servertest.Restrict(t, database, account.Default)
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"key": key, "mail.yaml": regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindStringSubmatch(string(text))[1]} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range all {
		for j, arg := range all[i] {
			switch arg {
			case "https://setup.example.com":
				all[i][j] = s.URL
			case "--data":
				all[i][j], all[i][j+1] = "--database", database
			}
		}
	}
	shown(t, exitRefused, all[1]...)
	shown(t, exitRefused, all[0]...)
	shown(t, exitGood, all[2]...)
	for _, args := range all {
		if out, _ := shown(t, exitGood, args...); out != "No changes.\n" {
			t.Errorf("mobileconfig %s:\n%s", strings.Join(args, " "), out)
		}
	}
}

// TestReadme parses every command in the README.
func TestReadme(t *testing.T) {
	folder := t.TempDir()
	password := filepath.Join(folder, "FILE")
	if err := os.WriteFile(password, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := documented(t, "../../README.md")
	if len(all) < 20 {
		t.Errorf("%d commands", len(all))
	}
	for _, args := range all {
		for i := range args {
			if args[i] == "FILE" {
				args[i] = password
			}
		}
		if args[0] == "admin" && args[1] == "setup-url" {
			args = append(args, "--base-url", "https://setup.example.com") // the configuration file sets these
		}
		if err := parse(t, args); err != nil {
			t.Errorf("mobileconfig %s: %v", strings.Join(args, " "), err)
		}
	}
}
