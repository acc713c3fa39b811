package mail_test

import (
	"crypto/x509"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/probe/probetest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// A host is an email provider: servers that are found in the DNS, and its
// other records.
type host struct {
	imap, smtp string // HOST:PORT
	texts      sync.Map
}

// say adds text records for a name to the DNS.
func (h *host) say(name string, texts []string) { h.texts.Store(name, texts) }

// newHost changes a configuration so that the mail servers of shop.example.org
// are found, and nothing else.
func newHost(t *testing.T) (*host, func(*server.Config)) {
	t.Helper()
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", func(c *x509.Certificate) {
		c.DNSNames = []string{"mail.example.org"}
		c.NotBefore, c.NotAfter = root.Cert.NotBefore, root.Cert.NotAfter // the clocks of tests are in the past
	})
	h := &host{}
	listen := func(smtp bool) net.SRV {
		_, port, err := net.SplitHostPort(probetest.Listen(t, probetest.Mail{TLS: probetest.Certificates(leaf), SMTP: smtp}.Serve))
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.Atoi(port)
		return net.SRV{Target: "mail.example.org.", Port: uint16(n)}
	}
	imap, smtp := listen(false), listen(true)
	h.imap, h.smtp = "mail.example.org:"+strconv.Itoa(int(imap.Port)), "mail.example.org:"+strconv.Itoa(int(smtp.Port))
	return h, func(c *server.Config) {
		c.HostResolver = dialtest.Resolver(t, func(q dialtest.Question) dialtest.Answer {
			switch q.Name {
			case "_imaps._tcp.shop.example.org":
				return dialtest.Answer{Services: []net.SRV{imap}}
			case "_submissions._tcp.shop.example.org":
				return dialtest.Answer{Services: []net.SRV{smtp}}
			case "mail.example.org":
				return dialtest.Addrs("127.0.0.1")
			}
			texts, _ := h.texts.Load(q.Name)
			all, _ := texts.([]string)
			return dialtest.Answer{Texts: all}
		})
		c.Resolver, c.AllowNetworks = c.HostResolver, servertest.Loopback(t)
		c.HostRoots = x509.NewCertPool()
		c.HostRoots.AddCert(root.Cert)
	}
}

func has(t *testing.T, a servertest.Answer, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(string(a.Body), want) {
			t.Errorf("%d: no %q in %s", a.Status, want, plain(a))
		}
	}
}

// plain returns a page's text, for messages.
func plain(a servertest.Answer) string {
	text := regexp.MustCompile(`(?s)^.*<main|<[^>]*>`).ReplaceAllString(string(a.Body), " ")
	return strings.Join(strings.Fields(text), " ")
}

func hasNot(t *testing.T, a servertest.Answer, all ...string) {
	t.Helper()
	for _, not := range all {
		if strings.Contains(string(a.Body), not) {
			t.Errorf("%d: %q in %s", a.Status, not, plain(a))
		}
	}
}

