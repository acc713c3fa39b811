package browser

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
)

// A room is a page of the control panel as a member comes to it.
type room struct {
	name string
	who  string // of the people; empty: nobody is signed in
	path string // with {names} of what people keeps
	// fill are fields to fill in, by selectors. Then all of press is pressed:
	// boxes, and last the button that leads on.
	fill   map[string]string
	press  []string
	status int // of the last page
}

// settingRooms are those of an installation in use where its members set
// something.
var settingRooms = []room{
	{"overview", "owner", "", nil, nil, 200},
	{"domains", "owner", "/domains", nil, nil, 200},
	{"domains found", "owner", "/domains?q=shop", nil, nil, 200},
	{"domains not found", "owner", "/domains?q=nowhere", nil, nil, 200},
	{"domain new", "owner", "/domains/new", nil, nil, 200},
	{"domain with mistakes", "owner", "/domains/new", map[string]string{"#name": "not a domain"}, []string{mainButton}, 422},
	{"domain unproven", "customer", "/domains/new", map[string]string{"#name": "other.example", "#imap": "mail.other.example", "#smtp": "mail.other.example"}, []string{mainButton}, 422},
	{"domain", "owner", "/domains/example.com?done=domain.saved", nil, nil, 200},
	{"domain for an auditor", "auditor", "/domains/example.com", nil, nil, 200},
	{"domain with checks", "owner", "/domains/example.com", nil, []string{`form[action$="/check"] button`}, 200},
	{"domain to delete", "owner", "/domains/example.com/delete", nil, nil, 200},
	{"policies", "owner", "/policies", nil, nil, 200},
	{"policy new", "owner", "/policies/new", nil, nil, 200},
	{"policy with mistakes", "owner", "/policies/new", map[string]string{"#min_length": "2"}, []string{mainButton}, 422},
	{"policy of all", "owner", "/policies/standard", nil, nil, 200},
	{"policy", "owner", "/policies/{policy}", nil, nil, 200},
	{"policy for an auditor", "auditor", "/policies/{policy}", nil, nil, 200},
	{"policy to delete", "owner", "/policies/{policy}/delete", nil, nil, 200},
	{"links", "owner", "/links", nil, nil, 200},
	{"links for an auditor", "auditor", "/links?domain=example.com&state=waiting", nil, nil, 200},
	{"links not found", "owner", "/links?address=nobody@example.com", nil, nil, 200},
	{"links with mistakes", "owner", "/links?address=nobody", nil, nil, 422},
	{"link new", "owner", "/links/new", nil, nil, 200},
	{"link with mistakes", "owner", "/links/new", map[string]string{"#address": "nobody"}, []string{mainButton}, 422},
	{"link made", "owner", "/links/new", map[string]string{"#address": "maria@example.com"}, []string{mainButton}, 200},
	{"link", "owner", "/links/{link}", nil, nil, 200},
	{"link for an auditor", "auditor", "/links/{link}", nil, nil, 200},
	{"link to revoke", "owner", "/links/{link}/revoke", nil, nil, 200},
	{"links to revoke", "owner", "/links/{link}/revoke-mailbox", nil, nil, 200},
	{"links of a domain to revoke", "owner", "/domains/example.com/revoke-links", nil, nil, 200},
	{"keys", "owner", "/keys", nil, nil, 200},
	{"key new", "owner", "/keys/new", nil, nil, 200},
	{"key with mistakes", "owner", "/keys/new", map[string]string{"#name": "Shop"}, []string{mainButton}, 422},
	{"key shown", "owner", "/keys/new", map[string]string{"#name": "Shop"}, []string{`[name="profiles:write"]`, mainButton}, 200},
	{"key to revoke", "owner", "/keys/{key}/revoke", nil, nil, 200},
	{"public key new", "owner", "/keys/redirect/new", nil, nil, 200},
	{"public key with mistakes", "owner", "/keys/redirect/new", map[string]string{"#name": "Panel", "#public_key": "nothing"}, []string{mainButton}, 422},
	{"public key", "owner", "/keys/redirect/{redirect}", nil, nil, 200},
	{"public key for an auditor", "auditor", "/keys/redirect/{redirect}", nil, nil, 200},
	{"public key to delete", "owner", "/keys/redirect/{redirect}/delete", nil, nil, 200},
}

