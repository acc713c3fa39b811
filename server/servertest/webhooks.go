package servertest

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/notify"
)

// A Called is one call that an endpoint received.
type Called struct {
	Header http.Header
	Body   []byte
	Event  string
}

// An Endpoint is an HTTPS server that receives webhook calls.
type Endpoint struct {
	*httptest.Server
	answer func(w http.ResponseWriter, n int)

	mu    sync.Mutex
	calls []Called
}

// NewEndpoint starts an endpoint that stops when the test ends. If answer
// isn't nil, it answers the nth call; otherwise all calls get status 200.
func NewEndpoint(t *testing.T, answer func(w http.ResponseWriter, n int)) *Endpoint {
	t.Helper()
	return NewEndpointAt(t, "127.0.0.1:0", answer)
}

// NewEndpointAt is NewEndpoint at a given address.
func NewEndpointAt(t *testing.T, address string, answer func(w http.ResponseWriter, n int)) *Endpoint {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	e := &Endpoint{answer: answer}
	e.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m notify.Message
		_ = json.Unmarshal(body, &m)
		e.mu.Lock()
		e.calls = append(e.calls, Called{r.Header, body, string(m.Type)})
		n := len(e.calls)
		e.mu.Unlock()
		if e.answer != nil {
			e.answer(w, n)
		}
	}))
	e.Listener.Close()
	e.Listener = l
	e.StartTLS()
	t.Cleanup(e.Close)
	return e
}

// All returns the calls received so far.
func (e *Endpoint) All() []Called {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls)
}

// Wait waits until there are at least n calls and returns them all.
func (e *Endpoint) Wait(t *testing.T, n int) []Called {
	t.Helper()
	Eventually(t, fmt.Sprintf("%d calls", n), func() bool { return len(e.All()) >= n })
	return e.All()
}

// Eventually waits until done returns true. It fails the test after several
// minutes, when that isn't going to happen.
func Eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 12_000 {
		if done() {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("waited for %s", what)
}

// Notifying starts a server that runs its jobs until the test ends. If the
// endpoint isn't nil, the server may call it.
func Notifying(t *testing.T, database string, e *Endpoint, change func(*server.Config)) *Server {
	t.Helper()
	s := New(t, database, func(c *server.Config) {
		if e != nil {
			c.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			c.WebhookRoots = x509.NewCertPool()
			c.WebhookRoots.AddCert(e.Certificate())
		}
		if change != nil {
			change(c)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.RunJobs(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// A Hook is a webhook as the API returns it.
type Hook struct {
	ID         string
	Secret     string
	Disabled   bool
	Reason     string
	Deliveries []struct {
		ID, Message, Event, State, Reason, Again string
		Tries, Status                            int
	}
}

// NewHook creates a webhook for the events.
func NewHook(t *testing.T, c Client, url string, events ...string) Hook {
	t.Helper()
	body, err := json.Marshal(map[string]any{"url": url, "events": events})
	if err != nil {
		t.Fatal(err)
	}
	var h Hook
	Decode(t, c.Want(t, http.StatusCreated, http.MethodPost, "/webhooks", string(body)), &h)
	return h
}

// Show fetches the webhook again, with its deliveries.
func (h Hook) Show(t *testing.T, c Client) Hook {
	t.Helper()
	var out Hook
	Decode(t, c.Want(t, http.StatusOK, http.MethodGet, "/webhooks/"+h.ID, ""), &out)
	Decode(t, c.Want(t, http.StatusOK, http.MethodGet, "/webhooks/"+h.ID+"/deliveries?limit=500", ""), &out)
	return out
}