// TestFirstDomain goes from an installation without a domain to the first
// download, using what the pages fill in, and checks that the checklist keeps
// up.
func TestFirstDomain(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		h, change := newHost(t)
		s := servertest.New(t, database, func(c *server.Config) {
			change(c)
			c.First = nil
		})
		has(t, s.Get("/panel/sign-in"), "has no owner yet", "mobileconfig admin owner")
		has(t, s.Get("/"), "No email domain is set up here yet")
		hasNot(t, s.Get("/"), `name="address"`)
		m := s.Owner("olga@shop.example.org")
		hasNot(t, s.Get("/panel/sign-in"), "has no owner yet")
		has(t, m.Get("/panel"), "1 of 9 steps done", `class="button" href="/panel/domains/new"`, `href="/panel/setup#backup"`, `href="/panel/members/invite"`)
		hasNot(t, m.Get("/panel/domains/new"), `name="imap"`)

		a := m.Post("/panel/domains/new/find", "name", " Shop.example.ORG ")
		has(t, a, `value="`+h.imap+`"`, `value="`+h.smtp+`"`, "From DNS (SRV). Answers with TLS.", `value="offered" checked`, `name="found_imap" value="`+h.imap+`"`)
		if a.Status != http.StatusOK {
			t.Fatalf("%d", a.Status)
		}
		if n := storetest.Column(t, database, `SELECT COUNT(*) FROM domains`)[0]; n != "0" {
			t.Error("searching has added a domain")
		}
		a = m.Post("/panel/domains/new", append(formOf(h), "name", "shop.example.org")...)
		if a.Status != http.StatusSeeOther || a.Location() != "/panel/domains/shop.example.org?done=domain.created" {
			t.Fatalf("%d %s %s", a.Status, a.Location(), a.Body)
		}
		page := m.Get(a.Location())
		has(t, page, "Certificate valid until", "mail.example.org", `data-copy="page-address"`)
		if n := strings.Count(string(page.Body), ">Ready<"); n != 2 {
			t.Errorf("%d servers are ready: %s", n, page.Body)
		}
		has(t, m.Get("/panel"), "3 of 9 steps done", `href="/panel/links/new?address=olga%40shop.example.org"`)
		has(t, m.Get("/panel/links/new?address=olga%40shop.example.org"), `value="olga@shop.example.org"`)
		has(t, s.Get("/"), `name="address"`)

		link := s.Link("olga@shop.example.org")
		has(t, m.Get("/panel"), "4 of 9 steps done", link[3:], "Point the Camera app")
		ticket := s.Ticket(link, "mail")
		has(t, m.Get("/panel"), "5 of 9 steps done")
		hasNot(t, m.Get("/panel"), link[3:])
		if a := s.Get(ticket); a.Status != http.StatusOK {
			t.Fatalf("%d", a.Status)
		}
		page = m.Get("/panel")
		hasNot(t, page, "steps done")
		has(t, page, "the only owner", "can’t send email", "no backup yet", `href="/panel/setup#relay"`)
		has(t, m.Get("/panel/setup"), "--signing-cert fullchain.pem", "mobileconfig backup --data DIR", "--mail-server")
		storetest.Exec(t, database, `UPDATE installation SET backup = 1`)
		hasNot(t, m.Get("/panel"), "no backup yet")
	})
}

// formOf returns the fields of the host's domain.
func formOf(h *host) []string {
	return []string{"imap", h.imap, "smtp", h.smtp, "login", "address", "iphone", "yes", "mac", "yes", "policy", "offered", "policy_id", "standard"}
}

// TestSameDefaults checks that the form and --domain have the same defaults.
func TestSameDefaults(t *testing.T) {
	database := storetest.SQLite(t)
	m := servertest.New(t, database, nil).Owner("olga@example.com")
	if got := storetest.Column(t, database, `SELECT policy FROM domains`)[0]; got != string(settings.DefaultOffer) {
		t.Errorf("--domain offers %q", got)
	}
	has(t, m.Get("/panel/domains/new?by=hand"), `name="policy" value="offered" checked`)
}

// TestFindKeepsWhatIsTyped searches with fields that were filled in, for
// another domain, and too often.
func TestFindKeepsWhatIsTyped(t *testing.T) {
	h, change := newHost(t)
	clock := storetest.NewClock()
	s := servertest.New(t, storetest.SQLite(t), func(c *server.Config) {
		change(c)
		c.Now = clock.Now
	})
	m := s.Owner("olga@example.com")
	typed := []string{"name", "shop.example.org", "imap", "mine.example.org", "smtp", h.smtp, "found_smtp", h.smtp, "found_imap", "", "display_name", "Shop & Co",
		"help_text", "Call us", "login", "local_part", "mac", "yes", "policy", "off", "policy_id", "standard", "return_hosts", "panel.example.org"}
	a := m.Post("/panel/domains/new/find", typed...)
	has(t, a, `name="imap" value="mine.example.org"`, `name="smtp" value="`+h.smtp+`"`, `value="Shop &amp; Co"`, ">Call us<", `value="local_part" checked`, `value="off" checked`, "panel.example.org")
	hasNot(t, a, `id="iphone" name="iphone" value="yes" checked`)
	typed[1] = "elsewhere.example.org"
	has(t, m.Post("/panel/domains/new/find", typed...), `name="imap" value="mine.example.org"`, `name="smtp" value=""`)
	typed[3] = ""
	has(t, m.Post("/panel/domains/new/find", typed...), "No mail servers found", `value="Shop &amp; Co"`)
	for _, name := range []string{"", "no domain", "-", strings.Repeat("x", 300) + ".example"} {
		typed[1] = name
		a := m.Post("/panel/domains/new/find", typed...)
		if a.Status != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d", name, a.Status)
		}
		has(t, a, `href="#name"`, `value="Shop &amp; Co"`)
	}
	typed[1] = "shop.example.org"
	for range 10 {
		a = m.Post("/panel/domains/new/find", typed...)
	}
	if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d", a.Status)
	}
	has(t, a, `value="Shop &amp; Co"`)
	clock.Move(5 * time.Minute)
	if a = m.Post("/panel/domains/new/find", typed...); a.Status != http.StatusOK {
		t.Errorf("later: %d", a.Status)
	}
}