// peopleRooms are those before the sign-in, and those about people.
var peopleRooms = []room{
	{"sign-in", "", "/sign-in?next=/panel/keys", nil, nil, 200},
	{"sign-in refused", "", "/sign-in", map[string]string{"#email": ownerEmail, "#password": "wrong"}, []string{signInButton}, 401},
	{"invitation", "", "/invitation/{invitation}", nil, nil, 200},
	{"invitation with mistakes", "", "/invitation/{invitation}", map[string]string{"#password": "short"}, []string{mainButton}, 422},
	{"invitation that is gone", "", "/invitation/gone", nil, nil, 404},

	{"enrol", "newcomer", "", nil, nil, 200},
	{"totp", "newcomer", "/security/sign-in/totp", nil, nil, 200},
	{"totp with a wrong code", "newcomer", "/security/sign-in/totp", map[string]string{"#code": "123"}, []string{mainButton}, 422},

	{"members", "owner", "/members", nil, nil, 200},
	{"members for an auditor", "auditor", "/members", nil, nil, 200},
	{"invite", "owner", "/members/invite", nil, nil, 200},
	{"invite with mistakes", "owner", "/members/invite", map[string]string{"#email": "nobody"}, []string{mainButton}, 422},
	{"invitation shown", "owner", "/members/invite", map[string]string{"#email": "jonas@example.com"}, []string{mainButton}, 200},
	{"member", "owner", "/members/{member}", nil, nil, 200},
	{"member who is the last owner", "owner", "/members/{owner}", nil, nil, 200},
	{"member to remove", "owner", "/members/{member}/remove", nil, nil, 200},
	{"accounts", "owner", "/accounts", nil, nil, 200},
	{"account new", "owner", "/accounts/new", nil, nil, 200},
	{"account with mistakes", "owner", "/accounts/new", map[string]string{"#email": "nobody"}, []string{mainButton}, 422},
	{"account made", "owner", "/accounts/new", map[string]string{"#name": "Corner Shop", "#email": "cora@corner.example"}, []string{mainButton}, 200},
	{"account", "owner", "/accounts/{account}", nil, nil, 200},
	{"account suspended", "owner", "/accounts/{suspended}", nil, nil, 200},
	{"account to suspend", "owner", "/accounts/{account}/suspend", nil, nil, 200},
	{"security", "owner", "/security/sign-in", nil, nil, 200},
	{"enrol another", "owner", "/security/sign-in/enrol", nil, nil, 200},
	{"passkey to remove", "owner", "/security/sign-in/passkey/{passkey}/remove", nil, nil, 200},
	{"totp to remove", "owner", "/security/sign-in/totp/remove", nil, nil, 200},
	{"recovery codes", "owner", "/security/sign-in/recovery", nil, []string{mainButton}, 200},
	{"recovery again", "owner", "/security/sign-in/recovery", nil, nil, 200},
	{"password", "owner", "/security/sign-in/password", nil, nil, 200},
	{"password with mistakes", "owner", "/security/sign-in/password", map[string]string{"#current": "wrong"}, []string{mainButton}, 422},
	{"not allowed", "auditor", "/domains/new", nil, nil, 403},
	{"no such page", "owner", "/nowhere", nil, nil, 404},
}

