//go:build soak

package browser

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/security"

	"github.com/updatecase/mobileconfig/server/certificate/acmetest"
	"github.com/updatecase/mobileconfig/server/soak"
)

// A debian is a clean Debian 12 in a folder, in which systemctl starts what
// the package's unit says.
type debian struct {
	t       *testing.T
	root    string
	service *exec.Cmd
	log     bytes.Buffer
}

// TestSoakFirstPhone follows the README from nothing to a profile that
// verifies, using only its commands, on a clean Debian 12. Only the names of
// the package and of the authority belong to the test.
func TestSoakFirstPhone(t *testing.T) {
	if soak.Count(0, 1) == 0 {
		t.Skip("only in the full soak: it installs a Debian")
	}
	if _, err := exec.LookPath("debootstrap"); err != nil || os.Getuid() != 0 {
		missing(t, "no debootstrap, or not root")
	}
	running(t)
	authority := acmetest.New(t)
	m := newDebian(t)
	m.write("root/mobileconfig_0.9.0_linux_amd64.deb", m.packaged())
	m.write("etc/ssl/authority.pem", authority.RootPEM)
	m.write("etc/ssl/issuers.pem", authority.IssuerPEM)
	m.write("etc/mobileconfig/env", []byte(strings.Join([]string{
		"MOBILECONFIG_ACME_DIRECTORY=" + authority.Directory, "MOBILECONFIG_ACME_ROOTS=/etc/ssl/authority.pem",
		"MOBILECONFIG_SIGNING_ROOTS=/etc/ssl/issuers.pem", "MOBILECONFIG_LISTEN=" + authority.TLS, "MOBILECONFIG_HTTP_LISTEN=" + authority.HTTP, "",
	}, "\n")))
	commands := firstPhone(t)
	if len(commands) > 6 {
		t.Errorf("README needs %d commands, want at most 6", len(commands))
	}
	for _, command := range commands {
		switch {
		case command == "systemctl restart mobileconfig":
			m.restart(authority)
		case strings.HasSuffix(command, " doctor"): // which finds that nobody has a port 443 here
			m.run("/bin/sh", "-c", command+" || true")
		default:
			if out := m.run("/bin/sh", "-c", command); strings.Contains(command, "setup-url") && !strings.HasPrefix(out, "https://"+named+"/panel/invitation/") {
				t.Errorf("%s prints %s", command, out)
			}
		}
	}
	front(t, authority.TLS)
	dir := t.TempDir()
	b := open(t, iPhone, "light")
	// The browser can't be made to trust another authority; restart has
	// checked TLS.
	call(b, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
	b.keep(dir)
	b.visit("https://" + named + "/")
	b.fill("#address", "jane@example.com")
	b.fill("#name", "Jane Doe")
	b.submit("form button")
	b.press(mailForm + " button")
	_, signed := b.downloaded(dir, 1)
	m.write("root/mail.mobileconfig", signed)
	out := m.run("mobileconfig", "verify", "/root/mail.mobileconfig", "--roots", "/etc/ssl/issuers.pem")
	t.Logf("mobileconfig verify: %s", out)
	openssl, err := exec.Command("openssl", "cms", "-verify", "-inform", "DER", "-purpose", "any", "-in", filepath.Join(m.root, "root/mail.mobileconfig"),
		"-CAfile", filepath.Join(m.root, "etc/ssl/issuers.pem"), "-out", filepath.Join(dir, "content")).CombinedOutput()
	if err != nil {
		t.Errorf("openssl: %v: %s", err, openssl)
	}
}

// firstPhone returns the commands of the section "The first phone in ten
// minutes" in the README.
func firstPhone(t *testing.T) (all []string) {
	t.Helper()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "### The first phone in ten minutes")
	_, section, _ = strings.Cut(section, "```\n")
	section, _, _ = strings.Cut(section, "```")
	here := ""
	for line := range strings.Lines(section) {
		if here != "" { // in a text for a command's input
			all[len(all)-1] += line
			if strings.TrimSpace(line) == here {
				here = ""
			}
			continue
		}
		if _, end, ok := strings.Cut(line, "<<"); ok {
			all, here = append(all, line), strings.TrimSpace(end)
			continue
		}
		command, _, _ := strings.Cut(line, " #")
		all = append(all, strings.TrimSpace(command))
	}
	if len(all) < 3 {
		t.Fatalf("README has the commands %q", all)
	}
	return all
}

