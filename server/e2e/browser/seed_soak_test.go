//go:build soak

package browser

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// Where the people of the pictures are.
const (
	workplace = "203.0.113.24"
	home      = "2001:db8:4f1:8a00::7"
)

// A host is a mail host that has used its installation for two weeks.
type host struct {
	*office
	// shown is the same installation under the name that the pictures show.
	shown  *servertest.Server
	owner  *servertest.Member
	policy string
}

// seed makes an installation with the data that the pictures show. The pictures
// know nothing else of these data than what a host holds.
func seed(t *testing.T) *host {
	t.Helper()
	clock := storetest.NewClock()
	identity := exampleIdentity(t, clock.Now)
	change := func(c *server.Config) {
		c.Now, c.Identity = clock.Now, server.Fixed(identity)
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		withMail(c)
	}
	o := &office{clock: clock, database: storetest.SQLite(t)}
	o.Server = servertest.Local(t, o.database, change)
	shown := servertest.New(t, o.database, func(c *server.Config) {
		c.BaseURL = "https://setup.example.com"
		change(c)
	})
	h := &host{office: o, shown: shown, owner: o.Owner(ownerEmail)}
	h.furnish(t)
	h.settle(t)
	return h
}

// furnish makes domains, a policy, keys and members.
func (h *host) furnish(t *testing.T) {
	t.Helper()
	must(t, h.owner.Post("/panel/accounts/acc_default", "name", "Example Host", "trusted", "yes"))
	must(t, h.owner.Post("/panel/policies/new", "name", "Phones that travel", "min_length", "8", "auto_lock", "2", "history", "5",
		"wipe", "yes", "max_failed_attempts", "8", "reset_after", "30"))
	h.policy = (&people{office: h.office}).find(h.owner, "/policies", "/panel/policies/(pol_[a-z2-7]+)")
	domain := []string{"display_name", "Example Host", "imap", "imap.example.com", "smtp", "smtp.example.com", "login", "address",
		"sign_in_hint", "Your app password from my.example.com", "help_text", "Help desk: +49 30 901820, every day from 8 to 20",
		"iphone", "yes", "mac", "yes", "policy", "offered", "policy_id", "standard"}
	must(t, h.owner.Post("/panel/domains/example.com", domain...))
	addDomain(t, h.owner, "example.net", "mail.example.net")
	must(t, h.owner.Post("/panel/domains/new", append([]string{"name", "example.org", "imap", "imap.example.org", "smtp", "smtp.example.org:587/starttls",
		"policy", "required", "policy_id", h.policy}, "login", "address", "iphone", "yes", "mac", "yes")...))
	must(t, h.owner.Post("/panel/keys/new", "name", "Ticket desk", "domains:read", "yes", "profiles:write", "yes", "domains", "example.com", "expires", "365"))
	h.clock.Move(3 * time.Minute)
	for _, m := range []struct{ email, name, role string }{
		{"jonas@example.com", "Jonas Weber", "admin"}, {"lea@example.com", "Lea Brandt", "auditor"},
	} {
		h.owner.Invite(m.email, m.role)
		storetest.Exec(t, h.database, `UPDATE members SET name = $1 WHERE email = $2`, m.name, m.email)
	}
	storetest.Exec(t, h.database, `UPDATE members SET name = $1 WHERE email = $2`, ownerName, ownerEmail)
}

