package browser

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
)

// people holds who is signed in, and the IDs of objects.
type people struct {
	*office
	members map[string]*servertest.Member
	ids     map[string]string
}

// inUse returns an installation with something on every page.
func inUse(t *testing.T) *people {
	t.Helper()
	o := newOffice(t, func(c *server.Config) { c.Resolver = noText{} })
	owner := o.Owner(ownerEmail)
	p := &people{o, map[string]*servertest.Member{"owner": owner}, map[string]string{}}
	p.members["customer"] = owner.Customer("Shop & Sons", "carl@shop.example")
	must(t, p.members["customer"].Post("/panel/domains/new", "name", "waiting.example", "imap", "mail.waiting.example", "smtp", "mail.waiting.example", "login", "address",
		"iphone", "yes", "policy", "off", "policy_id", "standard"))
	owner.Customer("Left in spring", "lea@left.example")
	p.members["auditor"] = owner.Invite("anna@example.com", "auditor")
	p.ids["suspended"] = p.find(owner, "/accounts?q=Left", "/panel/accounts/(acc_[a-z2-7]+)")
	p.ids["account"] = p.find(owner, "/accounts?q=Sons", "/panel/accounts/(acc_[a-z2-7]+)")
	p.ids["owner"] = p.find(owner, "/members?q="+url.QueryEscape(ownerEmail), "/panel/members/(mem_[a-z2-7]+)")
	p.ids["member"] = p.find(owner, "/members?q=anna", "/panel/members/(mem_[a-z2-7]+)")
	must(t, owner.Post("/panel/accounts/"+p.ids["suspended"]+"/suspend", "reason", "Three invoices unpaid"))
	for i := range 22 {
		addDomain(t, owner, fmt.Sprintf("shop-%d.example", i+1), "mail.example.com")
	}
	must(t, owner.Post("/panel/policies/new", "name", "Tablets in the warehouse", "min_length", "6", "auto_lock", "5", "wipe", "yes", "max_failed_attempts", "8", "reset_after", "20"))
	p.ids["policy"] = p.find(owner, "/policies", "/panel/policies/(pol_[a-z2-7]+)")
	for _, name := range []string{"Shop", "A program with a name that is as long as a name may be"} {
		must(t, owner.Post("/panel/keys/new", "name", name, "domains:read", "yes", "profiles:write", "yes", "domains", "example.com shop-1.example",
			"networks", "2001:db8:1234:5678::/64 192.0.2.0/24", "expires", "90"))
	}
	p.ids["key"] = p.find(owner, "/keys", "/panel/keys/(key_[a-z2-7]+)/revoke")
	must(t, owner.Post("/panel/keys/"+p.ids["key"]+"/revoke"))
	p.ids["key"] = p.find(owner, "/keys", "/panel/keys/(key_[a-z2-7]+)/revoke")
	must(t, owner.Post("/panel/keys/redirect/new", "name", "A panel with a name that is as long as a name may be", "domains", "example.com shop-1.example",
		"public_key", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"))
	p.ids["redirect"] = p.find(owner, "/keys", "/panel/keys/redirect/(rdk_[a-z2-7]+)")
	must(t, owner.Post("/panel/members/invite", "email", "someone.with.a.rather.long.name@example.com", "role", "admin"))
	p.ids["invitation"] = p.find(owner, "/members", "/panel/invitation/([a-z2-7]+)")
	p.newcomer()
	p.use()
	p.passkey(t)
	visitor := *owner
	p.signIn(t, &visitor)
	must(t, visitor.Post("/panel/accounts/"+p.ids["account"]+"/open", "reason", "Asked for help with waiting.example"))
	p.members["visitor"] = &visitor
	return p
}

// newcomer creates a member without a second factor.
func (p *people) newcomer() {
	owner, m := p.members["owner"], &servertest.Member{Server: p.Server}
	a := owner.Make("/panel/members/invite", "email", "nora@example.com", "role", "auditor")
	token := regexp.MustCompile(`/panel/invitation/[a-z2-7]+`).Find(withoutBreaks(a.Body))
	m.Post(string(token), "email", "nora@example.com", "name", "Nora New", "password", servertest.Password)
	p.members["newcomer"] = m
}

// use creates links and downloads over some days.
func (p *people) use() {
	link := p.Link("jane@example.com")
	for range 3 {
		p.Get(p.Ticket(link, "mail"))
	}
	p.Link("jane@shop-1.example")
	p.members["owner"].Post("/panel/links/new", "address", "someone.with.a.rather.long.name@example.com", "name", "Someone", "external_id", "mbx_812", "expires", "24", "downloads", "5")
	p.ids["link"] = p.find(p.members["owner"], "/links", "/panel/links/(lnk_[a-z2-7]+)")
}

// passkey gives the owner a passkey, and a session elsewhere.
func (p *people) passkey(t *testing.T) {
	t.Helper()
	owner := p.members["owner"]
	b := open(t, desktop, "light")
	b.authenticator()
	b.become(owner)
	b.visit(p.URL + "/panel/security/sign-in/enroll")
	b.enrollPasskey("Maria's laptop")
	p.ids["passkey"] = p.find(owner, "/security/sign-in", "/passkey/(psk_[a-z2-7]+)/remove")
	elsewhere := *owner
	p.signIn(t, &elsewhere)
}

// find returns what the pattern matches in a page of the panel.
func (p *people) find(m *servertest.Member, path, pattern string) string {
	found := regexp.MustCompile(pattern).FindSubmatch(withoutBreaks(m.Get("/panel" + path).Body))
	if found == nil {
		return ""
	}
	return string(found[1])
}

func withoutBreaks(page []byte) []byte {
	return []byte(strings.ReplaceAll(string(page), "<wbr>", ""))
}

func must(t testing.TB, a servertest.Answer) {
	t.Helper()
	if a.Status >= http.StatusBadRequest {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
}

// noText is a DNS without any proofs.
type noText struct{}

func (noText) LookupTXT(context.Context, string) ([]string, error) {
	return nil, errors.New("no such host")
}
