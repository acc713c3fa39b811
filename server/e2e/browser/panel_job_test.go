package browser

import (
	"crypto/x509"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/probe/probetest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// The limits of the main job, from the owner's first sign-in to a link on the
// screen.
const (
	mostTyped  = 5
	mostClicks = 8
)

// A worker counts a person's actions in a tab.
type worker struct {
	*tab
	typed, clicks int
}

func (w *worker) types(selector, text string) {
	w.t.Helper()
	w.typed++
	w.retype(selector, text)
}

func (w *worker) clicksOn(selector, path string) {
	w.t.Helper()
	w.clicks++
	w.wantSubmit(selector, 200, path)
}

// TestMainJob signs in as the owner of a new installation, adds a domain whose
// servers are in its DNS, and gets a link on the screen. The DNS and the mail
// servers belong to the test.
func TestMainJob(t *testing.T) {
	t.Parallel()
	running(t)
	for _, script := range []bool{true, false} {
		t.Run("script="+strconv.FormatBool(script), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, mailHost(t))
			m := o.Owner(ownerEmail)
			o.clock.Move(time.Minute)
			b := open(t, desktop, "light")
			allowScript(b, script)
			b.begin(t)
			w := &worker{tab: b}

			b.visit(o.URL + "/panel")
			b.wantAt("/panel/sign-in")
			w.types("#email", ownerEmail)
			w.types("#password", servertest.Password)
			w.types("#code", o.code(t, m.Seed))
			w.clicksOn(signInButton, "/panel")
			b.wantText("1 of 9 steps done")
			w.clicksOn(`.setup .next a.button, .setup a.button[href="/panel/domains/new"]`, "/panel/domains/new")
			w.types("#name", "shop.example.org")
			w.clicksOn(mainButton, "/panel/domains/new/find")
			b.wantText("From DNS (SRV)")
			w.clicksOn(saveButton, "/panel/domains/shop.example.org")
			b.wantText("Active", "Ready", "Certificate valid until")
			w.clicksOn(`.panel-head a[href="/panel/links/new"]`, "/panel/links/new")
			w.types("#address", "jane@shop.example.org")
			w.clicks++
			if got := b.submit(saveButton); got != 200 {
				t.Fatalf("%d: %s", got, b.text())
			}
			b.wantText(o.URL+"/s/", "Unused")
			if n := evaluate[int](b, `document.querySelectorAll("svg.qr-code").length`); n != 1 {
				t.Errorf("%d QR codes", n)
			}
			b.wantQuiet(o)
			if w.typed > mostTyped || w.clicks > mostClicks {
				t.Errorf("%d fields and %d clicks, want at most %d and %d", w.typed, w.clicks, mostTyped, mostClicks)
			}
			t.Logf("%d fields, %d clicks", w.typed, w.clicks)

			// The checklist shows it.
			b.visit(o.URL + "/panel")
			b.wantText("Open the test link on your iPhone or iPad")
		})
	}
}

// mailHost provides mail servers for shop.example.org, which the DNS names,
// and no existing domain.
func mailHost(t *testing.T) func(*server.Config) {
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", func(c *x509.Certificate) {
		c.DNSNames = []string{"mail.example.org"}
		c.NotBefore, c.NotAfter = root.Cert.NotBefore, root.Cert.NotAfter // the clocks of tests are in the past
	})
	listen := func(smtp bool) net.SRV {
		_, port, err := net.SplitHostPort(probetest.Listen(t, probetest.Mail{TLS: probetest.Certificates(leaf), SMTP: smtp}.Serve))
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.Atoi(port)
		return net.SRV{Target: "mail.example.org.", Port: uint16(n)}
	}
	imap, smtp := listen(false), listen(true)
	return func(c *server.Config) {
		c.First = nil
		c.HostResolver = dialtest.Resolver(t, func(q dialtest.Question) dialtest.Answer {
			switch q.Name {
			case "_imaps._tcp.shop.example.org":
				return dialtest.Answer{Services: []net.SRV{imap}}
			case "_submissions._tcp.shop.example.org":
				return dialtest.Answer{Services: []net.SRV{smtp}}
			case "mail.example.org":
				return dialtest.Addrs("127.0.0.1")
			}
			return dialtest.Answer{}
		})
		c.AllowNetworks = servertest.Loopback(t)
		c.HostRoots = x509.NewCertPool()
		c.HostRoots.AddCert(root.Cert)
	}
}
