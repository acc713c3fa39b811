//go:build soak

package crashtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/servertest"
)

// guard limits every wait. It only ends a hanging test, and is far longer than
// any machine needs.
const guard = 20 * time.Minute

// startGoal is the maximum time of a start, in any situation.
const startGoal = 2 * time.Second

// until waits until ok, or fails if the program, if there is one, has ended.
func until(t *testing.T, p *process, what string, ok func() bool) {
	t.Helper()
	var exited chan struct{}
	if p != nil {
		exited = p.exited
	}
	for end := time.Now().Add(guard); !ok(); time.Sleep(time.Millisecond) {
		select {
		case <-exited:
			t.Fatalf("waiting for %s: it ended with %v: %s", what, p.err, p.errors)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", guard, what)
		}
	}
}

// program is the path of the command.
var program servertest.Program

func TestMain(m *testing.M) { os.Exit(program.Run(m, trustReceivers)) }

// A process is a running program.
type process struct {
	cmd     *exec.Cmd
	url     string
	errors  *text         // its standard error
	exited  chan struct{} // closed when it is gone
	err     error         // how it ended, then
	begun   time.Time
	started time.Duration // time until it listened
}

// launch starts the program on a data folder. Said receives the first line that
// it prints, when it listens, and is closed then or when it ends.
func launch(t *testing.T, data string, more ...string) (p *process, said <-chan string) {
	t.Helper()
	return launchProgram(t, program.Path(t), nil, data, more...)
}

// launchProgram is launch of another build of the program, with extra
// environment variables.
func launchProgram(t *testing.T, path string, environment []string, data string, more ...string) (p *process, said <-chan string) {
	t.Helper()
	addr := dialtest.Free(t)
	args := append([]string{
		"serve", "--listen", addr, "--base-url", "http://setup.example.com", "--data", data,
		"--trusted-proxy", "127.0.0.1/32", "--domain", "example.com", "--imap", "imap.example.com", "--smtp", "smtp.example.com",
	}, more...)
	p = &process{cmd: exec.Command(path, args...), url: "http://" + addr, errors: &text{}, exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), environment...)
	p.cmd.Stderr = p.errors
	p.cmd.Dir = t.TempDir()
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.begun = time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make(chan string, 1)
	go func() {
		in := bufio.NewReader(out)
		if line, err := in.ReadString('\n'); err == nil {
			first <- line
		}
		close(first)
		_, _ = io.Copy(io.Discard, in)
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.kill)
	return p, first
}

// start is launch until the program listens.
func start(t *testing.T, data string, more ...string) *process {
	t.Helper()
	p, said := launch(t, data, more...)
	p.listens(t, said)
	return p
}

// listens waits until the program says that it listens.
func (p *process) listens(t *testing.T, said <-chan string) {
	t.Helper()
	select {
	case line, ok := <-said:
		if !ok {
			t.Fatalf("it did not start: %s", p.errors)
		}
		p.started = time.Since(p.begun)
		if !strings.HasPrefix(line, "Open ") {
			t.Fatalf("it said %q", line)
		}
	case <-time.After(guard):
		t.Fatalf("it does not start: %s", p.errors)
	}
}

// refused starts the program where it must not start, and returns its output.
func refused(t *testing.T, data string, more ...string) string {
	t.Helper()
	p, said := launch(t, data, more...)
	select {
	case line, ok := <-said:
		if ok {
			t.Fatalf("it started: %s", line)
		}
	case <-time.After(guard):
		t.Fatalf("it neither starts nor refuses to: %s", p.errors)
	}
	err := p.wait()
	if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.ExitCode() != 1 && e.ExitCode() != 2 {
		t.Errorf("it ended with %v", err)
	}
	if strings.Contains(p.errors.String(), "goroutine ") {
		t.Error("it panicked")
	}
	return p.errors.String()
}

// says waits until standard error contains one of the words.
func (p *process) says(t *testing.T, words ...string) {
	t.Helper()
	until(t, p, fmt.Sprintf("one of %q on standard error", words), func() bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(p.errors.String(), w) })
	})
}

// kill kills the program and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.wait()
}

// stop stops the program gracefully.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(); err != nil {
		t.Errorf("it ended with %v: %s", err, p.errors)
	}
}

func (p *process) wait() error {
	<-p.exited
	return p.err
}

// A text collects what is written, from any goroutine.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

var _ io.Writer = (*text)(nil)

// copied copies the files of a database, without those that SQLite creates
// again.
func copied(t *testing.T, data string) (database string) {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{"mobileconfig.db", "mobileconfig.db-wal"} {
		content, err := os.ReadFile(filepath.Join(data, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "sqlite:" + filepath.Join(to, "mobileconfig.db")
}
