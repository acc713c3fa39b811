package mdm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/prepared"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// The keys of the servers' APIs and of the webhook.
const (
	nanoKey    = "key-of-nanomdm"
	kmfddmKey  = "key-of-kmfddm"
	webhookKey = "key-of-the-webhook"
)

// start runs a server until the test ends, and returns when it answers.
func start(t *testing.T, name, address string, args ...string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(prepared.Program(t, name), append([]string{"-listen", address}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		if t.Failed() {
			text := log.String()
			t.Logf("%s: …%s", name, text[max(0, len(text)-4000):])
		}
	})
	for {
		resp, err := http.Get("http://" + address + "/version")
		if err == nil {
			resp.Body.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s has ended", name)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// A management is NanoMDM with KMFDDM, and the events of NanoMDM's webhook.
type management struct {
	nanomdm, kmfddm string // their addresses
	authority       signingtest.Pair
	// follower also gets the events; empty: nobody.
	follower atomic.Value
	mu       sync.Mutex
	heard    *sync.Cond
	answers  map[string][]byte // of devices, by the ID of the command
}

func startManagement(t *testing.T) *management {
	t.Helper()
	m := &management{nanomdm: dialtest.Free(t), kmfddm: dialtest.Free(t), authority: signingtest.Root(t, "p256"), answers: map[string][]byte{}}
	m.heard = sync.NewCond(&m.mu)
	m.follower.Store("")
	hook := httptest.NewServer(http.HandlerFunc(m.hear))
	t.Cleanup(hook.Close)
	m.startNano(t, "-webhook-url", hook.URL, "-webhook-hmac-key", webhookKey, "-dm", "http://"+m.kmfddm+"/")
	start(t, "kmfddm", m.kmfddm, "-storage", "inmem", "-api", kmfddmKey, "-enqueue", "http://"+m.nanomdm+"/v1/enqueue/", "-enqueue-key", nanoKey)
	return m
}

// startNano starts NanoMDM with the flags for its webhook.
func (m *management) startNano(t *testing.T, flags ...string) {
	t.Helper()
	start(t, "nanomdm", m.nanomdm, append([]string{"-storage", "inmem", "-storage-dsn", "memory", "-api", nanoKey, "-ca", signingtest.WriteFile(t, "ca.pem", m.authority.CertPEM())}, flags...)...)
}

// hear records devices' answers, and passes events on unchanged.
func (m *management) hear(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var event struct {
		Acknowledge struct {
			Command string `json:"command_uuid"`
			Raw     []byte `json:"raw_payload"`
		} `json:"acknowledge_event"`
	}
	if json.Unmarshal(body, &event) == nil && event.Acknowledge.Command != "" {
		m.mu.Lock()
		m.answers[event.Acknowledge.Command] = event.Acknowledge.Raw
		m.heard.Broadcast()
		m.mu.Unlock()
	}
	follower := m.follower.Load().(string)
	if follower == "" {
		return
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+follower, bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header = r.Header.Clone()
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
	}
}

// ask sends a command to a device, makes it connect, and returns its answer.
func (m *management) ask(t *testing.T, d *device, request, id string) []byte {
	t.Helper()
	command := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>CommandUUID</key><string>%s</string><key>Command</key><dict><key>RequestType</key><string>%s</string></dict></dict></plist>`, id, request)
	req, err := http.NewRequest(http.MethodPut, "http://"+m.nanomdm+"/v1/enqueue/"+d.enrollment()+"?nopush=1", strings.NewReader(command))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("nanomdm", nanoKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d", request, resp.StatusCode)
	}
	if err := d.connect(); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.answers[id] == nil {
		m.heard.Wait()
	}
	return m.answers[id]
}

// A pushing is a running mobileconfig push.
type pushing struct {
	cmd    *exec.Cmd
	out    *bufio.Scanner
	log    bytes.Buffer
	states map[string]string // of each delivery, by enrollment and identifier
	counts map[string]int    // of events
	last   map[string]json.RawMessage
}

// push starts mobileconfig push in the folder. With a webhook it waits for the
// devices' answers.
func (m *management) push(t *testing.T, dir, batch string, webhook bool, flags ...string) *pushing {
	t.Helper()
	p := &pushing{states: map[string]string{}, counts: map[string]int{}, last: map[string]json.RawMessage{}}
	args := append([]string{"push", "--batch", batch, "--nanomdm", "http://" + m.nanomdm, "--key-file", "nanomdm.key", "--enrollments", "enrollments.csv",
		"--journal", "push.jsonl", "--json"}, flags...)
	if webhook {
		address := dialtest.Free(t)
		args = append(args, "--webhook", address, "--webhook-key-file", "webhook.key")
		m.follower.Store(address)
	}
	p.cmd = exec.Command(filepath.Join(programs, "mobileconfig"), args...)
	p.cmd.Dir, p.cmd.Stderr = dir, &p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewScanner(out)
	p.out.Buffer(nil, 64<<20)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

// until reads events until stop returns true for one, or they end.
func (p *pushing) until(t *testing.T, stop func(event string) bool) {
	t.Helper()
	for p.out.Scan() {
		var e struct {
			Event, State string
			Enrollment   string `json:"enrollment_id"`
			Identifier   string `json:"profile_identifier"`
		}
		if err := json.Unmarshal(p.out.Bytes(), &e); err != nil {
			t.Fatalf("%v in %s", err, p.out.Bytes())
		}
		p.counts[e.Event]++
		p.last[e.Event] = bytes.Clone(p.out.Bytes())
		if e.Event == "delivery" {
			p.states[e.Enrollment+" "+e.Identifier] = e.State
		}
		if stop(e.Event) {
			return
		}
	}
}

// end reads the remaining output, and returns the exit code.
func (p *pushing) end(t *testing.T) int {
	t.Helper()
	p.until(t, func(string) bool { return false })
	if err := p.cmd.Wait(); err != nil && p.cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// count counts the deliveries in a state.
func (p *pushing) count(state string) (n int) {
	for _, s := range p.states {
		if s == state {
			n++
		}
	}
	return n
}
