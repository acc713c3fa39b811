package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSignerApprovals changes approvals on the command line. Invalid changes
// are refused with advice and change nothing.
func TestSignerApprovals(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "signer")
	t.Setenv("MOBILECONFIG_FOLDER", folder)
	lists := func(want string) {
		t.Helper()
		if out, _ := shown(t, exitGood, "signer", "list"); strings.Join(strings.Fields(out), " ") != want {
			t.Errorf("got %s, want %s", out, want)
		}
	}
	lists("erasing off limit off")
	for _, args := range []string{
		"allow-host IMAP.example.com *.DAV.example.com", "allow-host imap.example.com", "allow-domain example.com *", "allow-organization Müller",
		"erasing on", "limit 600", "withdraw-domain *",
	} {
		if _, err := shown(t, exitGood, append([]string{"signer"}, strings.Fields(args)...)...); !strings.Contains(err, "within a second") {
			t.Errorf("%s: says %s", args, err)
		}
	}
	shown(t, exitGood, "signer", "allow-organization", "Example & Sons")
	const all = "host *.dav.example.com host imap.example.com domain example.com organization Example & Sons organization Müller erasing on limit 600"
	lists(all)
	for _, tt := range []struct{ args, says string }{
		{"allow-host *", "enter a host such as"}, {"allow-host *.co.uk", "below it"}, {"allow-host good.example.com a_b", "a_b"}, {"allow-host", "expected"}, {"allow-domain *.com", "below it"},
		{"withdraw-host smtp.example.com", "signer list"}, {"withdraw-domain *", "signer list"}, {"withdraw-organization Muller", "signer list"},
		{"erasing maybe", "on"}, {"limit 0", "off"}, {"limit -1", ""}, {"limit 99999999999", "off"}, {"limit many", "off"},
	} {
		if _, err := shown(t, exitUsage, append([]string{"signer"}, strings.Fields(tt.args)...)...); !strings.Contains(err, tt.says) {
			t.Errorf("%s: says %s", tt.args, err)
		}
	}
	shown(t, exitUsage, "signer", "allow-organization", "two\nlines")
	lists(all)
	if out, _ := shown(t, exitGood, "signer", "list", "--json"); !strings.Contains(out, `"erasing":true,"limit":600}`) {
		t.Errorf("JSON: %s", out)
	}
	for _, args := range []string{"erasing off", "limit off", "withdraw-organization Müller", "withdraw-host imap.example.com *.dav.example.com", "withdraw-domain example.com"} {
		shown(t, exitGood, append([]string{"signer"}, strings.Fields(args)...)...)
	}
	lists("organization Example & Sons erasing off limit off")
	if err := os.Chmod(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := shown(t, exitUsage, "signer", "list"); !strings.Contains(err, "chmod go=") {
		t.Errorf("the folder is accessible to others: %s", err)
	}
}

// TestSignerRefuses checks that settings that can't work are refused at
// startup.
func TestSignerRefuses(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("MOBILECONFIG_FOLDER", filepath.Join(dir, "signer"))
	t.Setenv("MOBILECONFIG_SOCKET", filepath.Join(dir, "socket"))
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	data := []string{"--data", filepath.Join(dir, "data"), "--signer", filepath.Join(dir, "socket")}
	for _, tt := range []struct {
		args []string
		want int
		says string
	}{
		{[]string{"signer"}, exitUsage, "--allow-user"},
		{[]string{"signer", "--allow-user", "nobody-of-that-name"}, exitUsage, "--allow-user"},
		{[]string{"signer", "--allow-group", "nobody-of-that-name"}, exitUsage, "--allow-group"},
		{[]string{"signer", "--allow-user", "0", "--signing-cert", "x.pem"}, exitUsage, "--signing-key"},
		{[]string{"signer", "--allow-user", "0", "--socket", filepath.Join(dir, "file")}, exitRefused, "isn't a socket"},
		{[]string{"signer", "--allow-user", "0", "--socket", filepath.Join(dir, "no", "socket")}, exitRefused, "no such file"},
		{[]string{"signer", "status"}, exitRefused, "systemctl start mobileconfig-signer"},
		{append([]string{"serve", "--acme-email", "a@example.com", "--base-url", "https://setup.example.com"}, data...), exitUsage, "--reuse-key"},
		{append([]string{"serve", "--signing-cert", "a.pem", "--signing-key", "b.pem"}, data...), exitUsage, "mobileconfig signer instead"},
		{append([]string{"serve", "--signing-p12", "a.p12"}, data...), exitUsage, "mobileconfig signer instead"},
		{append([]string{"serve", "--signing-roots", "a.pem"}, data...), exitUsage, "mobileconfig signer instead"},
	} {
		if _, err := shown(t, tt.want, tt.args...); !strings.Contains(err, tt.says) {
			t.Errorf("%v: says %s", tt.args, err)
		}
	}
}
