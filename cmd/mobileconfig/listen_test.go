package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A receiver is a program that receives events.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	messages []notify.Message
	heard    chan struct{} // gets a value after some of the messages
}

// receive starts a receiver that verifies each message.
func receive(t *testing.T, signer notify.Signer) *receiver {
	r := &receiver{heard: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the client was killed
		}
		var m notify.Message
		var at int64
		_, _ = fmt.Sscan(req.Header.Get("webhook-timestamp"), &at)
		want := http.Header{}
		signer.SetHeaders(want, req.Header.Get("webhook-id"), time.Unix(at, 0), body)
		if err := json.Unmarshal(body, &m); err != nil || req.Header.Get("webhook-signature") != want.Get("webhook-signature") {
			t.Errorf("%v, the signature of %s is %s", err, body, req.Header.Get("webhook-signature"))
		}
		r.mu.Lock()
		r.messages = append(r.messages, m)
		r.mu.Unlock()
		select {
		case r.heard <- struct{}{}:
		default:
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(r.Close)
	return r
}

// links returns the links from link.created events, in the order received.
func (r *receiver) links() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, m := range r.messages {
		if m.Type == notify.LinkCreated {
			all = append(all, m.Data.Link)
		}
	}
	return all
}

// TestListen forwards the selected events to a program as they happen.
func TestListen(t *testing.T) {
	s := newService(t)
	signer := notify.NewSigner()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(signer.Secret()), 0o600); err != nil {
		t.Fatal(err)
	}
	r := receive(t, signer)
	state := filepath.Join(t.TempDir(), "state")
	c := webhooksListen{
		remoteFlags: remoteFlags{s.URL, s.keyFile}, ForwardTo: r.URL, SecretFile: secret, State: state, Events: []string{"link.created"},
	}
	var out, errors bytes.Buffer
	l, err := c.prepare(streams{&out, &errors})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.run(ctx) }()
	for {
		if text, err := os.ReadFile(state); err == nil && len(text) > 0 { // the listener is running
			break
		}
		time.Sleep(time.Millisecond)
	}
	created, _ := s.run(t, exitGood, "links", "create", "jane@example.com", "--json")
	<-r.heard
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := r.links(); !slices.Equal(got, []string{field(t, created, "id")}) {
		t.Errorf("got %v", got)
	}
}

// TestListenKilled kills server and listener repeatedly while links are
// created. The program receives all events in order.
func TestListenKilled(t *testing.T) { listenKilled(t, 150, 6) }

// listenKilled creates this many links and kills a process this many times.
func listenKilled(t *testing.T, links, kills int) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	database := "sqlite:" + filepath.Join(data, "mobileconfig.db")
	addr := dialtest.Free(t)
	start := func(args ...string) *exec.Cmd {
		t.Helper()
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = append(os.Environ(), runAsProgram+"=yes")
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	kill := func(cmd *exec.Cmd) {
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); cmd.ProcessState.Exited() { // ended by itself
			t.Fatalf("%v: %v\n%s", cmd.Args, err, cmd.Stderr)
		}
	}
	serve := func() *exec.Cmd {
		cmd := start("serve", "--data", data, "--listen", addr, "--domain", "example.com", "--imap", "imap.example.com", "--smtp", "smtp.example.com")
		for tries := 0; ; tries++ {
			if tries == 12_000 {
				kill(cmd)
				t.Fatalf("the service doesn't start:\n%s", cmd.Stderr)
			}
			if res, err := http.Get("http://" + addr + "/readyz"); err == nil {
				res.Body.Close()
				if res.StatusCode == http.StatusOK {
					return cmd
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	server := serve()
	defer func() { kill(server) }()
	kept := storetest.Open(t, store.Config{Database: database})
	_, key, err := account.NewKeys(kept, time.Now).Create(t.Context(), audit.ByOperator(), account.KeySpec{Account: account.Default, Name: "panel", Scopes: servertest.AllScopes()})
	if err != nil {
		t.Fatal(err)
	}
	kept.Close()
	signer := notify.NewSigner()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keyFile, secret, state := file("key", key), file("webhook", signer.Secret()), file("state", "0\n")
	r := receive(t, signer)
	listen := func() *exec.Cmd {
		return start("webhooks", "listen", "--server", "http://"+addr, "--key-file", keyFile, "--secret-file", secret, "--state", state, "--forward-to", r.URL)
	}
	listener := listen()
	defer func() { kill(listener) }()
	random := rand.New(rand.NewPCG(1, uint64(links)))
	var created []string
	for part := range kills {
		created = append(created, makeLinks(t, addr, key, part, links/kills)...)
		if part%2 == 0 {
			kill(server)
			server = serve()
		} else {
			time.Sleep(time.Duration(random.IntN(50)) * time.Millisecond) // at a random moment
			kill(listener)
			listener = listen()
		}
	}
	for len(created) > 0 && !slices.Contains(r.links(), created[len(created)-1]) {
		<-r.heard
	}
	// Events that were being forwarded when the listener was killed are sent
	// again.
	seen, last := map[string]bool{}, int64(0)
	var got []string
	for _, m := range r.messages {
		if m.Type == notify.LinkCreated && !seen[m.Data.Link] {
			got = append(got, m.Data.Link)
			seen[m.Data.Link] = true
			if m.Data.Sequence <= last {
				t.Errorf("%d received after %d", m.Data.Sequence, last)
			}
			last = m.Data.Sequence
		}
	}
	if !slices.Equal(got, created) {
		t.Errorf("%d links created, the program received events for %d", len(created), len(got))
	}
}

// makeLinks creates n links, at most 1000 per request.
func makeLinks(t *testing.T, addr, key string, part, n int) []string {
	t.Helper()
	var created []string
	for len(created) < n {
		var links []string
		for i := range min(n-len(created), 1000) {
			links = append(links, fmt.Sprintf(`{"address":"p%d@example.com"}`, i))
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/api/v1/setup-links/bulk", strings.NewReader(`{"setup_links":[`+strings.Join(links, ",")+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", fmt.Sprintf("%d/%d", part, len(created)))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Results []struct {
				Link struct{ ID string } `json:"setup_link"`
			}
		}
		err = json.NewDecoder(res.Body).Decode(&answer)
		res.Body.Close()
		if err != nil || len(answer.Results) != len(links) {
			t.Fatalf("%d %v", res.StatusCode, err)
		}
		for _, one := range answer.Results {
			created = append(created, one.Link.ID)
		}
	}
	return created
}
