package panel_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/panel/access"
	"github.com/updatecase/mobileconfig/server/panel/brand"
	"github.com/updatecase/mobileconfig/server/panel/log"
	"github.com/updatecase/mobileconfig/server/panel/mail"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A row is a route and what it requires.
type row struct {
	Method, Path string
	Need         account.Permission
	Fresh, Open  bool
}

// rows lists all routes.
func rows() []row {
	var all []row
	for _, r := range slices.Concat((*access.Pages)(nil).Routes(), (*mail.Pages)(nil).Routes(), (*log.Pages)(nil).Routes(), (*brand.Pages)(nil).Routes()) {
		all = append(all, row{r.Method, panel.Prefix + r.Path, r.Need, r.Rule == panel.Fresh || r.Rule == panel.Enroll, r.Rule == panel.Open})
	}
	return all
}

// An installation is a server with two accounts, each with one of everything.
type installation struct {
	*servertest.Server
	t        *testing.T
	clock    *storetest.Clock
	database string
	owner    *servertest.Member // of the first account, and an operator
	roles    map[account.Role]*servertest.Member
	customer *servertest.Member // owner of the second account
	own      map[string]string  // IDs of the first account's things, by their routes
	other    map[string]string  // of the second's
}

func start(t *testing.T, database string) *installation {
	t.Helper()
	h := &installation{t: t, clock: storetest.NewClock(), database: database}
	h.Server = servertest.New(t, database, func(c *server.Config) { c.Now = h.clock.Now })
	return h
}

func build(t *testing.T, database string) *installation {
	t.Helper()
	h := start(t, database)
	h.owner = h.Owner("olga@example.com")
	h.customer = h.owner.Customer("Shop", "carl@example.net")
	h.roles = map[account.Role]*servertest.Member{
		account.Owner:   h.owner.Invite("second@example.com", "owner"),
		account.Admin:   h.owner.Invite("adam@example.com", "admin"),
		account.Auditor: h.owner.Invite("anna@example.com", "auditor"),
	}
	storetest.Exec(t, database, `UPDATE accounts SET trusted = 1`)
	h.own = h.fill(h.owner, "own.example.com")
	h.other = h.fill(h.customer, "other.example.com")
	h.touch()
	return h
}

