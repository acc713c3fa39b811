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
	for range 2400 {
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

// newMachine installs a Debian, or skips the test.
func newMachine(t *testing.T) machine {
	t.Helper()
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
	t.Cleanup(func() {
		if out, err := exec.Command("umount", filepath.Join(m.root, "proc")).CombinedOutput(); err != nil {
			t.Errorf("%v %s", err, out)
		}
	})
	return m
}

// offer builds the package of the tree and puts it on the machine.
func (m machine) offer(tree, version string) {
	m.t.Helper()
	data := read(m.t, filepath.Join(builtFrom(m.t, tree, "v"+version), "mobileconfig_"+version+"_linux_amd64.deb"))
	if err := os.WriteFile(filepath.Join(m.root, "root", version+".deb"), data, 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// as runs the program as the service's user.
func (m machine) as(args ...string) string {
	m.t.Helper()
	return m.run(append([]string{"runuser", "-u", "mobileconfig", "--", "mobileconfig"}, args...)...)
}

const debianSettings = `data = "/var/lib/mobileconfig"
base-url = "https://setup.example.com"
domain = "example.com"
imap = "imap.example.com"
smtp = "smtp.example.com"
`

func (m machine) config() string { return filepath.Join(m.root, "etc/mobileconfig/config.toml") }

// install installs a package for the first time and writes its settings.
func (m machine) install(version string) {
	m.t.Helper()
	if out := m.run("dpkg", "-i", "/root/"+version+".deb"); !strings.Contains(out, "admin setup-url") {
		m.t.Errorf("the package doesn't print the next steps:\n%s", out)
	}
	if err := os.WriteFile(m.config(), []byte(debianSettings), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// purge removes the package with all data.
func (m machine) purge() {
	m.t.Helper()
	m.run("dpkg", "--purge", "mobileconfig")
	for _, left := range []string{"/etc/mobileconfig", "/var/lib/mobileconfig", "/etc/mobileconfig-signer", "/var/lib/mobileconfig-signer", "/usr/bin/mobileconfig"} {
		if _, err := os.Stat(filepath.Join(m.root, left)); err == nil {
			m.t.Errorf("%s is left over", left)
		}
	}
}

// TestSoakDebian installs, upgrades and purges the package on a clean Debian 12.
func TestSoakDebian(t *testing.T) {
	m := newMachine(t)
	m.offer(earlierTree(t), "0.0.9")
	m.offer("..", "0.1.0")
	m.offer("..", "0.2.0")
	m.wantIncompatible("0.0.9", "0.1.0")

	m.install("0.1.0")
	var hosts, log string
	m.serving(func() {
		if address := m.as("admin", "setup-url"); !strings.HasPrefix(address, "https://setup.example.com/panel/invitation/") {
			t.Errorf("setup-url prints %s", address)
		}
		m.as("admin", "host", "approve", "imap.example.net")
		hosts = m.as("admin", "host", "list")
	})
	if !strings.Contains(hosts, "imap.example.net") {
		t.Errorf("the hosts are %s", hosts)
	}
	log = m.as("log", "verify")
	if out, err := m.try("mobileconfig", "admin", "accounts"); err == nil || !strings.Contains(out, "runuser -u mobileconfig") {
		t.Errorf("root isn't told to switch users: %s", out)
	}
	m.run("dpkg", "--force-confold", "-i", "/root/0.2.0.deb")
	if kept := string(read(t, m.config())); kept != debianSettings {
		t.Errorf("the upgrade changed the settings to %s", kept)
	}
	if again := m.as("log", "verify"); again != log {
		t.Errorf("after the upgrade the log says %s, before %s", again, log)
	}
	m.serving(func() {
		if again := m.as("admin", "host", "list"); again != hosts {
			t.Errorf("after the upgrade there are the hosts %s, before %s", again, hosts)
		}
	})
	if out := m.run("mobileconfig", "--version"); !strings.Contains(out, "v0.2.0") {
		t.Errorf("the version is %s", out)
	}
	m.run("runuser", "-u", "mobileconfig-signer", "--", "mobileconfig", "signer", "allow-host", "*.example.com")
	if out, err := m.try("runuser", "-u", "mobileconfig", "--", "mobileconfig", "signer", "list"); err == nil {
		t.Errorf("the service's user can read the signer's folder:\n%s", out)
	}
	m.purge()
}

// wantIncompatible installs a package over one whose schema was edited later: the
// service doesn't start, says why, and harms nothing, so the old one runs again.
func (m machine) wantIncompatible(old, version string) {
	m.t.Helper()
	m.install(old)
	var accounts string
	m.serving(func() { accounts = m.as("admin", "accounts") })
	database := filepath.Join(m.root, "var/lib/mobileconfig/mobileconfig.db")
	before := read(m.t, database)
	m.run("dpkg", "--force-confold", "-i", "/root/"+version+".deb")
	out, err := m.try("runuser", "-u", "mobileconfig", "--", "mobileconfig", "serve", "--listen", "127.0.0.1:18232")
	if err == nil || !strings.Contains(out, "has the schema of an unreleased version") || !strings.Contains(out, "Nothing was changed") {
		m.t.Errorf("on an incompatible database: %v\n%s", err, out)
	}
	if !bytes.Equal(read(m.t, database), before) {
		m.t.Error("the database was changed")
	}
	m.run("dpkg", "--force-confold", "-i", "/root/"+old+".deb")
	m.serving(func() {
		if again := m.as("admin", "accounts"); again != accounts {
			m.t.Errorf("afterwards there are the accounts %s, before %s", again, accounts)
		}
	})
	m.purge()
}

// earlierTree copies the tree and edits its migration, like an earlier commit.
func earlierTree(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") || entry.Name() == "dist" {
			continue
		}
		if out, err := exec.Command("cp", "-r", filepath.Join("..", entry.Name()), folder).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000") // the copy isn't a repository
	migration := filepath.Join(folder, "server/db/migrations/0001_init.sql")
	if err := os.WriteFile(migration, append(read(t, migration), "\n-- An earlier commit.\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}