// lateRooms are those of a member who signed in long ago.
var lateRooms = []room{
	{"confirm before a page", "owner", "/security/sign-in/password", nil, nil, 403},
	{"confirm before a form", "owner", "/policies/new", map[string]string{"#name": "Tablets"}, []string{mainButton}, 403},
	{"confirm with a wrong code", "owner", "/security/sign-in/recovery", map[string]string{"#confirm_code": "123"}, []string{mainButton}, 422},
}

// emptyRooms are those of an installation that was just set up.
var emptyRooms = []room{
	{"overview", "owner", "", nil, nil, 200},
	{"domains", "owner", "/domains", nil, nil, 200},
	{"links", "owner", "/links", nil, nil, 200},
	{"link new", "owner", "/links/new", nil, nil, 200},
	{"keys", "owner", "/keys", nil, nil, 200},
	{"key new", "owner", "/keys/new", nil, nil, 200},
	{"security", "owner", "/security/sign-in", nil, nil, 200},
	{"recovery", "owner", "/security/sign-in/recovery", nil, nil, 200},
}

// firstRooms are those of an installation without a member.
var firstRooms = []room{
	{"setup", "", "{setup}", nil, nil, 200},
	{"setup with mistakes", "", "{setup}", map[string]string{"#password": "short"}, []string{mainButton}, 422},
}

// people are who is signed in, and ids of what there is.
type people struct {
	*office
	members map[string]*servertest.Member
	ids     map[string]string
}

// TestPanelPages looks at every page of the panel: with axe-core, on a small
// and a large screen in light and dark; whether it fits; what its keyboard and
// its console do.
func TestPanelPages(t *testing.T) {
	running(t)
	axe := "" // without it the rest is looked at
	if os.Getenv("AXE_JS") != "" || os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
		axe = axeScript(t)
	}
	for name, open := range map[string]func(t *testing.T) (*people, []room){
		"first": func(t *testing.T) (*people, []room) {
			o := newOffice(t, nil)
			setup, err := o.SetupURL(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return &people{office: o, ids: map[string]string{"setup": strings.TrimPrefix(setup, o.URL+"/panel")}}, firstRooms
		},
		"empty": func(t *testing.T) (*people, []room) {
			o := newOffice(t, func(c *server.Config) { c.First = nil })
			return &people{office: o, members: map[string]*servertest.Member{"owner": o.Owner(ownerEmail)}}, emptyRooms
		},
		"settings": func(t *testing.T) (*people, []room) { return inUse(t), settingRooms },
		"log":      func(t *testing.T) (*people, []room) { return inUse(t), logRooms },
		"people":   func(t *testing.T) (*people, []room) { return inUse(t), peopleRooms },
		"late": func(t *testing.T) (*people, []room) {
			p := inUse(t)
			p.clock.Move(11 * time.Minute)
			return p, lateRooms
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, rooms := open(t)
			p.look(t, axe, rooms)
		})
	}
}

// look goes through the rooms.
func (p *people) look(t *testing.T, axe string, rooms []room) {
	b := open(t, desktop, "light")
	for _, r := range rooms {
		t.Run(r.name, func(t *testing.T) {
			b.begin(t)
			b.become(p.members[r.who])
			if got := r.enter(b, p); got != r.status {
				t.Fatalf("status %d, want %d: %s", got, r.status, b.text())
			}
			b.wantKeyboard()
			b.wantPanelPage(axe)
			b.wantQuiet(p.office)
		})
	}
}

// enter opens the page and does what leads on, and returns the last status.
func (r room) enter(b *tab, p *people) int {
	b.t.Helper()
	b.show(1280, "light")
	path := regexp.MustCompile(`\{\w+\}`).ReplaceAllStringFunc(r.path, func(name string) string {
		id, ok := p.ids[strings.Trim(name, "{}")]
		if !ok {
			b.t.Fatalf("%s has no %s", r.path, name)
		}
		return id
	})
	status := b.visit(p.URL + "/panel" + path)
	for _, selector := range slices.Sorted(maps.Keys(r.fill)) {
		b.retype(selector, r.fill[selector])
	}
	for i, selector := range r.press {
		if i < len(r.press)-1 {
			b.tick(selector)
		} else {
			status = b.submit(selector)
		}
	}
	return status
}

