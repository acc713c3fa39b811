package notifytest

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// A Certificate says what is wrong with the certificate that Postfix presents.
type Certificate string

// The certificates.
const (
	Good       Certificate = "good"
	Expired    Certificate = "expired"
	WrongName  Certificate = "wrong-name"
	SelfSigned Certificate = "self-signed"
)

// A Postfix is a real Postfix on loopback. It accepts all mail to example.com
// except to refused@, which it refuses, and to later@, which it defers.
type Postfix struct {
	Roots *x509.CertPool
	// RootsFile contains the roots as PEM.
	RootsFile string

	dir string
	// Ports by certificate: for TLS from the start, and for STARTTLS.
	ports map[Certificate][2]int
}

// NewPostfix starts Postfix in a folder of its own, and stops it when the test
// ends. It skips the test if Postfix isn't installed or can't be started,
// unless MOBILECONFIG_TEST_ALL is 1.
func NewPostfix(t testing.TB) *Postfix {
	t.Helper()
	why := ""
	if _, err := exec.LookPath("postfix"); err != nil {
		why = "Postfix is not installed"
	} else if os.Geteuid() != 0 {
		why = "only root can start Postfix"
	}
	if why != "" && os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
		t.Fatal(why)
	}
	if why != "" {
		t.Skip(why)
	}
	dir, err := os.MkdirTemp("", "mobileconfig-postfix")
	if err != nil {
		t.Fatal(err)
	}
	p := &Postfix{Roots: x509.NewCertPool(), dir: dir, ports: map[Certificate][2]int{}}
	p.watch(t)
	services, free := p.services(t)
	for range 10 { // another program may have taken a port meanwhile
		p.configure(t, services)
		free()
		out, err := p.command("start")
		if err == nil {
			p.listens(t)
			return p
		}
		if !strings.Contains(p.Log(t), "Address already in use") {
			t.Fatalf("postfix: %v %s %s", err, out, p.Log(t))
		}
		if err := os.Remove(filepath.Join(dir, "log")); err != nil {
			t.Fatal(err)
		}
		services, free = p.services(t)
	}
	t.Fatal("postfix: found no free ports")
	return nil
}

// command runs a postfix subcommand.
func (p *Postfix) command(word string) ([]byte, error) {
	return exec.Command("postfix", "-c", filepath.Join(p.dir, "etc"), word).CombinedOutput()
}

// Address returns the address of the port with the certificate.
func (p *Postfix) Address(c Certificate, starttls bool) profile.Server {
	s := profile.Server{Host: "127.0.0.1", Port: p.ports[c][0]}
	if starttls {
		s.Port, s.STARTTLS = p.ports[c][1], true
	}
	return s
}

// Mails returns the emails delivered to the address.
func (p *Postfix) Mails(t testing.TB, address string) []*mail.Message {
	t.Helper()
	return slices.DeleteFunc(p.AllMails(t), func(m *mail.Message) bool { return m.Header.Get("Delivered-To") != address })
}

// AllMails returns all delivered emails.
func (p *Postfix) AllMails(t testing.TB) []*mail.Message {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "mail", "box", "new", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all []*mail.Message
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := mail.ReadMessage(bytes.NewReader(content))
		if err != nil {
			t.Fatalf("%v in\n%s", err, content)
		}
		all = append(all, m)
	}
	return all
}

// Log returns its log.
func (p *Postfix) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "log"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// watch starts a shell that stops Postfix and deletes the folder when the test
// or this process ends in any way.
func (p *Postfix) watch(t testing.TB) {
	t.Helper()
	cmd := exec.Command("sh", "-c", `trap "" INT TERM HUP; read x; postfix -c "$1/etc" stop >/dev/null 2>&1; rm -rf "$1"`, "watch", p.dir)
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Postfix says:\n%s", p.Log(t))
		}
		alive.Close()
		_ = cmd.Wait()
	})
}

