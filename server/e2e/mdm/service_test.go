package mdm

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/prepared"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// A service is two servers on one database whose account is connected to
// NanoMDM.
type service struct {
	*fleet
	client servertest.Client
}

// connected starts the servers, connects the account in the control panel, and
// starts NanoMDM with the flags that the panel shows. It enrolls n devices.
func connected(t *testing.T, database string, n int) *service {
	t.Helper()
	m := &management{nanomdm: dialtest.Free(t), authority: signingtest.Root(t, "p256")}
	target, err := url.Parse("http://" + m.nanomdm)
	if err != nil {
		t.Fatal(err)
	}
	outside := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target)) // NanoMDM leaves TLS to others
	t.Cleanup(outside.Close)
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", nil)
	roots, archive := x509.NewCertPool(), t.TempDir()
	roots.AddCert(root.Cert)
	identity, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert}, roots, nil)
	if err != nil {
		t.Fatal(err)
	}
	var servers [2]*servertest.Server
	for i := range servers {
		servers[i] = servertest.New(t, database, func(c *server.Config) {
			c.Archive, c.Identity = archive, server.Fixed(identity)
			c.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			c.WebhookRoots = x509.NewCertPool()
			c.WebhookRoots.AddCert(outside.Certificate())
		})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- servers[i].RunJobs(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	page := servers[0].Owner("olga@example.com").Make("/panel/mdm/nanomdm", "url", outside.URL, "key", nanoKey)
	flags := regexp.MustCompile(`-webhook-url http://setup\.example\.com(\S+) -webhook-hmac-key (\w+)`).FindSubmatch(page.Body)
	if flags == nil {
		t.Fatalf("no flags on the page: %d %s", page.Status, page.Body)
	}
	m.startNano(t, "-webhook-url", servers[1].URL+string(flags[1]), "-webhook-hmac-key", string(flags[2]))
	s := &service{fleet: &fleet{}, client: servertest.NewClient(servers[0], servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))}
	newDevice := func(user string) *device {
		id := m.authority.Leaf(t, "p256", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
		return &device{udid: strings.ToUpper(uuid.NewString()), user: user, server: "http://" + m.nanomdm + "/mdm", identity: id, roots: roots, profiles: map[string]installed{}}
	}
	for range n - 1 {
		s.iphones = append(s.iphones, newDevice(""))
	}
	s.mac, s.macUser = newDevice(""), newDevice(strings.ToUpper(uuid.NewString()))
	s.macUser.udid, s.macUser.identity = s.mac.udid, s.mac.identity
	each(t, s.iphones, (*device).enroll)
	each(t, []*device{s.mac}, (*device).enroll)
	each(t, []*device{s.macUser}, (*device).enroll)
	return s
}

// list returns a list of the people: half of the devices by UDID, the others
// by serial number.
func (s *service) list() string {
	out := "email,display_name,platform,udid,serial\n"
	for i, d := range s.iphones {
		udid, serial := d.udid, ""
		if i%2 == 0 {
			udid, serial = "", d.serial()
		}
		out += fmt.Sprintf("jane%d@example.com,Jane Doe,iphone,%s,%s\n", i, udid, serial)
	}
	return out + "joe@example.com,Joe,mac,," + s.mac.serial() + "\n"
}

// batch creates the profiles of everybody, with the policy, and returns the
// batch's ID.
func (s *service) batch(t *testing.T) string {
	t.Helper()
	a := s.client.Server.Do("POST", "/api/v1/batches?variant=secure", http.Header{"Authorization": {"Bearer " + s.client.Key}, "Content-Type": {"text/csv"}}, s.list())
	var b struct{ ID, State string }
	servertest.Decode(t, a, &b)
	for _, call := range [][2]string{{"GET", "events"}, {"POST", "start"}, {"GET", "events"}} {
		s.client.Want(t, 200, call[0], "/batches/"+b.ID+"/"+call[1], "")
	}
	if servertest.Decode(t, s.client.Want(t, 200, "GET", "/batches/"+b.ID, ""), &b); b.State != "done" {
		t.Fatalf("the batch is %s", b.State)
	}
	return b.ID
}

func (s *service) push(t *testing.T, batch string) {
	t.Helper()
	s.client.Want(t, 202, "POST", "/batches/"+batch+"/push", "")
}

// until waits until the push has the states, for example "installed 21",
// sorted by name.
func (s *service) until(t *testing.T, batch, states string) {
	t.Helper()
	servertest.Eventually(t, states, func() bool {
		time.Sleep(100 * time.Millisecond) // a key has ten requests a second
		var p struct {
			Planned  bool
			NoDevice int `json:"no_device"`
			States   map[string]int
		}
		servertest.Decode(t, s.client.Want(t, 200, "GET", "/batches/"+batch+"/push", ""), &p)
		var all []string
		for state, n := range p.States {
			if n > 0 {
				all = append(all, fmt.Sprint(state, " ", n))
			}
		}
		slices.Sort(all)
		return p.Planned && p.NoDevice == 0 && strings.Join(all, ", ") == states
	})
}

// TestService pushes batches from the service to 20 devices.
func TestService(t *testing.T) { serve(t, 20) }

// serve pushes batches from the service to n simulated devices with the real
// NanoMDM. One of them is offline, one is busy, and one fails at first. A
// second batch replaces the first on all of them, and each command reaches a
// device once, although two servers use one database.
func serve(t *testing.T, n int) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		prepared.Program(t, "nanomdm")
		s := connected(t, database, n)
		offline, busy, broken := s.iphones[0], s.iphones[1], s.iphones[2]
		busy.busy, broken.broken = 1, 1
		deliveries := len(s.all()) // the iPhones, the Mac and its user
		first := s.batch(t)
		s.push(t, first)
		s.until(t, first, fmt.Sprint("queued ", deliveries))
		online := slices.DeleteFunc(s.all(), func(d *device) bool { return d == offline })
		each(t, online, (*device).connect)
		s.until(t, first, fmt.Sprintf("installed %d, not_now 1, queued 2", deliveries-3)) // the one that failed gets another command
		each(t, []*device{busy, broken}, (*device).connect)
		s.until(t, first, fmt.Sprintf("installed %d, queued 1", deliveries-1))
		s.push(t, first) // nothing is left to send
		s.until(t, first, fmt.Sprintf("installed %d, queued 1", deliveries-1))
		each(t, s.all(), (*device).connect)
		s.until(t, first, fmt.Sprint("installed ", deliveries))
		s.holds(t, "imap.example.com")

		s.client.Want(t, 200, "PATCH", "/domains/example.com", `{"imap":"imap2.example.com"}`)
		second := s.batch(t)
		s.push(t, second)
		s.until(t, second, fmt.Sprint("queued ", deliveries))
		s.until(t, first, fmt.Sprint("replaced ", deliveries))
		each(t, s.all(), (*device).connect)
		s.until(t, second, fmt.Sprint("installed ", deliveries))
		s.holds(t, "imap2.example.com")
		for _, d := range s.all() {
			want := 2 // one of each batch
			if d == busy || d == broken {
				want = 3
			}
			if len(d.commands) != want {
				t.Errorf("%s got %v", d.enrollment(), d.commands)
			}
		}
	})
}
