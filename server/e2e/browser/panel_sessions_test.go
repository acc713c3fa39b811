package browser

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/servertest"
)

// TestRevoke ends a member's session in another browser: while nothing happens
// there, and while a request is under way. It stays dead.
func TestRevoke(t *testing.T) {
	t.Parallel()
	running(t)
	silent := newSilence(t)
	o := newOffice(t, func(c *server.Config) {
		c.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		c.HostResolver = dialtest.Resolver(t, func(dialtest.Question) dialtest.Answer { return dialtest.Addrs("127.0.0.1") })
	})
	here := o.Owner(ownerEmail)
	addDomain(t, here, "one.example", silent.address)
	addDomain(t, here, "two.example", silent.address)
	there := *here
	a, b := open(t, desktop, "light"), open(t, iPhone, "light")
	const one, others = `form[action*="/security/sessions/ses_"] button`, `form[action$="/revoke-others"] button`
	for _, tt := range []struct {
		name, button string
		check        string // the domain whose servers are asked meanwhile
	}{
		{"one", one, ""},
		{"one under way", one, "one.example"},
		{"all others", others, ""},
		{"all others under way", others, "two.example"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a.begin(t)
			b.begin(t)
			o.signIn(t, &there)
			a.become(here)
			b.become(&there)
			page := "/panel"
			if tt.check != "" {
				page = "/panel/domains/" + tt.check
			}
			if b.visit(o.URL + page); b.path() != page {
				t.Fatalf("the other browser is at %s", b.path())
			}
			finish := func() {}
			if tt.check != "" {
				finish = b.checking(silent)
			}
			a.visit(o.URL + "/panel/security/sign-in")
			a.wantText("This session", "iPhone")
			a.wantSubmit(tt.button, 200, "/panel/security/sign-in")
			if n := evaluate[int](a, `document.querySelectorAll('`+one+`').length`); n != 0 {
				t.Errorf("%d other sessions are left", n)
			}
			finish()
			b.wantSubmit(`.nav a[href="/panel/domains"]`, 200, "/panel/sign-in")
			b.visit(o.URL + "/panel")
			b.wantAt("/panel/sign-in")
			a.visit(o.URL + "/panel")
			a.wantAt("/panel")
			a.wantQuiet(o)
			b.wantQuiet(o)
		})
	}
}

// checking presses the button that checks the servers of a domain, and returns
// once they are asked. Finish has them hang up and waits for the page.
func (b *tab) checking(s *silence) (finish func()) {
	b.t.Helper()
	type answer struct {
		status int
		err    error
	}
	got := make(chan answer, 1)
	go func() {
		status, err := b.leave(b.pressing(`form[action$="/check"] button`))
		got <- answer{status, err}
	}()
	s.wait(b.t, 2) // the IMAP and the SMTP server
	return func() {
		b.t.Helper()
		select {
		case early := <-got:
			b.t.Fatalf("the request was over too early: %v", early)
		default:
		}
		s.hangUp()
		// What was asked for before the end may be answered.
		if last := <-got; last.err != nil || last.status != 200 {
			b.t.Fatalf("the request under way: %v", last)
		}
	}
}

// A silence is a server that takes connections and says nothing.
type silence struct {
	address string
	came    chan net.Conn
	open    []net.Conn // those that were waited for
}

func newSilence(t testing.TB) *silence {
	t.Helper()
	on, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(on.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := &silence{address: "mail.example.com:" + port, came: make(chan net.Conn, 8)}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := on.Accept()
			if err != nil {
				return
			}
			s.came <- conn
		}
	})
	t.Cleanup(func() {
		s.hangUp()
		on.Close()
		accepting.Wait()
	})
	return s
}

// wait waits for so many connections.
func (s *silence) wait(t testing.TB, n int) {
	t.Helper()
	for range n {
		select {
		case conn := <-s.came:
			s.open = append(s.open, conn)
		case <-time.After(limit):
			t.Fatal("nobody connects")
		}
	}
}

// hangUp ends all connections.
func (s *silence) hangUp() {
	for _, conn := range s.open {
		conn.Close()
	}
	s.open = nil
}

// addDomain makes a domain with both servers at the address.
func addDomain(t testing.TB, m *servertest.Member, name, address string) {
	t.Helper()
	a := m.Post("/panel/domains/new", "name", name, "imap", address, "smtp", address, "login", "address",
		"iphone", "yes", "mac", "yes", "policy", "off", "policy_id", "standard", "approve", "yes")
	if a.Status != 303 {
		t.Fatalf("%s: %d %s", name, a.Status, a.Body)
	}
}
