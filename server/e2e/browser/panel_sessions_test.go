package browser

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
)

// TestRevoke ends a member's session in another browser: while that is idle,
// and while a request is running. The session must stay ended.
func TestRevoke(t *testing.T) {
	t.Parallel()
	running(t)
	dns := newSlowDNS(t)
	o := newOffice(t, func(c *server.Config) { c.Resolver = dns })
	here := o.Owner(ownerEmail).Customer("Shop", "carl@shop.example")
	there := *here
	a, b := open(t, desktop, "light"), open(t, iPhone, "light")
	const one, others = `form[action*="/security/sessions/ses_"] button`, `form[action$="/revoke-others"] button`
	for _, tt := range []struct {
		name, button string
		underWay     bool
	}{
		{"one", one, false},
		{"one running", one, true},
		{"all others", others, false},
		{"all others running", others, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a.begin(t)
			b.begin(t)
			o.signIn(t, &there)
			a.become(here)
			b.become(&there)
			if b.visit(o.URL + "/panel"); b.path() != "/panel" {
				t.Fatalf("the other browser is at %s", b.path())
			}
			finish := func() {}
			if tt.underWay {
				finish = b.adding(o, dns)
			}
			a.visit(o.URL + "/panel/security/sign-in")
			a.wantText("This session", "iPhone")
			a.wantSubmit(tt.button, 200, "/panel/security/sign-in")
			if n := evaluate[int](a, `document.querySelectorAll('`+one+`').length`); n != 0 {
				t.Errorf("%d other sessions are left", n)
			}
			if finish(); !tt.underWay {
				b.wantSubmit(`.nav a[href="/panel/domains"]`, 200, "/panel/sign-in")
			}
			b.visit(o.URL + "/panel")
			b.wantAt("/panel/sign-in")
			a.visit(o.URL + "/panel")
			a.wantAt("/panel")
			a.wantQuiet(o)
			b.wantQuiet(o)
		})
	}
}

// adding adds a domain that must be proven, and returns once the DNS is
// queried for the proof. Finish lets the DNS answer and waits for the page.
func (b *tab) adding(o *office, dns *slowDNS) (finish func()) {
	b.t.Helper()
	b.visit(o.URL + "/panel/domains/new?by=hand")
	for field, text := range map[string]string{"#name": "shop.example", "#imap": "mail.shop.example", "#smtp": "mail.shop.example"} {
		b.retype(field, text)
	}
	type answer struct {
		status int
		err    error
	}
	got := make(chan answer, 1)
	go func() {
		status, err := b.leave(b.pressing(saveButton))
		got <- answer{status, err}
	}()
	dns.wait(b.t)
	return func() {
		b.t.Helper()
		select {
		case early := <-got:
			b.t.Fatalf("the request was over too early: %v", early)
		default:
		}
		dns.answer <- struct{}{}
		// The domain can't be stored any more, not even as pending.
		if last := <-got; last.err != nil || last.status != 200 {
			b.t.Fatalf("the running request: %v", last)
		}
		b.wantAt("/panel/sign-in")
	}
}

// A slowDNS answers that it has no record when it is told to.
type slowDNS struct {
	asked, answer chan struct{}
	over          chan struct{} // with the test
}

func newSlowDNS(t testing.TB) *slowDNS {
	d := &slowDNS{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	t.Cleanup(func() { close(d.over) })
	return d
}

// LookupTXT waits for the test.
func (d *slowDNS) LookupTXT(context.Context, string) ([]string, error) {
	select {
	case d.asked <- struct{}{}:
	case <-d.over:
	}
	select {
	case <-d.answer:
	case <-d.over:
	}
	return nil, errors.New("no such host")
}

// wait waits for a query.
func (d *slowDNS) wait(t testing.TB) {
	t.Helper()
	select {
	case <-d.asked:
	case <-time.After(limit):
		t.Fatal("the DNS is not asked")
	}
}

// addDomain creates a domain with both servers at the address.
func addDomain(t testing.TB, m *servertest.Member, name, address string) {
	t.Helper()
	a := m.Post("/panel/domains/new", "name", name, "imap", address, "smtp", address, "login", "address",
		"iphone", "yes", "mac", "yes", "policy", "off", "policy_id", "standard")
	if a.Status != 303 {
		t.Fatalf("%s: %d %s", name, a.Status, a.Body)
	}
	if strings.HasSuffix(a.Location(), "done=domain.pending") {
		if a := m.Post("/panel/domains/" + name + "/approve"); a.Status != 303 {
			t.Fatalf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}