// fill creates one of everything in the member's account and returns the IDs.
func (h *installation) fill(m *servertest.Member, domain string) map[string]string {
	h.t.Helper()
	post := func(path string, fields ...string) {
		h.t.Helper()
		if a := m.Post(path, fields...); a.Status >= 400 {
			h.t.Fatalf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	post("/panel/domains/new", domainForm("name", domain)...)
	post("/panel/policies/new", policyForm()...)
	post("/panel/links/new", linkForm("address", "jane@"+domain)...)
	post("/panel/keys/new", "name", "Key of "+domain, "domains:read", "yes", "expires", "30")
	post("/panel/keys/redirect/new", "name", "Panel of "+domain, "public_key", publicKey)
	post("/panel/members/invite", "email", "new@"+domain, "role", "admin")
	post("/panel/security/notifications/recipients/new", "recipient", "desk@"+domain, "keys", "yes")
	post("/panel/security/notifications/webhooks/new", "url", "https://"+domain+"/hook", "key.created", "yes")
	post("/panel/keys/new", "name", "Other key of "+domain, "domains:read", "yes", "expires", "30")
	upload(h.t, m, domain+".csv", "email\njane@"+domain+"\n")
	storetest.Exec(h.t, h.database, `UPDATE batches SET state = 'done' WHERE name = '`+domain+`.csv'`) // nobody follows one that never ends
	storetest.Exec(h.t, h.database, `INSERT INTO deliveries (id, account, seq, type, address, state, tries, status, failure, digest, message, again, created, tried, ended)
		SELECT 'msg_' || account, account, 0, 'test', 'desk@`+domain+`', 'sent', 1, 0, '', '', 'msg_' || account, '', 0, 0, 0 FROM members WHERE email = '`+m.Email+`'`)
	h.clock.Move(time.Minute)
	elsewhere := *m
	elsewhere.SignIn()
	find := func(path, begin string) string {
		h.t.Helper()
		body := string(m.Get(path).Body)
		i := strings.Index(body, begin)
		if i < 0 {
			h.t.Fatalf("%s does not lead to %s: %s", path, begin, body)
		}
		rest := body[i+len(begin):]
		return rest[:strings.IndexAny(rest, `"/`)]
	}
	return map[string]string{
		"/domains/:domain":            domain,
		"/recipients/:id":             "adr_" + find("/panel/security/notifications", "/recipients/adr_"),
		"/webhooks/:id":               "whk_" + find("/panel/security/notifications", "/webhooks/whk_"),
		"/mails/:delivery":            storetest.Column(h.t, h.database, `SELECT id FROM deliveries WHERE address = 'desk@`+domain+`'`)[0],
		":delivery":                   storetest.Column(h.t, h.database, `SELECT id FROM deliveries WHERE webhook IN (SELECT id FROM webhooks WHERE url = 'https://`+domain+`/hook')`)[0],
		"/policies/:id":               "pol_" + find("/panel/policies", "/panel/policies/pol_"),
		"/links/:id":                  "lnk_" + find("/panel/links", "/panel/links/lnk_"),
		"/batches/:id":                storetest.Column(h.t, h.database, `SELECT id FROM batches WHERE name = '`+domain+`.csv'`)[0],
		"/keys/:id":                   "key_" + find("/panel/keys", "/panel/keys/key_"),
		"/keys/redirect/:id":          "rdk_" + find("/panel/keys", "/panel/keys/redirect/rdk_"),
		"/members/:id":                "mem_" + find("/panel/members", "/panel/members/mem_"),
		"/members/invitations/:id":    "inv_" + find("/panel/members", "/panel/members/invitations/inv_"),
		"/security/sessions/:id":      "ses_" + find("/panel/security/sign-in", "/panel/security/sessions/ses_"),
		"/security/sign-in/passkey/:": "psk_unknown",
	}
}

// upload uploads a list of people.
func upload(t *testing.T, m *servertest.Member, name, list string) {
	t.Helper()
	if a := m.Upload("/panel/batches/new", "file", name, list); a.Status != http.StatusSeeOther {
		t.Fatalf("upload: %d %s", a.Status, a.Body)
	}
}

// publicKey is a public key of a hosting panel.
const publicKey = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"

// touch records all sessions as used now, so that looking records nothing.
func (h *installation) touch() {
	h.t.Helper()
	for _, m := range []*servertest.Member{h.owner, h.customer, h.roles[account.Owner], h.roles[account.Admin], h.roles[account.Auditor]} {
		if a := m.Get("/panel"); a.Status != http.StatusOK {
			h.t.Fatalf("%s: %d %s", m.Email, a.Status, a.Location())
		}
	}
}

// domainForm returns the form of a domain, preceded by other fields.
func domainForm(more ...string) []string {
	return append(more, "imap", "imap.example.com", "smtp", "smtp.example.com", "login", "address", "iphone", "yes", "mac", "yes",
		"policy", "off", "policy_id", "standard")
}

func linkForm(more ...string) []string { return append(more, "expires", "24", "downloads", "5") }

func policyForm(more ...string) []string {
	return append(more, "name", "Phones", "min_length", "6", "min_complex", "0", "auto_lock", "5", "grace", "0",
		"max_age", "0", "history", "0", "wipe", "yes", "max_failed_attempts", "10", "reset_after", "15")
}

// path fills in the IDs of a route's path.
func path(route string, ids map[string]string) string {
	for part, id := range ids {
		if i := strings.Index(route, part); i >= 0 && part != ":delivery" {
			head := part[:strings.LastIndex(part, ":")]
			rest := route[i+len(part):]
			if strings.HasSuffix(part, "/:") { // the name of the parameter is cut off
				rest = strings.TrimPrefix(rest, "id")
			}
			return route[:i] + head + id + strings.ReplaceAll(rest, ":delivery", ids[":delivery"])
		}
	}
	return strings.NewReplacer(":token", "unknown", ":id", "unknown", ":domain", "unknown.example").Replace(route)
}

// may repeats, in the test's own words, which routes a role may use.
func may(role account.Role, row row) bool {
	p := strings.TrimPrefix(row.Path, "/panel")
	switch {
	case strings.HasPrefix(p, "/mdm/nanomdm/"), p == "/mdm/nanomdm" && row.Method == http.MethodPost, strings.HasPrefix(p, "/security/log/erase"), strings.HasPrefix(p, "/security/notifications/recipients"), strings.HasPrefix(p, "/security/notifications/mails"):
		return role == account.Owner
	case row.Path == "/panel/security/notifications/webhooks/:id" && row.Method == http.MethodGet:
		return true
	case strings.HasPrefix(p, "/security/notifications/webhooks"), handsOut(p):
		return role != account.Auditor
	}
	self := strings.HasPrefix(p, "/security/") || strings.HasPrefix(p, "/confirm") || p == "/sign-out"
	switch {
	case self:
		return true
	case strings.HasPrefix(p, "/accounts"), strings.HasPrefix(p, "/certificate"), p == "/setup", p == "/domains/:domain/approve":
		return false // only operators
	case row.Method == http.MethodGet && !slices.Contains([]string{"new", "delete", "revoke", "invite", "remove", "revoke-mailbox", "revoke-links", "revoke-selected", "logo", "mail-selected", "selected"}, p[strings.LastIndex(p, "/")+1:]) &&
		p != "/members/:id", p == "/domains/:domain/check", p == "/domains/:domain/dns":
		return true
	case strings.HasPrefix(p, "/members"), p == "/hosts", p == "/hosts/withdraw":
		return role == account.Owner
	}
	return role != account.Auditor
}

// handsOut reports whether the route of batches sends links or profiles, which
// give access to set up a mailbox.
func handsOut(path string) bool {
	return slices.Contains([]string{"/batches/:id/links.csv", "/batches/:id/sheet", "/batches/:id/files/:file"}, path)
}

// recorded is the only GET route that stores something: that the links of a
// batch were downloaded.
const recorded = "/panel/batches/:id/links.csv"

// testRoles requests every route as everybody: without signing in, as each
// role, and as the owner of another account.
func testRoles(h *installation) {
	for _, row := range rows() {
		where := path(row.Path, h.own)
		name := row.Method + " " + row.Path
		if a := (&servertest.Member{Server: h.Server}).Do(row.Method, where, nil, ""); !row.Open && !isSignInPage(a) {
			h.t.Errorf("%s: nobody got %d %s", name, a.Status, a.Location())
		}
		if row.Open {
			continue
		}
		before := storetest.Fingerprint(h.t, h.database)
		for role, m := range h.roles {
			session := *m
			a := session.Do(row.Method, where, nil, "unknown_field=x")
			refused := a.Status == http.StatusForbidden && bytes.Contains(a.Body, []byte("forbidden"))
			if refused == may(role, row) {
				h.t.Errorf("%s: %s got %d", name, role, a.Status)
			}
			headers(h.t, name, a)
		}
		operator := *h.customer
		a := operator.Do(row.Method, where, nil, "unknown_field=x")
		if (strings.HasPrefix(row.Path, "/panel/accounts") || strings.HasPrefix(row.Path, "/panel/certificate")) && a.Status != http.StatusForbidden {
			h.t.Errorf("%s: who is no operator got %d", name, a.Status)
		}
		if after := storetest.Fingerprint(h.t, h.database); after != before && !strings.HasSuffix(row.Path, "revoke-others") && row.Path != recorded &&
			!strings.Contains(row.Path, "/confirm/") && !strings.HasSuffix(row.Path, "/passkey/begin") {
			h.t.Errorf("%s: refused requests changed something", name)
		}
	}
}

// isSignInPage reports whether the answer redirects to the sign-in page.
func isSignInPage(a servertest.Answer) bool {
	return a.Status == http.StatusSeeOther && strings.HasPrefix(a.Location(), "/panel/sign-in") ||
		a.Status == http.StatusUnauthorized
}

// headers checks the headers of every response. An email shown as a page isn't
// a page of the panel.
func headers(t *testing.T, name string, a servertest.Answer) {
	t.Helper()
	script := "script-src 'self'"
	if strings.HasSuffix(name, "/branding/mail") && a.Status == http.StatusOK {
		script = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
	}
	for header, want := range map[string]string{
		"Content-Security-Policy": script, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		if !strings.Contains(a.Header.Get(header), want) {
			t.Errorf("%s: %s is %q", name, header, a.Header.Get(header))
		}
	}
	if a.Status >= 500 {
		t.Errorf("%s: %d %s", name, a.Status, a.Body)
	}
	if l := a.Location(); l != "" && !strings.HasPrefix(l, "/panel") {
		t.Errorf("%s leads to %s", name, l)
	}
}

// testOtherAccount requests every route with the IDs of another account.
func testOtherAccount(h *installation) {
	before := storetest.Dump(h.t, h.database)
	tried := 0
	for _, row := range rows() {
		where := path(row.Path, h.other)
		if where == row.Path || row.Open || strings.Contains(row.Path, "/accounts") || !strings.Contains(row.Path, "/:") {
			continue
		}
		tried++
		body := ""
		if row.Method == http.MethodPost {
			body = forms[row.Path]
		}
		a := h.owner.Do(row.Method, where, nil, body)
		if a.Status != http.StatusNotFound {
			h.t.Errorf("%s %s: got %d %s, want 404", row.Method, where, a.Status, a.Location())
		}
	}
	if after := storetest.Dump(h.t, h.database); after != before {
		h.t.Error("something changed")
	}
	if tried < 32 {
		h.t.Errorf("only %d routes were tried", tried)
	}
}

// forms are valid bodies for the routes.
var forms = map[string]string{
	"/panel/domains/:domain": encode(domainForm()),
	"/panel/policies/:id":    encode(policyForm()),
	"/panel/members/:id":     "role=auditor",

	"/panel/domains/:domain/metadata": "metadata=customer:+1",
	"/panel/links/:id/metadata":       "metadata=customer:+1",

	"/panel/keys/:id":          "name=Other",
	"/panel/keys/:id/rotate":   "overlap=24",
	"/panel/keys/redirect/:id": "name=Other",

	"/panel/security/notifications/recipients/:id": "keys=yes",
	"/panel/security/notifications/webhooks/:id":   "url=https%3A%2F%2Fexample.com&key.created=yes",
}

func encode(fields []string) string {
	var pairs []string
	for i := 0; i < len(fields); i += 2 {
		pairs = append(pairs, fields[i]+"="+strings.ReplaceAll(fields[i+1], " ", "+"))
	}
	return strings.Join(pairs, "&")
}

// testLookingChangesNothing sends GET and HEAD to every route.
func testLookingChangesNothing(h *installation) {
	before := storetest.Fingerprint(h.t, h.database)
	for _, row := range rows() {
		if row.Path == recorded {
			continue
		}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete, "TRACE"} {
			a := h.owner.Do(method, path(row.Path, h.own), nil, "")
			if a.Status >= 500 {
				h.t.Errorf("%s %s: %d", method, row.Path, a.Status)
			}
		}
	}
	if storetest.Fingerprint(h.t, h.database) != before {
		h.t.Error("looking changed something")
	}
}

// testOtherSites sends every form from another site.
func testOtherSites(h *installation) {
	before := storetest.Fingerprint(h.t, h.database)
	for _, row := range rows() {
		if row.Method != http.MethodPost {
			continue
		}
		for _, header := range []http.Header{
			{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
			{"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://evil.example.com"}},
			{"Origin": {"https://evil.example"}},
			{"Origin": {"null"}},
		} {
			a := h.owner.Do(row.Method, path(row.Path, h.own), header, forms[row.Path])
			if a.Status != http.StatusForbidden || !bytes.Contains(a.Body, []byte("cross_origin")) {
				h.t.Errorf("%s with %v: got %d", row.Path, header, a.Status)
			}
		}
	}
	if storetest.Fingerprint(h.t, h.database) != before {
		h.t.Error("another site changed something")
	}
}

// TestStaysInside tries to make the panel redirect elsewhere.
func TestStaysInside(t *testing.T) {
	hosts := []string{"evil.example", "evil.example/panel", "setup.example.com.evil.example", "evil.example\\@setup.example.com",
		"setup.example.com@evil.example", "evil.example#/panel", "evil.example?/panel", "127.1", "[::1]"}
	begins := []string{"http://", "https://", "//", "///", "////", "\\\\", "/\\", "\\/", "https:", "http:/", "javascript://", "data:text/html,",
		"\t//", "/\t/", "\r\n//", "/panel//", "/panel/..//", "/panel/../..//", "/%2f%2f", "/panel\\..\\..\\", "/panel/%2e%2e//", "%09//", " //"}
	tried := 0
	for _, begin := range begins {
		for _, host := range hosts {
			tried++
			to := panel.Inside(begin + host)
			if !strings.HasPrefix(to, "/panel") || strings.Contains(to, "//") || strings.ContainsAny(to, "\\\t\r\n ") || strings.Contains(to, "..") {
				t.Errorf("%q leads to %q", begin+host, to)
			}
		}
	}
	if tried < 200 {
		t.Errorf("only %d were tried", tried)
	}
	for next, want := range map[string]string{"/panel/keys": "/panel/keys", "/panel/domains/example.com": "/panel/domains/example.com",
		"": "/panel", "/panelx": "/panel", "/": "/panel", "/api/v1/keys": "/panel"} {
		if got := panel.Inside(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

// testRedirects checks the same with requests.
func testRedirects(h *installation) {
	for _, next := range []string{"https://evil.example", "//evil.example", "/\\evil.example"} {
		h.clock.Move(60e9)
		m := *h.owner
		m.Cookie = ""
		a := m.Post("/panel/sign-in", "email", m.Email, "password", servertest.Password, "code", m.Code(), "next", next)
		if a.Status != http.StatusSeeOther || a.Location() != "/panel" {
			h.t.Errorf("%q: %d %s", next, a.Status, a.Location())
		}
		if a := m.Get("/panel/sign-in?next=" + next); a.Location() != "/panel" {
			h.t.Errorf("signed in, %q leads to %s", next, a.Location())
		}
	}
	if a := h.owner.Get("/panel?done=" + "%3Cscript%3E"); bytes.Contains(a.Body, []byte("<script>")) {
		h.t.Error("done is repeated")
	}
}
