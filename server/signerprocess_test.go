package server_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/signerd"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// program is the built command, for the tests that start it.
var program servertest.Program

func TestMain(m *testing.M) {
	if url := os.Getenv(visited); url != "" {
		if err := visit(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(program.Run(m, nil))
}

// A signerProcess is the program running as a signer, with approvals for
// example.com.
type signerProcess struct {
	t       testing.TB
	program string
	args    []string
	socket  string
	roots   *x509.CertPool
	leaf    signingtest.Pair
	files   signing.Files
	cmd     *exec.Cmd
	errors  servertest.Log
}

// newSigner builds the program, approves what the tests need, and starts it as
// a signer.
func newSigner(t testing.TB) *signerProcess {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("a separate signer runs only on Linux")
	}
	dir, err := os.MkdirTemp("", "signer") // socket names must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &signerProcess{t: t, program: program.Path(t), socket: filepath.Join(dir, "socket"), roots: x509.NewCertPool()}
	root := signingtest.Root(t, "p256")
	p.leaf = root.Leaf(t, "p256", nil)
	p.roots.AddCert(root.Cert)
	p.files = signing.Files{Cert: filepath.Join(dir, "chain.pem"), Key: filepath.Join(dir, "key.pem"), Roots: filepath.Join(dir, "root.pem")}
	for name, data := range map[string][]byte{p.files.Cert: p.leaf.CertPEM(), p.files.Key: p.leaf.KeyPEM(t), p.files.Roots: root.CertPEM()} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := "--folder=" + filepath.Join(dir, "approvals")
	for _, args := range [][]string{{"allow-host", "*.example.com"}, {"allow-domain", "example.com"}, {"erasing", "on"}} {
		if out, err := exec.Command(p.program, append(append([]string{"signer"}, args...), folder)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	p.args = []string{"signer", folder, "--socket=" + p.socket, "--allow-user=" + strconv.Itoa(os.Getuid()),
		"--signing-cert=" + p.files.Cert, "--signing-key=" + p.files.Key, "--signing-roots=" + p.files.Roots}
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *signerProcess) start() {
	p.t.Helper()
	p.cmd = exec.Command(p.program, p.args...)
	p.cmd.Stderr = &p.errors
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

// kill kills the process, if it's running.
func (p *signerProcess) kill() {
	if p.cmd != nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		p.cmd = nil
	}
}

// processorTime returns the process's CPU time as the kernel reports it: in
// hundredths of a second.
func (p *signerProcess) processorTime() time.Duration {
	p.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, behind, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(behind)
	var ticks time.Duration
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		if err != nil {
			p.t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * time.Second / 100
}

// client returns what a server signs with.
func (p *signerProcess) client(patience time.Duration) *signerd.Client {
	c := signerd.Dial(signerd.ClientConfig{Socket: p.socket, Patience: patience})
	p.t.Cleanup(c.Close)
	return c
}

// TestSignerKilled kills the signer repeatedly while people download. Each
// answer is a profile or says when to retry, and the count matches what was
// sent.
func TestSignerKilled(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		killSigner(t, database, 10, 100*time.Millisecond, func(download func()) { download() })
	})
}

// killSigner kills the signer this many times. around wraps each download.
func killSigner(t *testing.T, database string, kills int, patience time.Duration, around func(download func())) {
	signer := newSigner(t)
	s := servertest.New(t, database, func(c *server.Config) { c.Identity = signer.client(patience) })
	s.Roots = signer.roots
	const callers = 4
	var tickets []string
	for i := range callers {
		tickets = append(tickets, s.Ticket(s.Link(fmt.Sprintf("jane%d@example.com", i)), "mail"))
	}
	storetest.Exec(t, database, `UPDATE tickets SET max_fetches = 1000000`)
	storetest.Exec(t, database, `UPDATE links SET max_downloads = 1000000`)
	var good, late atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, ticket := range tickets {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				around(func() {
					switch a := s.Get(ticket); {
					case a.Status == http.StatusOK:
						s.Content(a.Body)
						good.Add(1)
					case a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "" && bytes.Contains(a.Body, []byte("signer_unavailable")):
						late.Add(1)
					default:
						t.Errorf("%d %v %.300s", a.Status, a.Header, a.Body)
					}
				})
			}
		})
	}
	more := func(n *atomic.Int64, what string) {
		before := n.Load()
		servertest.Eventually(t, what, func() bool { return n.Load() >= before+callers })
	}
	for i := range kills {
		more(&good, "downloads")
		signer.kill()
		if i%5 == 0 { // some must leave
			more(&late, "answers that say when to retry")
		}
		signer.start()
	}
	more(&good, "downloads at the end")
	close(stop)
	wg.Wait()
	counted := len(servertest.ReadLog(t, database, account.Default, audit.ProfileDownload))
	if int64(counted) != good.Load() {
		t.Errorf("%d profiles received, but %d downloads counted", good.Load(), counted)
	}
	t.Logf("%d profiles, %d refusals, %d kills", good.Load(), late.Load(), kills)
}

