// Package interop tests the service's output with the programs and libraries
// of others.
package interop

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// arrives is how long a call may take on a busy machine.
const arrives = 3 * time.Minute

// TestStandardWebhooks verifies real calls with the specification's library:
// with the first secret, and with both after a rotation.
func TestStandardWebhooks(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		e := newEndpoint(t)
		s := start(t, database, e)
		key := newKey(t, database)
		var hook struct{ ID, Secret string }
		s.call(t, key, "", `{"url":"`+e.URL+`","events":["key.created"]}`, &hook)
		s.call(t, key, "/"+hook.ID+"/test", "", nil)
		first := e.next(t)
		verify(t, first, map[string]bool{hook.Secret: true})

		var rotated struct{ Secret string }
		s.call(t, key, "/"+hook.ID+"/rotate", "", &rotated)
		s.call(t, key, "/"+hook.ID+"/test", "", nil)
		second := e.next(t)
		verify(t, second, map[string]bool{hook.Secret: true, rotated.Secret: true})
		verify(t, first, map[string]bool{rotated.Secret: false})

		first.body = append(first.body, ' ')
		verify(t, first, map[string]bool{hook.Secret: false})
	})
}

// verify checks whether a call verifies with the secrets.
func verify(t *testing.T, c call, secrets map[string]bool) {
	t.Helper()
	for secret, want := range secrets {
		w, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Verify(c.body, c.header); (err == nil) != want {
			t.Errorf("%v: %v, want it to verify: %v", c.header, err, want)
		}
	}
}

// A call is a call that an endpoint received.
type call struct {
	header http.Header
	body   []byte
}

type endpoint struct {
	*httptest.Server
	calls chan call
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{calls: make(chan call, 16)}
	e.Server = httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		e.calls <- call{r.Header, body}
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) next(t *testing.T) call {
	t.Helper()
	select {
	case c := <-e.calls:
		return c
	case <-time.After(arrives):
		t.Fatal("no call arrives")
		return call{}
	}
}

// A service runs its jobs.
type service struct{ *servertest.Server }

func start(t *testing.T, database string, e *endpoint) service {
	t.Helper()
	s := servertest.New(t, database, func(c *server.Config) {
		c.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		c.WebhookRoots = x509.NewCertPool()
		c.WebhookRoots.AddCert(e.Certificate())
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
	return service{s}
}

// call posts to the webhooks of the API and decodes the response into value,
// if that isn't nil.
func (s service) call(t *testing.T, key, path, body string, value any) {
	t.Helper()
	header := http.Header{"Authorization": {"Bearer " + key}, "Content-Type": {"application/json"}}
	a := s.Do(http.MethodPost, "/api/v1/webhooks"+path, header, body)
	if a.Status >= http.StatusBadRequest {
		t.Fatalf("%s: %d %s", path, a.Status, a.Body)
	}
	if value == nil {
		return
	}
	if err := json.Unmarshal(a.Body, value); err != nil {
		t.Fatalf("%s: %v in %s", path, err, a.Body)
	}
}

// newKey creates an API key for webhooks.
func newKey(t *testing.T, database string) string {
	t.Helper()
	kept := storetest.Open(t, store.Config{Database: database})
	_, key, err := account.NewKeys(kept, time.Now).Create(t.Context(), audit.ByOperator(),
		account.KeySpec{Account: account.Default, Name: "interop", Scopes: []string{"webhooks:write"}})
	if err != nil {
		t.Fatal(err)
	}
	return key
}
