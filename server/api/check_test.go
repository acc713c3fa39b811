package api_test

import (
	"encoding/json"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/probe/probetest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// withMail resolves every name to loopback, and serves the first domain's mail on these
// ports.
func withMail(t *testing.T, imap, smtp string, allow ...netip.Prefix) func(*server.Config) {
	port := func(address string) int {
		n, err := strconv.Atoi(address[len("127.0.0.1:"):])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return func(c *server.Config) {
		c.HostResolver = dialtest.Resolver(t, func(dialtest.Question) dialtest.Answer { return dialtest.Addrs("127.0.0.1") })
		c.AllowNetworks = allow
		c.First.Service.Incoming.Port, c.First.Service.Outgoing.Port = port(imap), port(smtp)
	}
}

type checked struct {
	Servers []struct {
		Protocol, Host, Encryption, State, Severity, Detail string
		Port                                                int
		NotAfter                                            *time.Time `json:"certificate_expires_at"`
	}
}

// check checks the first domain.
func check(t *testing.T, c servertest.Client) checked {
	t.Helper()
	var out checked
	a := c.Want(t, 200, "POST", "/domains/example.com/check", "")
	if err := json.Unmarshal(a.Body, &out); err != nil || len(out.Servers) != 2 {
		t.Fatalf("%v %s", err, a.Body)
	}
	return out
}

func TestAPICheck(t *testing.T) {
	self := signingtest.Pair{}.Leaf(t, "p256", nil)
	imap := probetest.Listen(t, probetest.Mail{TLS: probetest.Certificates(self)}.Serve)
	smtp := probetest.Listen(t, probetest.Mail{SMTP: true}.Serve)
	database := storetest.SQLite(t)
	s := servertest.New(t, database, withMail(t, imap, smtp, servertest.Loopback(t)...))
	got := check(t, servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}}))).Servers
	in, out := got[0], got[1]
	if in.Protocol != "imap" || in.Host != "imap.example.com" || "127.0.0.1:"+strconv.Itoa(in.Port) != imap || in.Encryption != "SSL/TLS" ||
		in.State != "certificate_untrusted" || in.Severity != "error" || in.Detail == "" || in.NotAfter == nil || !in.NotAfter.Equal(self.Cert.NotAfter) {
		t.Errorf("%+v", in)
	}
	if out.Protocol != "smtp" || out.State != "no_tls" || out.NotAfter != nil {
		t.Errorf("%+v", out)
	}
}

// TestAPICheckInside checks that there are no connections to private addresses,
// whatever DNS says, unless the operator allows them.
func TestAPICheckInside(t *testing.T) {
	var reached atomic.Int32
	trap := probetest.Listen(t, func(net.Conn) { reached.Add(1) })
	database := storetest.SQLite(t)
	s := servertest.New(t, database, withMail(t, trap, trap, netip.MustParsePrefix("10.0.0.0/8")))
	for _, server := range check(t, servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}}))).Servers {
		if server.State != "forbidden" || server.Severity != "warning" {
			t.Errorf("%+v", server)
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

// TestAPICheckTakesNothing checks that a request can't name a host.
func TestAPICheckTakesNothing(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read"}, Domains: []string{"example.com"}}))
	for _, body := range []string{`{"host":"evil.example"}`, `{"imap":"evil.example:993"}`, `{"servers":[]}`, `{"domain":"evil.example"}`} {
		if code := servertest.CodeOf(t, c.Want(t, 422, "POST", "/domains/example.com/check", body)); code != "invalid" {
			t.Errorf("%s: %s", body, code)
		}
	}
	c.Want(t, 403, "POST", "/domains/evil.example/check", "")
	c.Want(t, 404, "POST", "/domains/127.0.0.1/check", "")
	for _, server := range check(t, c).Servers { // refused requests don't count
		if server.State != "unresolved" {
			t.Errorf("%+v", server)
		}
	}
}

// TestAPICheckLimits checks the limits: one check per domain in ten seconds, and two at
// a time.
func TestAPICheckLimits(t *testing.T) {
	var waiting atomic.Int32
	release := make(chan struct{})
	busy := probetest.Listen(t, func(net.Conn) {
		waiting.Add(1)
		<-release
	})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	database := storetest.SQLite(t)
	mail, now := withMail(t, busy, busy, servertest.Loopback(t)...), time.Now() // all at the same time
	s := servertest.New(t, database, func(c *server.Config) {
		mail(c)
		c.Now = func() time.Time { return now }
	})
	c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"domains:read", "domains:write"}}))
	port := busy[len("127.0.0.1"):]
	for _, name := range []string{"b.example", "c.example"} {
		c.Want(t, 201, "POST", "/domains", `{"name":"`+name+`","imap":"imap.example.com`+port+`","smtp":"smtp.example.com`+port+`"}`)
	}
	var running sync.WaitGroup
	for _, name := range []string{"example.com", "b.example"} {
		running.Go(func() { c.Want(t, 200, "POST", "/domains/"+name+"/check", "") })
	}
	servertest.Eventually(t, "four connections", func() bool { return waiting.Load() == 4 })
	limited := func(name string) {
		t.Helper()
		a := c.Want(t, 429, "POST", "/domains/"+name+"/check", "")
		if wait, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 10 || servertest.CodeOf(t, a) != "limited" {
			t.Errorf("%s: Retry-After %q %s", name, a.Header.Get("Retry-After"), a.Body)
		}
	}
	limited("c.example")
	limited("b.example")
	free()
	running.Wait()
	limited("b.example")
	c.Want(t, 200, "POST", "/domains/c.example/check", "")
}