// services creates the certificates, and lines of master.cf that use them. Its
// ports stay reserved until free is called.
func (p *Postfix) services(t testing.TB) (text string, free func()) {
	t.Helper()
	root := signingtest.Root(t, "p256")
	p.Roots.AddCert(root.Cert)
	p.RootsFile = filepath.Join(p.dir, "roots.pem")
	if err := os.WriteFile(p.RootsFile, root.CertPEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	middle := root.Intermediate(t, "p256")
	forLoopback := func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, []net.IP{net.IPv4(127, 0, 0, 1)} }
	good := middle.Leaf(t, "p256", forLoopback)
	expired := middle.Leaf(t, "p256", func(c *x509.Certificate) { forLoopback(c); signingtest.Expired(c) })
	wrong := middle.Leaf(t, "p256", func(c *x509.Certificate) { c.DNSNames = []string{"other.example.com"} })
	self := signingtest.Pair{}.Leaf(t, "p256", forLoopback)
	var lines strings.Builder
	var kept []net.Listener
	port := func() int {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, l)
		return l.Addr().(*net.TCPAddr).Port
	}
	for name, content := range map[Certificate][]byte{
		Good:       append(good.KeyPEM(t), good.CertPEM(middle)...),
		Expired:    append(expired.KeyPEM(t), expired.CertPEM(middle)...),
		WrongName:  append(wrong.KeyPEM(t), wrong.CertPEM(middle)...),
		SelfSigned: append(self.KeyPEM(t), self.CertPEM()...),
	} {
		file := filepath.Join(p.dir, string(name)+".pem")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		ports := [2]int{port(), port()}
		p.ports[name] = ports
		fmt.Fprintf(&lines, "127.0.0.1:%d inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_tls_chain_files=%s\n", ports[0], file)
		fmt.Fprintf(&lines, "127.0.0.1:%d inet n - n - - smtpd -o smtpd_tls_security_level=encrypt -o smtpd_tls_chain_files=%s\n", ports[1], file)
	}
	return lines.String(), func() {
		for _, l := range kept {
			l.Close()
		}
	}
}

const mainCF = `compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
maillog_file = DIR/log
maillog_file_prefixes = DIR
myhostname = mail.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = check_recipient_access inline:{{refused@example.com = 550 5.1.1 No such mailbox}, {later@example.com = 450 4.2.0 Come back later}}, permit_mynetworks, reject
alias_maps =
alias_database =
smtpd_tls_received_header = yes
virtual_mailbox_domains = example.com
virtual_mailbox_base = DIR/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:UID
virtual_gid_maps = static:GID
default_transport = error:nothing leaves
relay_transport = error:nothing leaves
`

const masterCF = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`

// configure writes the configuration of Postfix.
func (p *Postfix) configure(t testing.TB, services string) {
	t.Helper()
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("DIR", p.dir, "UID", nobody.Uid, "GID", nobody.Gid)
	for _, name := range []string{"", "etc", "queue", "data", "mail"} {
		path := filepath.Join(p.dir, name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o755); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	for path, owner := range map[string]string{"data": "postfix:", "mail": "nobody:"} {
		if out, err := exec.Command("chown", owner, filepath.Join(p.dir, path)).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	for name, content := range map[string]string{
		"main.cf":   fill.Replace(mainCF),
		"master.cf": services + masterCF,
	} {
		if err := os.WriteFile(filepath.Join(p.dir, "etc", name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// listens waits until Postfix accepts connections.
func (p *Postfix) listens(t testing.TB) {
	t.Helper()
	var err error
	for end := time.Now().Add(guard); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		var c net.Conn
		if c, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.ports[Good][1])); err == nil {
			_ = c.SetReadDeadline(time.Now().Add(guard))
			_, err = io.ReadFull(c, make([]byte, 3))
			c.Close()
		}
		if err == nil {
			return
		}
	}
	t.Fatalf("postfix: %v %s", err, p.Log(t))
}