// TestPendingDomain adds a domain without proof, checks that it is stored with
// its record, shows what the DNS has instead, and becomes active once the
// record is right.
func TestPendingDomain(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		h, change := newHost(t)
		clock := storetest.NewClock()
		s := servertest.New(t, database, func(c *server.Config) {
			change(c)
			c.Now = clock.Now
		})
		operator := s.Owner("olga@example.com")
		clock.Move(time.Minute)
		m := operator.Customer("Shop", "carl@example.net")
		const at, name = "/panel/domains/shop.example.org", "_mobileconfig.shop.example.org"
		a := m.Post("/panel/domains/new", append(formOf(h), "name", "shop.example.org", "display_name", "Shop & Co")...)
		if a.Status != http.StatusSeeOther || a.Location() != at+"?done=domain.pending" {
			t.Fatalf("%d %s %s", a.Status, a.Location(), a.Body)
		}
		page := m.Get(a.Location())
		has(t, page, name, "mobileconfig-domain=", ">Pending<", h.imap, `action="`+at+`/verify"`)
		hasNot(t, page, "Skip DNS proof")
		value := "mobileconfig-domain=" + strings.Split(strings.Split(string(page.Body), "mobileconfig-domain=")[1], "<")[0]
		has(t, m.Get("/panel/domains"), ">Pending<", "shop.example.org")
		has(t, m.Get("/panel"), `href="`+at+`"`)
		if a := s.Post("/start", "address", "jane@shop.example.org"); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("people can set up a pending domain: %d", a.Status)
		}
		if a := operator.Get(at); a.Status != http.StatusNotFound {
			t.Errorf("another account sees it: %d", a.Status)
		}
		for _, path := range []string{"/check", "/dns"} {
			if a := m.Post(at + path); a.Status != http.StatusNotFound {
				t.Errorf("%s: %d", path, a.Status)
			}
		}

		verify := func(status int, all ...string) {
			t.Helper()
			clock.Move(time.Minute)
			a := m.Post(at + "/verify")
			if a.Status != status {
				t.Errorf("%d, want %d", a.Status, status)
			}
			has(t, a, all...)
		}
		verify(http.StatusUnprocessableEntity, "DNS has no TXT record at "+name, value)
		h.say(name, []string{"v=spf1 -all", "<b>"})
		verify(http.StatusUnprocessableEntity, "other TXT records", "v=spf1 -all", "&lt;b&gt;")
		h.say(name+".shop.example.org", []string{value})
		verify(http.StatusUnprocessableEntity, "Wrong name", name+".shop.example.org")

		has(t, m.Get(at+"/edit"), `value="Shop &amp; Co"`)
		bad := m.Post(at, append(formOf(h)[2:], "imap", "imap.example.org:25", "display_name", "Shop Ltd")...)
		if bad.Status != http.StatusUnprocessableEntity {
			t.Errorf("%d", bad.Status)
		}
		has(t, bad, `href="#imap"`, `value="Shop Ltd"`)
		if a := m.Post(at, append(formOf(h), "display_name", "Shop Ltd")...); a.Status != http.StatusSeeOther {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		h.say(name, []string{value})
		clock.Move(time.Minute)
		if a := m.Post(at + "/verify"); a.Status != http.StatusSeeOther || a.Location() != at+"?done=domain.created" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		page = m.Get(at)
		has(t, page, ">Active<", "Shop Ltd")
		if n := strings.Count(string(page.Body), ">Ready<"); n != 2 {
			t.Errorf("%d servers are ready", n)
		}
		if n := storetest.Column(t, database, `SELECT COUNT(*) FROM pending_domains`)[0]; n != "0" {
			t.Errorf("%s pending domains are left", n)
		}
		has(t, m.Get("/panel/security/log"), "Domain requested")
		s.Link("jane@shop.example.org")
	})
}

