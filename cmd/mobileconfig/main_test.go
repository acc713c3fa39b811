package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// runAsProgram is the variable by which a test starts this test binary as the
// program.
const runAsProgram = "TEST_RUN_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"mobileconfig": main})
}

// TestScripts runs testdata/*.txt. Each finds a small PKI in its folder: a
// good fullchain.pem with key.pem below root.pem, and what is wrong with the
// others in their names. startMail says which mail servers run meanwhile.
func TestScripts(t *testing.T) {
	mail := startMail(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for name, address := range mail {
				e.Setenv(name, address)
			}
			return writePKI(t, e.WorkDir)
		},
	})
}

func writePKI(t *testing.T, dir string) error {
	root := signingtest.Root(t, "p256")
	middle := root.Intermediate(t, "p256")
	leaf := middle.Leaf(t, "p256", nil)
	expired := middle.Leaf(t, "p256", signingtest.Expired)
	for name, data := range map[string][]byte{
		"root.pem":          root.CertPEM(),
		"fullchain.pem":     leaf.CertPEM(middle),
		"middle.pem":        middle.CertPEM(),
		"leaf-only.pem":     leaf.CertPEM(),
		"key.pem":           leaf.KeyPEM(t),
		"expired.pem":       expired.CertPEM(middle),
		"expired-key.pem":   expired.KeyPEM(t),
		"another-key.pem":   expired.KeyPEM(t),
		"not-a-profile.bin": []byte("hello"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// TestExitCodes holds the codes that scripts rely on.
func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	if err := writePKI(t, dir); err != nil {
		t.Fatal(err)
	}
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
