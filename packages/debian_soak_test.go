//go:build soak

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A machine is a clean Debian 12 in a folder.
type machine struct {
	t    *testing.T
	root string
}

// run runs a program on the machine and returns what it prints.
func (m machine) run(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (m machine) try(args ...string) (string, error) {
	cmd := exec.Command("chroot", append([]string{m.root}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// serving runs the service while f runs.
func (m machine) serving(f func()) {
	m.t.Helper()
	cmd := exec.Command("chroot", m.root, "runuser", "-u", "mobileconfig", "--", "mobileconfig", "serve", "--listen", "127.0.0.1:18232")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	ready := false
	for range 400 {
		if _, err := m.try("mobileconfig", "healthcheck", "--listen", "127.0.0.1:18232"); err == nil {
			ready = true
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if ready {
		f()
	}
	// The group contains only the service and the processes that started it.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	_ = cmd.Wait()
	if !ready {
		m.t.Fatalf("the service doesn't start:\n%s", &out)
	}
}

// TestSoakDebian installs, upgrades and purges the package on a clean Debian 12.
func TestSoakDebian(t *testing.T) {
	if _, err := exec.LookPath("debootstrap"); err != nil || os.Getuid() != 0 {
		if os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
			t.Fatal("no debootstrap, or not root")
		}
		t.Skip("no debootstrap, or not root")
	}
	m := machine{t, filepath.Join(t.TempDir(), "debian")}
	out, err := exec.Command("debootstrap", "--variant=minbase", "--include=ca-certificates,init-system-helpers,systemd", "bookworm", m.root).CombinedOutput()
	if err != nil {
		t.Fatalf("debootstrap: %v\n%s", err, out)
	}
	if out, err := exec.Command("mount", "-t", "proc", "proc", filepath.Join(m.root, "proc")).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	defer exec.Command("umount", filepath.Join(m.root, "proc")).Run()
	for _, version := range []string{"0.1.0", "0.2.0"} {
		data := read(t, filepath.Join(built(t, "v"+version), "mobileconfig_"+version+"_linux_amd64.deb"))
		if err := os.WriteFile(filepath.Join(m.root, "root", version+".deb"), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out := m.run("dpkg", "-i", "/root/0.1.0.deb"); !strings.Contains(out, "admin setup-url") {
		t.Errorf("the package doesn't print the next steps:\n%s", out)
	}
	config := filepath.Join(m.root, "etc/mobileconfig/config.toml")
	settings := "data = \"/var/lib/mobileconfig\"\nbase-url = \"https://setup.example.com\"\ndomain = \"example.com\"\nimap = \"imap.example.com\"\nsmtp = \"smtp.example.com\"\n"
	if err := os.WriteFile(config, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	as := []string{"runuser", "-u", "mobileconfig", "--", "mobileconfig"}
	var accounts string
	m.serving(func() {
		if address := m.run(append(as, "admin", "setup-url")...); !strings.HasPrefix(address, "https://setup.example.com/panel/invitation/") {
			t.Errorf("setup-url prints %s", address)
		}
		accounts = m.run(append(as, "admin", "accounts")...)
	})
	if out, err := m.try("mobileconfig", "admin", "accounts"); err == nil || !strings.Contains(out, "runuser -u mobileconfig") {
		t.Errorf("root isn't told to switch users: %s", out)
	}
	m.run("dpkg", "--force-confold", "-i", "/root/0.2.0.deb")
	if kept := string(read(t, config)); kept != settings {
		t.Errorf("the upgrade changed the settings to %s", kept)
	}
	m.serving(func() {
		if again := m.run(append(as, "admin", "accounts")...); again != accounts || !strings.Contains(again, "1") {
			t.Errorf("after the upgrade there are the accounts %s, before %s", again, accounts)
		}
	})
	if out := m.run("mobileconfig", "--version"); !strings.Contains(out, "v0.2.0") {
		t.Errorf("the version is %s", out)
	}
	m.run("runuser", "-u", "mobileconfig-signer", "--", "mobileconfig", "signer", "allow-host", "*.example.com")
	if out, err := m.try("runuser", "-u", "mobileconfig", "--", "mobileconfig", "signer", "list"); err == nil {
		t.Errorf("the service's user can read the signer's folder:\n%s", out)
	}
	m.run("dpkg", "--purge", "mobileconfig")
	for _, left := range []string{"/etc/mobileconfig", "/var/lib/mobileconfig", "/etc/mobileconfig-signer", "/var/lib/mobileconfig-signer", "/usr/bin/mobileconfig"} {
		if _, err := os.Stat(filepath.Join(m.root, left)); err == nil {
			t.Errorf("%s is left over", left)
		}
	}
}