// wantPanelPage looks at the page on screens of several widths, in light and
// dark. It is not loaded again: some pages are shown once.
func (b *tab) wantPanelPage(axe string) {
	b.t.Helper()
	evaluate[int](b, `[...document.querySelectorAll("details:not(.menu)")].map((d) => d.open = true).length`)
	b.wantLayout("1280", leastByMouse)
	if axe != "" {
		b.wantPanelAccessible(axe)
	}
	for _, width := range []int64{360, 320} {
		b.show(width, "light")
		b.wantLayout(fmt.Sprint(width), leastByTouch)
	}
	b.unfold() // the menu too
	b.wantLayout("320, the menu open", leastByTouch)
}

func (b *tab) wantPanelAccessible(axe string) {
	b.t.Helper()
	evaluate[bool](b, axe+"; true")
	for _, width := range []int64{1280, 360} {
		b.show(width, "light")
		b.wantAccessible(fmt.Sprintf("%d light", width))
		b.show(width, "dark")
		b.wantContrast(fmt.Sprintf("%d dark", width))
	}
}

// show changes the screen.
func (b *tab) show(width int64, scheme string) {
	b.t.Helper()
	touch := width < 600
	b.device.width, b.device.touch = width, touch
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: 800, DeviceScaleFactor: 1, Mobile: touch,
	})
	call(b, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: touch})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
}

// inUse is an installation with something on every page.
func inUse(t *testing.T) *people {
	t.Helper()
	o := newOffice(t, func(c *server.Config) { c.Resolver = noText{} })
	owner := o.Owner(ownerEmail)
	p := &people{o, map[string]*servertest.Member{"owner": owner}, map[string]string{}}
	p.members["customer"] = owner.Customer("Shop & Sons", "carl@shop.example")
	owner.Customer("Left in spring", "lea@left.example")
	p.members["auditor"] = owner.Invite("anna@example.com", "auditor")
	p.ids["suspended"] = p.find(owner, "/accounts?q=Left", "/panel/accounts/(acc_[a-z2-7]+)")
	p.ids["account"] = p.find(owner, "/accounts?q=Sons", "/panel/accounts/(acc_[a-z2-7]+)")
	p.ids["owner"] = p.find(owner, "/members?q="+url.QueryEscape(ownerEmail), "/panel/members/(mem_[a-z2-7]+)")
	p.ids["member"] = p.find(owner, "/members?q=anna", "/panel/members/(mem_[a-z2-7]+)")
	must(t, owner.Post("/panel/accounts/"+p.ids["suspended"]+"/suspend"))
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
	return p
}

// newcomer is a member who has no second factor yet.
func (p *people) newcomer() {
	owner, m := p.members["owner"], &servertest.Member{Server: p.Server}
	a := owner.Post("/panel/members/invite", "email", "nora@example.com", "role", "auditor")
	token := regexp.MustCompile(`/panel/invitation/[a-z2-7]+`).Find(withoutBreaks(a.Body))
	m.Post(string(token), "email", "nora@example.com", "name", "Nora New", "password", servertest.Password)
	p.members["newcomer"] = m
}

// use has links and downloads over some days.
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
	b.visit(p.URL + "/panel/security/sign-in/enrol")
	b.enrolPasskey("Maria's laptop")
	p.ids["passkey"] = p.find(owner, "/security/sign-in", "/passkey/(psk_[a-z2-7]+)/remove")
	elsewhere := *owner
	p.signIn(t, &elsewhere)
}

// find is what the pattern finds in a page of the panel.
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

// noText is a DNS in which no domain proves anything.
type noText struct{}

func (noText) LookupTXT(context.Context, string) ([]string, error) {
	return nil, errors.New("no such host")
}
