package notify_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// outside starts a server that may call an endpoint on 127.0.0.9, which stands
// for a public address with the name example.com. There's a trap on the same
// port of private addresses.
func outside(t *testing.T, answer func(w http.ResponseWriter, n int), resolve func() []string) (c servertest.Client, e *servertest.Endpoint, x *servertest.Trap, database string) {
	t.Helper()
	x = servertest.NewTrap(t)
	e = servertest.NewEndpointAt(t, "127.0.0.9:"+x.Port, answer)
	database = storetest.SQLite(t)
	s := servertest.Notifying(t, database, nil, func(c *server.Config) {
		c.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}
		c.WebhookRoots = x509.NewCertPool()
		c.WebhookRoots.AddCert(e.Certificate())
		c.HostResolver = dialtest.Resolver(t, func(q dialtest.Question) dialtest.Answer {
			if q.Name != "example.com" {
				return dialtest.Answer{}
			}
			return dialtest.Addrs(resolve()...)
		})
	})
	return servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()})), e, x, database
}

// TestWebhookRebinding has a name that resolves to a public address when the
// webhook is created and called, and to a private one afterwards: at the next
// call, and at the retry of a call.
func TestWebhookRebinding(t *testing.T) {
	t.Parallel()
	var inside atomic.Pointer[[]string]
	c, e, x, database := outside(t, func(w http.ResponseWriter, n int) {
		if n == 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}, func() []string {
		if to := inside.Load(); to != nil {
			return *to
		}
		return []string{"127.0.0.9"}
	})
	h := servertest.NewHook(t, c, "https://example.com:"+x.Port, "key.revoked")
	call := func() string {
		t.Helper()
		var d struct{ ID string }
		servertest.Decode(t, c.Want(t, http.StatusAccepted, http.MethodPost, "/webhooks/"+h.ID+"/test", ""), &d)
		return d.ID
	}
	reaches := func(id, state, failure string) {
		t.Helper()
		servertest.Eventually(t, state+" "+failure, func() bool {
			for _, d := range h.Show(t, c).Deliveries {
				if d.ID == id && d.State == state && d.Reason == failure {
					return true
				}
			}
			return false
		})
	}
	reaches(call(), "sent", "")
	again := call()
	reaches(again, "waiting", "status")
	for _, to := range [][]string{{"127.0.0.1"}, {"127.0.0.2", "::1"}, {"169.254.169.254"}, {"::ffff:127.0.0.1"}, {"127.0.0.1", "10.0.0.1"}} {
		inside.Store(&to)
		reaches(call(), "waiting", "no_public_address")
	}
	servertest.Eventually(t, "the retry to be kept", func() bool {
		return slices.Contains(storetest.Column(t, database, `SELECT state FROM river_job`), "scheduled")
	})
	storetest.Exec(t, database, `UPDATE river_job SET state = 'available', scheduled_at = created_at WHERE state = 'scheduled'`)
	reaches(again, "waiting", "no_public_address")
	if n, calls := x.Taken.Load(), len(e.All()); n > 0 || calls != 2 {
		t.Errorf("%d connections inside, %d calls outside", n, calls)
	}
}

// TestWebhookRedirects answers with every kind of redirect.
func TestWebhookRedirects(t *testing.T) {
	var locations []string
	c, e, x, _ := outside(t, func(w http.ResponseWriter, n int) {
		to := locations[n%len(locations)]
		w.Header().Set("Location", to)
		w.Header().Set("Refresh", "0; url="+to)
		w.Header().Set("Alt-Svc", `h2="`+to+`"`)
		w.Header().Set("Content-Location", to)
		w.WriteHeader([]int{300, 301, 302, 303, 304, 305, 307, 308, 399}[n%9])
	}, func() []string { return []string{"127.0.0.9"} })
	locations = []string{
		"https://127.0.0.1:" + x.Port, "http://127.0.0.1:" + x.Port, "//127.0.0.1:" + x.Port + "/x", "https://[::1]:" + x.Port, "https://localhost:" + x.Port,
		"https://127.0.0.9:" + x.Port + "/again", "/again", "file:///etc/passwd", "https://user:pass@127.0.0.2:" + x.Port, "https://2130706433:" + x.Port,
	}
	const calls = 90 // every status with every location
	h := servertest.NewHook(t, c, "https://example.com:"+x.Port, "key.revoked")
	for range calls {
		c.Want(t, http.StatusAccepted, http.MethodPost, "/webhooks/"+h.ID+"/test", "")
	}
	servertest.Eventually(t, fmt.Sprintf("%d redirects", calls), func() bool {
		var n int
		for _, d := range h.Show(t, c).Deliveries {
			if d.Reason == string(notify.Redirected) && d.Status >= 300 && d.Status < 400 {
				n++
			}
		}
		return n == calls
	})
	made, tries := len(e.All()), 0 // in this order: an attempt is counted before its call, and others run meanwhile
	for _, d := range h.Show(t, c).Deliveries {
		tries += d.Tries
	}
	if n := x.Taken.Load(); n > 0 || made > tries {
		t.Errorf("%d connections inside, %d calls in %d tries", n, made, tries)
	}
}
