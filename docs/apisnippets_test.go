package docs_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A language is a language of the snippets in api.md.
type language struct {
	name, fence string
	file        string   // name of the program's file
	command     []string // runs the file
	needs       []string
	before      string // code between the opening and the snippets
	after       string
}

var languages = []language{
	{name: "curl", fence: "sh", file: "snippets.sh", command: []string{"sh", "-e"}, needs: []string{"curl"}},
	{name: "PHP", fence: "php", file: "snippets.php", command: []string{"php", "-d", "error_reporting=-1", "-d", "display_errors=stderr"}, needs: []string{"php"}},
	{name: "Node", fence: "js", file: "snippets.mjs", command: []string{"node"}, needs: []string{"node"}},
	{name: "Go", fence: "go", file: "snippets.go", command: []string{"go", "run"}, needs: []string{"go"}, before: "func main() {\n", after: "}\n"},
}

// need skips the test if a program is missing, or fails it if MOBILECONFIG_TEST_ALL
// is 1.
func (l language) need(t *testing.T) {
	t.Helper()
	for _, program := range l.needs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
			t.Fatalf("no %s", program)
		}
		t.Skipf("no %s", program)
	}
}

// run runs the snippets of all sections against the server, and checks that they
// succeed and write the expected files.
func (l language) run(t *testing.T, g guide, d *documented) {
	t.Helper()
	program := g.blocks[l.fence] + l.before
	for _, s := range g.sections {
		program += s.blocks[l.fence]
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, l.file), []byte(program+l.after), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, l.command[0], append(l.command[1:], l.file)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &out, &complaints
	cmd.Env = append(os.Environ(), "MOBILECONFIG_URL="+d.url, "MOBILECONFIG_KEY="+d.key)
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("%v: %s after %v\n%s", err, &complaints, titles(d.recorded), &out)
	}
	if out.Len() == 0 {
		t.Error("it says nothing")
	}
	for _, e := range d.recorded {
		name := files[e.title]
		if name == "" {
			continue
		}
		var checkpoint struct{ Note string }
		if json.Unmarshal(e.answer, &checkpoint) == nil {
			e.answer = []byte(checkpoint.Note)
		}
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || len(got) == 0 || !bytes.Equal(got, e.answer) {
			t.Errorf("%s: %v, %.80q, want %.80q", name, err, got, e.answer)
		}
	}
}

// files are the files written by snippets, by operation: the response, or the note
// of a checkpoint.
var files = map[string]string{
	"Create a signed profile":               "jane.mobileconfig",
	"Get a setup link as a QR code":         "link.svg",
	"Download a file of a batch":            "archive-001.zip",
	"Export the whole action log":           "actions.jsonl",
	"Create a checkpoint of the action log": "checkpoint.note",
}

// A documented is a server that records its requests. It replaces the webhook of
// the examples with one of the test.
type documented struct {
	*servertest.Server
	url, key string
	endpoint string
	routes   *http.ServeMux

	mu       sync.Mutex
	recorded []exchange
}

// example is the webhook URL in the examples.
const example = "https://panel.example.com/hooks"

// manyLinks is more than a page of links.
const manyLinks = 60

func newDocumented(t *testing.T) *documented {
	t.Helper()
	hook := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(hook.Close)
	relay := notifytest.New(t, false)
	database := storetest.SQLite(t)
	d := &documented{endpoint: hook.URL + "/hooks", routes: http.NewServeMux()}
	d.Server = servertest.New(t, database, func(c *server.Config) {
		c.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		c.WebhookRoots = x509.NewCertPool()
		c.WebhookRoots.AddCert(hook.Certificate())
		c.Mail = &notify.RelayConfig{Server: relay.Address, From: "setup@example.com", Roots: relay.Roots}
	})
	work(t, d.Server)
	if a := d.Owner("olga@example.com").Post("/panel/mdm/nanomdm", "url", hook.URL, "key", "k3y"); a.Status != http.StatusSeeOther {
		t.Fatalf("connecting a NanoMDM: %d %s", a.Status, a.Body)
	}
	d.key = newKey(t, database)
	for i := range manyLinks {
		if a := d.do("POST", "/api/v1/setup-links", fmt.Sprintf(`{"address":"person%d@example.com"}`, i)); a.Status != http.StatusCreated {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
	for title, op := range readDocument(t, d.Server).byTitle() {
		d.routes.HandleFunc(op.method+" "+op.path, func(w http.ResponseWriter, r *http.Request) { d.serve(w, r, title) })
	}
	listener := httptest.NewServer(d.routes)
	t.Cleanup(listener.Close)
	d.url = listener.URL
	return d
}

// work runs the server's jobs until the test ends.
func work(t *testing.T, s *servertest.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.RunJobs(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// newKey creates a key with all scopes, in an account whose owners have approved the
// servers of the examples and policies that erase.
func newKey(t *testing.T, database string) string {
	t.Helper()
	spec := account.KeySpec{Account: account.Default, Name: "panel"}
	for _, s := range account.Scopes() {
		spec.Scopes = append(spec.Scopes, string(s))
	}
	kept := storetest.Open(t, store.Config{Database: database})
	_, key, err := account.NewKeys(kept, time.Now).Create(t.Context(), audit.ByOperator(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := settings.NewHosts(kept, time.Now).Approve(t.Context(), audit.ByOperator(), account.Default, "*.example.net"); err != nil {
		t.Fatal(err)
	}
	storetest.Exec(t, database, `UPDATE accounts SET erasing_policies_by_key = 1`)
	return key
}

func (d *documented) do(method, path, body string) servertest.Answer {
	return d.Do(method, path, http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + d.key}}, body)
}

// serve forwards a request to the server and records the exchange.
func (d *documented) serve(w http.ResponseWriter, r *http.Request, title string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(strings.NewReader(hookOf(d.endpoint).Replace(string(body))))
	r.ContentLength = -1
	r.Header.Del("Accept-Encoding") // to record a readable body
	answer := httptest.NewRecorder()
	d.Handler().ServeHTTP(answer, r)
	d.mu.Lock()
	d.recorded = append(d.recorded, exchange{title, r.Header, body, answer.Code, answer.Body.Bytes()})
	d.mu.Unlock()
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// hookOf replaces the webhook of the examples with the endpoint, also in PHP's
// spelling.
func hookOf(endpoint string) *strings.Replacer {
	return strings.NewReplacer(example, endpoint, strings.ReplaceAll(example, "/", `\/`), endpoint)
}