// TestSignerTellsOperators checks that details, metrics and readiness show the
// signer's state, and that the certificate page offers no way around it.
func TestSignerTellsOperators(t *testing.T) {
	t.Parallel()
	signer := newSigner(t)
	c := config(t)
	client := signer.client(time.Minute)
	c.Identity, c.MetricsListen = client, dialtest.Free(t)
	addr, stop := start(t, c)
	defer stop()
	get := func(url string) (int, string) {
		t.Helper()
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(data)
	}
	inside := func(path string) string { _, text := get("http://" + c.MetricsListen + path); return text }
	shows := func(what, path, text string) {
		t.Helper()
		servertest.Eventually(t, what, func() bool { return strings.Contains(inside(path), text) })
	}
	shows("a signer that answers", "/metrics", "mobileconfig_signer_up 1")
	shows("its state", "/details", `"signer":{"socket":"`+signer.socket+`","up":true`)
	shows("no refusals", "/metrics", `mobileconfig_signer_refused_total{reason="host"} 0`)
	if code, _ := get("http://" + addr + "/readyz"); code != http.StatusOK {
		t.Errorf("ready: %d", code)
	}
	if out, err := exec.Command(signer.program, "signer", "status", "--socket="+signer.socket).CombinedOutput(); err != nil || !strings.Contains(string(out), "Signs as setup.example.com") {
		t.Errorf("status: %v %s", err, out)
	}
	signer.kill()
	if out, err := exec.Command(signer.program, "signer", "status", "--socket="+signer.socket).CombinedOutput(); err == nil || !strings.Contains(string(out), "Start it") {
		t.Errorf("status without a signer: %v %s", err, out)
	}
	shows("a signer that has stopped", "/metrics", "mobileconfig_signer_up 0")
	if code, _ := get("http://" + addr + "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(inside("/details"), `"ready":false`) {
		t.Errorf("ready without a signer: %d", code)
	}
	if code, _ := get("http://" + addr + "/healthz"); code != http.StatusOK {
		t.Errorf("healthy: %d", code)
	}
}

// TestSignerInheritsSocket passes the signer a socket like systemd. Connections
// made while there is no signer are answered by the next one.
func TestSignerInheritsSocket(t *testing.T) {
	signer := newSigner(t)
	signer.kill()
	socket := signer.socket + ".systemd"
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	looked := make(chan error)
	for range 3 {
		go func() {
			_, _, err := signerd.Look(t.Context(), signerd.ClientConfig{Socket: socket, Patience: time.Minute})
			looked <- err
		}()
		signer.cmd = exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"`, "sh", signer.program}, signer.args...)...)
		signer.cmd.Stderr, signer.cmd.ExtraFiles = &signer.errors, []*os.File{file}
		if err := signer.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := <-looked; err != nil {
			t.Fatal(err, signer.errors.String())
		}
		signer.kill()
	}
	if _, err := os.Stat(socket); err != nil {
		t.Errorf("the signer has removed the socket: %v", err)
	}
}

// TestSignerInPanel checks that operators see that another process signs, and
// whether it works, and that no one can replace its certificate.
func TestSignerInPanel(t *testing.T) {
	signer := newSigner(t)
	client := signer.client(time.Millisecond)
	s := servertest.New(t, storetest.SQLite(t), func(c *server.Config) { c.Identity = client })
	owner := s.Owner("olga@example.com")
	page := func() string { return string(owner.Get("/panel/certificate").Body) }
	var text string
	servertest.Eventually(t, "a page that describes the signer", func() bool {
		text = page()
		return strings.Contains(text, "Separate signer process") && !strings.Contains(text, "The signer isn")
	})
	if strings.Contains(text, `name="private_key"`) {
		t.Errorf("the page offers to replace the certificate: %s", text)
	}
	if a := owner.Post("/panel/certificate", "certificates", string(signer.leaf.CertPEM()), "private_key", string(signer.leaf.KeyPEM(t)), "use", "yes"); a.Status != http.StatusConflict {
		t.Errorf("an upload: %d", a.Status)
	}
	signer.kill()
	servertest.Eventually(t, "a page that describes the problem", func() bool { return strings.Contains(page(), "The signer isn") })
}