// TestPendingSkipped lets an operator skip the proof, and a member delete the
// domain.
func TestPendingSkipped(t *testing.T) {
	database := storetest.SQLite(t)
	h, change := newHost(t)
	s := servertest.New(t, database, change)
	operator := s.Owner("olga@example.com")
	storetest.Exec(t, database, `UPDATE accounts SET trusted = 0`)
	admin := operator.Invite("adam@example.com", "admin")
	add := func(m *servertest.Member, name string) servertest.Answer {
		return m.Post("/panel/domains/new", append(formOf(h), "name", name)...)
	}
	if a := add(admin, "one.example.org"); a.Status != http.StatusForbidden || !strings.Contains(string(a.Body), "approved this server") {
		t.Errorf("an admin's pending domain has servers that no owner has approved: %d", a.Status)
	}
	add(operator, "one.example.org")
	add(admin, "two.example.org") // its servers are approved now
	has(t, operator.Get("/panel/domains/two.example.org"), "Skip DNS proof")
	if a := admin.Post("/panel/domains/two.example.org/approve"); a.Status != http.StatusForbidden {
		t.Errorf("an admin skips the proof: %d", a.Status)
	}
	if a := operator.Post("/panel/domains/two.example.org/approve"); a.Status != http.StatusSeeOther {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a := add(operator, "two.example.org"); a.Status != http.StatusConflict {
		t.Errorf("a domain that is there: %d", a.Status)
	}
	has(t, admin.Get("/panel/domains/one.example.org/delete"), "never active")
	if a := admin.Post("/panel/domains/one.example.org/delete"); a.Status != http.StatusSeeOther {
		t.Errorf("%d", a.Status)
	}
	if got := storetest.Column(t, database, `SELECT name FROM actions WHERE name LIKE 'domain.%' ORDER BY seq`); strings.Join(got, " ") != "domain.create domain.request domain.request domain.create domain.request_delete" {
		t.Errorf("the log has %q", got)
	}
}

// TestCheckKept checks that the results for servers stay until the domain has
// others.
func TestCheckKept(t *testing.T) {
	clock := storetest.NewClock()
	h, change := newHost(t)
	s := servertest.New(t, storetest.SQLite(t), func(c *server.Config) {
		change(c)
		c.Now = clock.Now
	})
	m := s.Owner("olga@example.com")
	const at = "/panel/domains/example.com"
	has(t, m.Get(at), ">Not checked<", "Check servers")
	if a := m.Make(at + "/check"); strings.Count(string(a.Body), ">Failed<") != 2 {
		t.Errorf("%s", a.Body)
	}
	has(t, m.Get("/panel"), `href="`+at+`#servers"`)
	if a := m.Post(at + "/check"); a.Status != http.StatusTooManyRequests || strings.Count(string(a.Body), ">Failed<") != 2 {
		t.Errorf("%d", a.Status)
	}
	m.Post(at, formOf(h)...) // too soon for another check
	page := m.Get(at)
	has(t, page, ">Not checked<")
	hasNot(t, page, ">Failed<")
	clock.Move(time.Minute)
	m.Post(at, append(formOf(h), "display_name", "Example")...)
	if page := m.Get(at); strings.Count(string(page.Body), ">Ready<") != 2 {
		t.Errorf("%s", page.Body)
	}
}

// TestPreview shows a domain's page on each device, with disabled buttons, and
// checks that nothing changes.
func TestPreview(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	m := s.Owner("olga@example.com")
	m.Get("/panel") // which records that the session was used
	before := storetest.Fingerprint(t, database)
	for device, want := range map[string]string{"iphone": "this\u00a0iPhone", "ipad": "this\u00a0iPad", "mac": "this\u00a0Mac", "android": "this Android device", "other": `src="/qr.svg"`} {
		a := m.Get("/panel/domains/example.com/preview/" + device)
		has(t, a, want, "This is a preview", "<fieldset class=\"page-off\" disabled>", "j•••@example.com")
	}
	if storetest.Fingerprint(t, database) != before {
		t.Error("a preview changed something")
	}
	for _, path := range []string{"/panel/domains/example.com/preview/fridge", "/panel/domains/example.org/preview/mac"} {
		if a := m.Get(path); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
	if a := s.Get("/qr.svg"); a.Status != http.StatusOK || a.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("%d %s", a.Status, a.Header)
	}
}
