package browser

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// How long Thunderbird may take to start, to answer and to end.
const (
	thunderbirdStarts  = limit
	thunderbirdAnswers = limit
	thunderbirdEnds    = 10 * time.Second // then it is killed
)

// A marionette is a headless Thunderbird that runs scripts with the privileges
// of its own code.
type marionette struct {
	conn net.Conn
	read *bufio.Reader
	last int
}

// newThunderbird starts Thunderbird with a new profile, whose connections all
// use the proxy. It ends with the test. Without the program the test is
// skipped.
func newThunderbird(t *testing.T, proxy string) *marionette {
	t.Helper()
	path, err := exec.LookPath("thunderbird")
	if err != nil {
		missing(t, "no thunderbird in PATH")
	}
	dir := t.TempDir()
	host, port, err := net.SplitHostPort(proxy)
	if err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf(`user_pref("marionette.port", 0);
user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", %[1]q);
user_pref("network.proxy.http_port", %[2]s);
user_pref("network.proxy.ssl", %[1]q);
user_pref("network.proxy.ssl_port", %[2]s);
`, host, port)
	if err := os.WriteFile(filepath.Join(dir, "user.js"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	program := exec.Command(path, "--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", dir)
	program.Env = append(os.Environ(), "HOME="+dir, "MOZ_CRASHREPORTER_DISABLE=1")
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has children
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = program.Wait() // it may be killed
	}()
	t.Cleanup(func() {
		select {
		case <-ended:
		case <-time.After(thunderbirdEnds):
		}
		_ = syscall.Kill(-program.Process.Pid, syscall.SIGKILL) // the remaining processes
		<-ended
	})
	m := &marionette{conn: dialMarionette(t, dir, ended)}
	m.read = bufio.NewReader(m.conn)
	t.Cleanup(func() { m.quit(t); m.conn.Close() })
	if _, err := m.message(); err != nil { // its greeting
		t.Fatal(err)
	}
	m.want(t, "WebDriver:NewSession", map[string]any{})
	m.want(t, "Marionette:SetContext", map[string]any{"value": "chrome"})
	return m
}

// dialMarionette waits for the port that the program writes to its profile.
func dialMarionette(t *testing.T, dir string, ended <-chan struct{}) net.Conn {
	t.Helper()
	giveUp := time.After(thunderbirdStarts)
	for {
		select {
		case <-giveUp:
			t.Fatal("thunderbird did not start in time")
		case <-ended:
			t.Fatal("thunderbird has ended")
		case <-time.After(100 * time.Millisecond):
		}
		port, err := os.ReadFile(filepath.Join(dir, "MarionetteActivePort"))
		if err != nil {
			continue
		}
		if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strings.TrimSpace(string(port)))); err == nil {
			return conn
		}
	}
}

// message reads a message: its length, a colon, JSON.
func (m *marionette) message() ([]byte, error) {
	if err := m.conn.SetDeadline(time.Now().Add(thunderbirdAnswers)); err != nil {
		return nil, err
	}
	length, err := m.read.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil || n > 1<<20 {
		return nil, fmt.Errorf("marionette: a message of length %q", length)
	}
	data := make([]byte, n)
	_, err = io.ReadFull(m.read, data)
	return data, err
}

// call runs a command and returns its value.
func (m *marionette) call(command string, parameters map[string]any) (json.RawMessage, error) {
	m.last++
	data, err := json.Marshal([]any{0, m.last, command, parameters})
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(data), data); err != nil {
		return nil, err
	}
	if data, err = m.message(); err != nil {
		return nil, err
	}
	var answer []json.RawMessage // 1, number, error, value
	if err := json.Unmarshal(data, &answer); err != nil || len(answer) != 4 {
		return nil, fmt.Errorf("marionette: %w: %s", err, data)
	}
	if string(answer[2]) != "null" {
		return nil, errors.New("marionette: " + string(answer[2]))
	}
	return answer[3], nil
}

func (m *marionette) want(t *testing.T, command string, parameters map[string]any) json.RawMessage {
	t.Helper()
	value, err := m.call(command, parameters)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return value
}

// run runs the body of an async function and stores its result in value.
func (m *marionette) run(t *testing.T, value any, body string, arguments ...any) {
	t.Helper()
	script := `const done = arguments[arguments.length - 1];
(async (...arguments) => {` + body + `})(...arguments).then(value => done({value}), error => done({error: String(error)}))`
	data := m.want(t, "WebDriver:ExecuteAsyncScript", map[string]any{"script": script, "args": arguments})
	var answer struct {
		Value struct {
			Value json.RawMessage
			Error string
		}
	}
	if err := json.Unmarshal(data, &answer); err != nil || answer.Value.Error != "" {
		t.Fatalf("%v %s", err, data)
	}
	if err := json.Unmarshal(answer.Value.Value, value); err != nil {
		t.Fatalf("%v %s", err, data)
	}
}

func (m *marionette) quit(t *testing.T) {
	if _, err := m.call("Marionette:Quit", map[string]any{"flags": []string{"eForceQuit"}}); err != nil {
		t.Log(err)
	}
}
