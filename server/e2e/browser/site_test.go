package browser

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
)

// A device is a visitor's device.
type device struct {
	name          string
	userAgent     string
	width, height int64
	touch         bool
}

var (
	iPhone  = device{"iphone", servertest.IPhone, 390, 844, true}
	linux   = device{"linux", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", 1200, 800, false}
	android = device{"android", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36", 390, 844, true}
)

// showsQR reports whether the page of a link refers to a phone here.
func (d device) showsQR() bool { return d == linux || d == android } // the phone it refers to, or Thunderbird

// A site is servers with something on every page.
type site struct {
	URL  string
	link string // of a domain that offers the policy
	gone string // a ticket with no downloads left
	// required is a link of a domain that requires the policy, and trial one
	// of a server that no device trusts.
	required, trial string
}

func newSite(t *testing.T) site {
	t.Helper()
	offered := servertest.New(t, storetest.SQLite(t), nil)
	link := offered.Link("jane@example.com")
	return site{
		URL:      offered.URL,
		link:     offered.URL + link,
		gone:     offered.URL + spent(t, offered, link),
		required: required(t),
		trial:    trial(t),
	}
}

func required(t *testing.T) string {
	t.Helper()
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	storetest.Exec(t, database, `UPDATE domains SET policy = 'required'`)
	return s.URL + s.Link("jane@example.com")
}

func trial(t *testing.T) string {
	t.Helper()
	s := servertest.New(t, storetest.SQLite(t), func(c *server.Config) { c.Identity = server.Fixed(development(t)) })
	return s.URL + s.Link("jane@example.com")
}

func development(t *testing.T) *signing.Identity {
	t.Helper()
	bundle, err := signing.MakeDevelopment(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "identity.pem")
	if err := os.WriteFile(file, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	identity, err := signing.Development(file, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

// spent returns a ticket after its last download.
func spent(t *testing.T, s *servertest.Server, link string) string {
	t.Helper()
	ticket := s.Ticket(link, "mail")
	for range 10 {
		if s.Get(ticket).Status == http.StatusGone {
			return ticket
		}
	}
	t.Fatal("a ticket without end")
	return ""
}

// A view is a page and how a person gets there.
type view struct {
	name string
	// open opens the page in a tab and returns its status.
	open   func(b *tab, s site) int
	status int
	// field is the one that the page reports as wrong.
	field string
	setup bool // the page of a link
	scan  bool // has a code for another program
}

var views = []view{
	{name: "start", open: func(b *tab, s site) int { return b.visit(s.URL + "/") }, status: 200},
	{name: "start without an address", open: func(b *tab, s site) int { return start(b, s, "") }, status: 422, field: "address"},
	{name: "start with a foreign address", open: func(b *tab, s site) int { return start(b, s, foreign) }, status: 422, field: "address"},
	{name: "setup", open: func(b *tab, s site) int { return b.visit(s.link) }, status: 200, setup: true},
	{name: "setup without agreement", open: disagree, status: 422, field: "agree", setup: true},
	{name: "setup with the policy required", open: func(b *tab, s site) int { return b.visit(s.required) }, status: 200, setup: true},
	{name: "setup on a test installation", open: func(b *tab, s site) int { return b.visit(s.trial) }, status: 200, setup: true},
	{name: "settings to print", open: func(b *tab, s site) int { return b.visit(s.link + "/sheet") }, status: 200, scan: true},
	{name: "dead link", open: func(b *tab, s site) int { return b.visit(s.URL + "/s/unknown") }, status: 404},
	{name: "spent ticket", open: func(b *tab, s site) int { return b.visit(s.gone) }, status: 410},
	{name: "no such page", open: func(b *tab, s site) int { return b.visit(s.URL + "/nowhere") }, status: 404},
}

// foreign is an address of a domain that isn't set up.
const foreign = "jane@elsewhere.example"

func start(b *tab, s site, address string) int {
	b.t.Helper()
	b.visit(s.URL + "/")
	if address != "" {
		b.fill("#address", address)
	}
	return b.submit("form button")
}

// disagree requests the policy with a browser that doesn't check the empty
// box.
func disagree(b *tab, s site) int {
	b.t.Helper()
	b.visit(s.link)
	b.unfold()
	evaluate[bool](b, `document.querySelector("#agree").required = false`)
	return b.submit("form:has(#agree) button")
}

// unfold opens all disclosures on the page.
func (b *tab) unfold() {
	b.t.Helper()
	evaluate[int](b, `[...document.querySelectorAll("details")].map((d) => d.open = true).length`)
}