// settle lets two weeks pass, with links and downloads, and has the owner come
// back with a passkey.
func (h *host) settle(t *testing.T) {
	t.Helper()
	start := h.clock.Now()
	const today = 14
	for day, n := range []int{5, 8, 7, 11, 9, 3, 4, 10, 13, 17, 12, 14, 5, 6, 9} {
		for i := range n {
			link := h.Link(fmt.Sprintf("person%d-%d@%s", day, i, []string{"example.com", "example.com", "example.org", "example.net"}[i%4]))
			if i%5 != 1 {
				h.download(t, link)
			}
			h.clock.Move(11 * time.Minute)
		}
		if day < today {
			for next := start.AddDate(0, 0, day+1); h.clock.Now().Before(next); {
				h.clock.Move(time.Minute)
			}
		}
	}
	h.comeBack(t, servertest.IPhone, home)
	h.clock.Move(time.Minute)
	h.comeBack(t, mac.userAgent, workplace)
	b := open(t, desktop, "light")
	b.authenticator()
	b.become(h.owner)
	b.visit(h.URL + "/panel/security/sign-in/enrol")
	b.enrolPasskey("Maria's MacBook")
	b.makeCodes()
	h.clock.Move(time.Minute)
	elsewhere := *h.owner
	h.owner = &elsewhere
	h.comeBack(t, servertest.IPhone, home)
	h.clock.Move(26 * time.Minute)
	h.comeBack(t, mac.userAgent, workplace)
	h.moveServers(t)
	must(t, h.owner.Post("/panel/members/invite", "email", "sofia@example.com", "role", "admin"))
	h.alarm(t, h.owner)
}

// download takes the profile of a link, with the policy where there is none
// without.
func (h *host) download(t *testing.T, link string) {
	t.Helper()
	for _, variant := range []string{"mail", "secure"} {
		a := h.Post(link+"/profile", "variant", variant, "platform", "iphone", "agree", "yes")
		if a.Status == http.StatusSeeOther {
			must(t, h.Get(a.Location()))
			return
		}
	}
	t.Fatal("no variant can be downloaded")
}

// moveServers gives a domain other servers, and a policy.
func (h *host) moveServers(t *testing.T) {
	t.Helper()
	form := url.Values{"display_name": {"Example Net"}, "imap": {"imap.example.net"}, "smtp": {"smtp.example.net"}, "login": {"address"},
		"help_text": {"Help desk: +49 30 901820"}, "iphone": {"yes"}, "mac": {"yes"}, "policy": {"offered"}, "policy_id": {"standard"}}
	header := http.Header{"User-Agent": {mac.userAgent}, "X-Forwarded-For": {workplace}, "Sec-Fetch-Site": {"same-origin"}}
	must(t, h.owner.Do(http.MethodPost, "/panel/domains/example.net", header, form.Encode()))
}

// comeBack signs the owner in from elsewhere.
func (h *host) comeBack(t *testing.T, userAgent, from string) {
	t.Helper()
	h.clock.Move(time.Minute)
	h.owner.Cookie = ""
	form := url.Values{"email": {ownerEmail}, "password": {servertest.Password}, "code": {h.owner.Code()}}
	header := http.Header{"User-Agent": {userAgent}, "X-Forwarded-For": {from}}
	if a := h.owner.Do(http.MethodPost, "/panel/sign-in", header, form.Encode()); a.Status != http.StatusSeeOther {
		t.Fatalf("sign-in: %d %s", a.Status, a.Body)
	}
}

// exampleIdentity signs by the clock of the pictures, for half a year.
func exampleIdentity(t *testing.T, now func() time.Time) *signing.Identity {
	t.Helper()
	key, above := signingtest.Key(t, "p256"), signingtest.Key(t, "p256")
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example Trust CA", Organization: []string{"Example Trust"}},
		NotBefore: now().AddDate(-1, 0, 0), NotAfter: now().AddDate(5, 0, 0),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "setup.example.com"}, DNSNames: []string{"setup.example.com"},
		NotBefore: now().AddDate(0, -1, 0), NotAfter: now().AddDate(0, 6, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	sign := func(c *x509.Certificate, public any) *x509.Certificate {
		der, err := x509.CreateCertificate(nil, c, authority, public, above)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	authority = sign(authority, above.Public())
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	identity, err := signing.New(key, []*x509.Certificate{sign(leaf, key.Public())}, roots, now)
	if err != nil {
		t.Fatal(err)
	}
	return identity
}