func newDebian(t *testing.T) *debian {
	t.Helper()
	m := &debian{t: t, root: filepath.Join(t.TempDir(), "debian")}
	out, err := exec.Command("debootstrap", "--variant=minbase", "--include=ca-certificates,init-system-helpers,systemd", "bookworm", m.root).CombinedOutput()
	if err != nil {
		t.Fatalf("debootstrap: %v\n%s", err, out)
	}
	if out, err := exec.Command("mount", "-t", "proc", "proc", filepath.Join(m.root, "proc")).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	t.Cleanup(func() {
		m.stop()
		if err := exec.Command("umount", filepath.Join(m.root, "proc")).Run(); err != nil {
			t.Errorf("umount: %v", err)
		}
		if t.Failed() {
			t.Logf("the service: %s", m.log.String())
		}
	})
	return m
}

// packaged returns the Debian package of this tree.
func (m *debian) packaged() []byte {
	m.t.Helper()
	dist := m.t.TempDir()
	cmd := exec.Command("go", "run", ".", "-out", dist, "-version", "v0.9.0", "-only", "linux/amd64")
	cmd.Dir = "../../../packages"
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dist, "mobileconfig_0.9.0_linux_amd64.deb"))
	if err != nil {
		m.t.Fatal(err)
	}
	return data
}

func (m *debian) write(name string, data []byte) {
	m.t.Helper()
	name = filepath.Join(m.root, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *debian) command(args ...string) *exec.Cmd {
	cmd := exec.Command("chroot", append([]string{m.root}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "PWD=/root", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"}
	return cmd
}

// run runs a program in /root and returns its output.
func (m *debian) run(args ...string) string {
	m.t.Helper()
	out, err := m.command(append([]string{"/usr/bin/env", "-C", "/root"}, args...)...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// restart does what systemd would do with the unit, and waits until the
// authority's certificate is there.
func (m *debian) restart(authority *acmetest.Authority) {
	m.t.Helper()
	m.stop()
	unit, err := os.ReadFile(filepath.Join(m.root, "usr/lib/systemd/system/mobileconfig.service"))
	if err != nil {
		m.t.Fatal(err)
	}
	var start string
	for line := range strings.Lines(string(unit)) {
		if rest, ok := strings.CutPrefix(line, "ExecStart="); ok {
			start = strings.TrimSpace(rest)
		}
	}
	m.service = m.command("runuser", "-u", "mobileconfig", "--", "/bin/sh", "-c", "set -a; . /etc/mobileconfig/env; exec "+start)
	m.service.Stdout, m.service.Stderr = &m.log, &m.log
	m.service.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := m.service.Start(); err != nil {
		m.t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{
		DialContext: authority.Dial, TLSClientConfig: &tls.Config{RootCAs: authority.Issuers}, DisableKeepAlives: true,
	}}
	last := ""
	for range 1200 {
		res, err := client.Get("https://" + named + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
			err = errors.New(res.Status)
		}
		last = err.Error()
		time.Sleep(50 * time.Millisecond)
	}
	m.t.Fatalf("the service doesn't answer with a certificate of the authority: %s", last)
}

func (m *debian) stop() {
	if m.service != nil { // the group is the service and what has started it
		_ = syscall.Kill(-m.service.Process.Pid, syscall.SIGTERM)
		_ = m.service.Wait()
		m.service = nil
	}
}

// front points the browser's only name to an address.
func front(t *testing.T, address string) {
	go func() {
		for {
			in, err := shared.front.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", address)
			if err != nil {
				in.Close()
				continue
			}
			go func() { _, _ = io.Copy(out, in); out.Close() }()
			go func() { _, _ = io.Copy(in, out); in.Close() }()
		}
	}()
	t.Cleanup(func() { shared.front.Close() })
}