// TestKeyElsewhere looks for the key in the memory and the files of the serving
// process. If that process signs itself, the key is found.
func TestKeyElsewhere(t *testing.T) {
	signer := newSigner(t)
	scalar, err := signer.leaf.Key.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	little := slices.Clone(scalar)
	slices.Reverse(little)
	_, body, _ := bytes.Cut(signer.leaf.KeyPEM(t), []byte("\n"))
	needles := map[string][]byte{"big-endian": scalar, "little-endian": little, "PEM": body[:40]}
	found := func(more ...string) (where []string) {
		data := filepath.Join(t.TempDir(), "data")
		addr := dialtest.Free(t)
		cmd := exec.Command(signer.program, append([]string{"serve", "--listen=" + addr, "--base-url=http://setup.example.com", "--data=" + data,
			"--domain=example.com", "--imap=imap.example.com", "--smtp=smtp.example.com"}, more...)...)
		var errors servertest.Log
		cmd.Stderr = &errors
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { cmd.Process.Kill(); cmd.Wait() }()
		downloadFrom(t, "http://"+addr)
		for form, needle := range needles {
			if inMemory(t, cmd.Process.Pid, needle) {
				where = append(where, form+" in memory")
			}
			if inFiles(t, data, needle) {
				where = append(where, form+" in files")
			}
		}
		return where
	}
	if where := found("--signing-cert="+signer.files.Cert, "--signing-key="+signer.files.Key, "--signing-roots="+signer.files.Roots); len(where) == 0 {
		t.Fatal("the key isn't found where it must be")
	} else {
		t.Logf("in the process: %v", where)
	}
	if where := found("--signer=" + signer.socket); len(where) > 0 {
		t.Errorf("the key of the signer: %v", where)
	}
}

// downloadFrom downloads some profiles from a service as soon as it's ready.
func downloadFrom(t *testing.T, base string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	do := func(method, path string, form url.Values) *http.Response {
		req, err := http.NewRequest(method, base+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", servertest.IPhone)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := client.Do(req)
		if err != nil {
			return &http.Response{}
		}
		res.Body.Close()
		return res
	}
	servertest.Eventually(t, "a service that is ready", func() bool { return do(http.MethodGet, "/readyz", nil).StatusCode == http.StatusOK })
	link := do(http.MethodPost, "/start", url.Values{"address": {"jane@example.com"}}).Header.Get("Location")
	ticket := do(http.MethodPost, link+"/profile", url.Values{"variant": {"mail"}, "platform": {"iphone"}, "agree": {"yes"}}).Header.Get("Location")
	for range 5 {
		if res := do(http.MethodGet, ticket, nil); res.StatusCode != http.StatusOK {
			t.Fatalf("a download: %d", res.StatusCode)
		}
	}
}

// inMemory looks for bytes in all mapped memory of a process.
func inMemory(t *testing.T, pid int, needle []byte) bool {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	const step = 1 << 20
	buffer := make([]byte, step+len(needle))
	read := 0
	for _, line := range strings.Split(strings.TrimSpace(string(maps)), "\n") {
		if strings.Contains(line, "[v") { // the kernel's own
			continue
		}
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights); err != nil {
			t.Fatal(line, err)
		}
		if rights[0] != 'r' {
			continue
		}
		for at := from; at < to; at += step {
			n, err := memory.ReadAt(buffer[:min(int64(len(buffer)), to-at)], at)
			if err != nil && n == 0 {
				break // unmapped in the meantime
			}
			if read += n; bytes.Contains(buffer[:n], needle) {
				return true
			}
		}
	}
	if read < step {
		t.Fatalf("%d bytes of memory were read", read)
	}
	return false
}

// inFiles looks for bytes in all files of a folder.
func inFiles(t *testing.T, folder string, needle []byte) (found bool) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		found = found || bytes.Contains(data, needle)
		files++
		return err
	})
	if err != nil || files < 3 {
		t.Fatal(files, err)
	}
	return found
}
