//go:build soak

package container

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/certificate/acmetest"
	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// The networks of the tests. In compose.yaml the engine chooses one, but the
// authority has to be reachable at a known address of this machine.
const (
	gateway    = "10.231.7.1"
	settingsOf = `services:
  mobileconfig:
    environment:
      MOBILECONFIG_ACME_DIRECTORY: %s
      MOBILECONFIG_ACME_ROOTS: /authority/roots.pem
      MOBILECONFIG_SIGNING_ROOTS: /authority/issuers.pem
    volumes:
      - ./authority:/authority:ro
networks:
  default:
    ipam:
      config:
        - subnet: 10.231.7.0/24
          gateway: ` + gateway + `
`
	mailcow = `networks:
  mailcow-network:
    ipam:
      config:
        - subnet: 172.22.1.0/24
services:
  mobileconfig:
    environment:
      MOBILECONFIG_SIGNING_ROOTS: /ssl/roots.pem
`
)

// limits are what podman may set without CAP_SYS_RESOURCE. runc also runs where
// control groups of both versions are mounted.
const limits = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
events_logger = "file"
cgroup_manager = "cgroupfs"
`

// A project is a folder with compose files.
type project struct {
	t     *testing.T
	name  string
	dir   string
	files []string
	env   []string
}

// newProject builds the image and loads it.
func newProject(t *testing.T) *project {
	t.Helper()
	if soak.Count(0, 1) == 0 {
		t.Skip("only in the full soak: it builds an image")
	}
	for _, program := range []string{"podman", "docker-compose", "runc"} {
		if _, err := exec.LookPath(program); err != nil || os.Getuid() != 0 {
			if os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
				t.Fatalf("no %s, or not root", program)
			}
			t.Skipf("no %s, or not root", program)
		}
	}
	p := &project{t: t, name: fmt.Sprintf("mobileconfig%d", os.Getpid()), dir: t.TempDir()}
	p.write("containers.conf", []byte(limits), 0o600)
	socket := filepath.Join(p.dir, "podman.sock")
	p.env = append(os.Environ(), "CONTAINERS_CONF="+filepath.Join(p.dir, "containers.conf"), "DOCKER_HOST=unix://"+socket,
		"COMPOSE_COMPATIBILITY=1", // names with underscores, in every version
		"SETUP_HOST="+acmetest.Host, "ACME_EMAIL=maria@example.com", "MAIL_DOMAIN=example.com", "MAIL_HOST=mail.example.com")
	dist := filepath.Join(t.TempDir(), "dist")
	build := exec.Command("go", "run", ".", "-out", dist, "-version", "v0.9.0", "-only", "linux/amd64")
	build.Dir = "../../../packages"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	p.run("podman", "load", "-i", filepath.Join(dist, "mobileconfig_0.9.0_linux_amd64.image.tar"))
	// "build: ." would give this name.
	p.run("podman", "tag", "localhost/mobileconfig:v0.9.0", "localhost/"+p.name+"_mobileconfig:latest", "localhost/mobileconfig:latest")
	t.Cleanup(func() {
		p.run("podman", "rmi", "localhost/"+p.name+"_mobileconfig:latest", "localhost/mobileconfig:latest", "localhost/mobileconfig:v0.9.0")
	})
	p.engine(socket)
	return p
}

// in returns the project for a subtest, in a folder of its own.
func (p *project) in(t *testing.T) *project {
	return &project{t: t, name: p.name, dir: t.TempDir(), env: p.env}
}

// engine serves podman to docker-compose, as Docker does, until the test ends.
func (p *project) engine(socket string) {
	p.t.Helper()
	cmd := exec.Command("podman", "system", "service", "--time", "0", "unix://"+socket)
	cmd.Env = p.env
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 1200 {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Fatal("podman doesn't listen")
}

func (p *project) write(name string, data []byte, mode os.FileMode) {
	p.t.Helper()
	file := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, data, mode); err != nil {
		p.t.Fatal(err)
	}
}

// add adds a compose file.
func (p *project) add(name, text string) {
	p.t.Helper()
	p.write(name, []byte(text), 0o644)
	p.files = append(p.files, "-f", name)
}

func (p *project) run(args ...string) string {
	p.t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s: %v %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (p *project) compose(args ...string) string {
	p.t.Helper()
	return p.run(append(append([]string{"docker-compose", "-p", p.name}, p.files...), args...)...)
}

// container is the name of the running service.
func (p *project) container() string { return p.name + "_mobileconfig_1" }

// up starts the service until the test ends.
func (p *project) up() {
	p.t.Helper()
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.t.Log(p.run("podman", "logs", p.container()))
		}
		p.compose("down", "-v")
	})
	p.compose("up", "-d", "--no-build")
}

// A visitor sends requests to the service.
type visitor struct {
	t      *testing.T
	client *http.Client
	base   string
	header http.Header
}

func (v visitor) do(method, path, form string) (*http.Response, []byte, error) {
	req, err := http.NewRequest(method, v.base+path, strings.NewReader(form))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header = v.header.Clone()
	req.Host = acmetest.Host
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := v.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, body, err
}

// ready waits until the service is ready.
func (v visitor) ready() {
	v.t.Helper()
	var err error
	var res *http.Response
	for range 2400 {
		if res, _, err = v.do("GET", "/readyz", ""); err == nil && res.StatusCode == http.StatusOK {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	v.t.Fatalf("the service isn't ready: %v %v", res, err)
}

func (v visitor) post(path string, form url.Values) string {
	v.t.Helper()
	res, body, err := v.do("POST", path, form.Encode())
	if err != nil || res.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("POST %s: %v %v %s", path, err, res, body)
	}
	return res.Header.Get("Location")
}

// downloads downloads a profile, which roots must trust, and returns its link.
func (v visitor) downloads(roots *x509.CertPool) (link string) {
	v.t.Helper()
	link = v.post("/start", url.Values{"address": {"jane@example.com"}})
	_, signed, err := v.do("GET", v.post(link+"/profile", url.Values{"variant": {"mail"}, "platform": {"iphone"}}), "")
	if err != nil {
		v.t.Fatal(err)
	}
	envelope, err := signing.Open(signed)
	if err == nil {
		err = envelope.Trust(roots, time.Now())
	}
	if err != nil || !strings.Contains(string(envelope.Content), "jane@example.com") {
		v.t.Errorf("the profile doesn't verify: %v", err)
	}
	return link
}

func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// TestSoakCompose runs the compose files until a profile verifies. The one with
// PostgreSQL needs another image, so it's only read.
func TestSoakCompose(t *testing.T) {
	p := newProject(t)
	t.Run("compose.yaml", func(t *testing.T) { p.in(t).alone() })
	t.Run("mailcow.yaml", func(t *testing.T) { p.in(t).besideMailcow() })
	t.Run("postgres.yaml", func(t *testing.T) {
		p := p.in(t)
		text, err := os.ReadFile("../../../docs/compose/postgres.yaml")
		if err != nil {
			t.Fatal(err)
		}
		p.add("postgres.yaml", string(text))
		p.compose("config", "-q")
	})
}

// alone runs compose.yaml, which gets a certificate. After the container was
// replaced, its data is there.
func (p *project) alone() {
	t := p.t
	text, err := os.ReadFile("../../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	authority := acmetest.New(t)
	// This machine's ports 80 and 443 belong to others, and so do its names.
	ports := strings.NewReplacer(`"80:8081"`, fmt.Sprintf("%q", authority.HTTP+":8081"), `"443:8443"`, fmt.Sprintf("%q", authority.TLS+":8443"))
	p.add("compose.yaml", ports.Replace(string(text)))
	p.add("authority.yaml", fmt.Sprintf(settingsOf, authority.DirectoryAt(t, gateway)))
	p.write("authority/roots.pem", authority.RootPEM, 0o644)
	p.write("authority/issuers.pem", authority.IssuerPEM, 0o644)
	p.up()
	v := visitor{t: t, base: "https://" + acmetest.Host, header: http.Header{}, client: &http.Client{CheckRedirect: noRedirects, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: authority.Issuers}, DialContext: authority.Dial, DisableKeepAlives: true,
	}}}
	v.ready()
	link := v.downloads(authority.Issuers)
	p.run("podman", "exec", p.container(), "/mobileconfig", "healthcheck", "--listen", ":8443")
	if address := p.run("podman", "exec", p.container(), "/mobileconfig", "admin", "setup-url", "--base-url", v.base); !strings.Contains(address, v.base+"/panel/invitation/") {
		t.Errorf("setup-url prints %s", address)
	}
	if is := p.run("podman", "inspect", "--format", "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.EffectiveCaps}}", p.container()); is != "65532:65532 true []\n" {
		t.Errorf("it runs with %s", is)
	}
	p.compose("down")
	p.compose("up", "-d", "--no-build")
	v.ready()
	if res, _, err := v.do("GET", link, ""); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("after the container was replaced, the link gives %v %v", res, err)
	}
	if n := authority.Orders(); n != 1 {
		t.Errorf("%d orders, want 1", n)
	}
}

// besideMailcow runs docs/compose/mailcow.yaml with a certificate where
// mailcow keeps its own, readable by root, and sends requests like its proxy.
func (p *project) besideMailcow() {
	t := p.t
	text, err := os.ReadFile("../../../docs/compose/mailcow.yaml")
	if err != nil {
		t.Fatal(err)
	}
	root := signingtest.Root(t, "p256")
	between := root.Intermediate(t, "p256")
	leaf := between.Leaf(t, "p256", nil)
	p.write("data/assets/ssl/cert.pem", leaf.CertPEM(between), 0o644)
	p.write("data/assets/ssl/key.pem", leaf.KeyPEM(t), 0o600)
	p.write("data/assets/ssl/roots.pem", root.CertPEM(), 0o644)
	p.add("docker-compose.yml", mailcow)
	p.add("docker-compose.override.yml", string(text))
	p.up()
	address := strings.TrimSpace(p.run("podman", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", p.container()))
	if !strings.HasPrefix(address, "172.22.1.") {
		t.Fatalf("its address is %q", address)
	}
	v := visitor{
		t: t, base: "http://" + net.JoinHostPort(address, "8080"), client: &http.Client{CheckRedirect: noRedirects},
		header: http.Header{"X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Proto": {"https"}},
	}
	v.ready()
	roots := x509.NewCertPool()
	roots.AddCert(root.Cert)
	v.downloads(roots)
	p.run("podman", "exec", p.container(), "/mobileconfig", "healthcheck")
	if is := p.run("podman", "inspect", "--format", "{{.HostConfig.ReadonlyRootfs}} {{.EffectiveCaps}}", p.container()); is != "true []\n" {
		t.Errorf("it runs with %s", is)
	}
}
