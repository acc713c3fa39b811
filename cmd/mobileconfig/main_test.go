package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// runAsProgram is the environment variable that makes the test binary run as
// the program.
const runAsProgram = "TEST_RUN_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// TestExitCodes checks the exit codes that scripts rely on.
func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	signingtest.WriteFiles(t, dir)
	file := func(name string) string { return filepath.Join(dir, name) }
	build := func(more ...string) []string {
		return append([]string{"build", "--address", "jane@example.com", "--imap", "imap.example.com", "--smtp", "smtp.example.com"}, more...)
	}
	good := file("good.mobileconfig")
	identity := []string{"--signing-cert", file("fullchain.pem"), "--signing-key", file("key.pem"), "--signing-roots", file("root.pem")}
	tests := []struct {
		args []string
		want int
	}{
		{build(append(identity, "-o", good)...), exitGood},
		{[]string{"--help"}, exitGood},
		{[]string{"build", "--help"}, exitGood},
		{[]string{"verify", good, "--roots", file("root.pem")}, exitGood},
		{[]string{"verify", good}, exitRefused},
		{build("--signing-cert", file("expired.pem"), "--signing-key", file("expired-key.pem"), "--signing-roots", file("root.pem")), exitRefused},
		{[]string{"verify", file("not-a-profile.bin")}, exitUsage},
		{[]string{"verify", file("missing")}, exitUsage},
		{build("--signing-cert", file("missing"), "--signing-key", file("key.pem")), exitUsage},
		{build("--platform", "watch"), exitUsage},
		{build("--nonsense"), exitUsage},
		{nil, exitUsage},
	}
	for _, tt := range tests {
		var out, err bytes.Buffer
		if got := run(tt.args, streams{&out, &err}); got != tt.want {
			t.Errorf("mobileconfig %s: exit %d, want %d\n%s", strings.Join(tt.args, " "), got, tt.want, err.String())
		}
	}
}

// TestNotices checks that an omitted certificate is reported on standard error,
// and that a good chain isn't mentioned.
func TestNotices(t *testing.T) {
	dir := t.TempDir()
	signingtest.WriteFiles(t, dir)
	file := func(name string) string { return filepath.Join(dir, name) }
	var both []byte
	for _, name := range []string{"expired.pem", "fullchain.pem"} {
		data, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, data...)
	}
	if err := os.WriteFile(file("both.pem"), both, 0o600); err != nil {
		t.Fatal(err)
	}
	for cert, want := range map[string]string{"fullchain.pem": "", "both.pem": "mobileconfig: note: the certificate "} {
		var out, errs bytes.Buffer
		code := run([]string{"build", "--address", "jane@example.com", "--imap", "imap.example.com", "--smtp", "smtp.example.com",
			"--signing-cert", file(cert), "--signing-key", file("key.pem"), "--signing-roots", file("root.pem"), "-o", file("out")}, streams{&out, &errs})
		if code != exitGood || (want == "") != (errs.Len() == 0) || !strings.HasPrefix(errs.String(), want) {
			t.Errorf("%s: exit %d, %q", cert, code, errs.String())
		}
	}
}
