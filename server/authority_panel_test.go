//go:build !race

package server_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/panel/access"
	"github.com/updatecase/mobileconfig/server/panel/brand"
	"github.com/updatecase/mobileconfig/server/panel/log"
	"github.com/updatecase/mobileconfig/server/panel/mail"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
)

// fresh returns a row of the panel that needs a fresh second factor. fields are
// alternating names and values.
func fresh(path string, prepare func(*testing.T, *stage), fields ...string) *authorityRow {
	return &authorityRow{method: http.MethodPost, path: "/panel" + path, cases: freshCases, prepare: prepare, body: formOf(fields...)}
}

// signed returns a row that doesn't need one.
func signed(path string, prepare func(*testing.T, *stage), fields ...string) *authorityRow {
	r := fresh(path, prepare, fields...)
	r.cases, r.harmless = signedCases, "f"
	return r
}

// operators returns a row of the operators.
func operators(path string, prepare func(*testing.T, *stage), fields ...string) *authorityRow {
	r := fresh(path, prepare, fields...)
	r.cases, r.operates = operatorCases, true
	return r
}

// script returns a row for the panel's script.
func script(path, cases string, prepare func(*testing.T, *stage), late func(*testing.T, *stage, *servertest.Server) string) *authorityRow {
	r := fresh(path, prepare)
	r.cases, r.json, r.body, r.late = cases, true, "{}", late
	return r
}

// with changes a row.
func with(r *authorityRow, change func(r *authorityRow)) *authorityRow {
	change(r)
	return r
}

func formOf(fields ...string) string {
	var b strings.Builder
	for i := 0; i < len(fields); i += 2 {
		if i > 0 {
			b.WriteByte('&')
		}
		value := strings.NewReplacer("%7B", "{", "%7D", "}").Replace(url.QueryEscape(fields[i+1]))
		b.WriteString(url.QueryEscape(fields[i]) + "=" + value)
	}
	return b.String()
}

var (
	authorityDomain = []string{"imap", "imap.example.com", "smtp", "smtp.example.com", "login", "address", "iphone", "yes", "mac", "yes",
		"policy", "off", "policy_id", "standard"}
	authorityPolicy = []string{"name", "Phones", "min_length", "6", "min_complex", "0", "auto_lock", "5", "grace", "0",
		"max_age", "0", "history", "0", "wipe", "yes", "max_failed_attempts", "10", "reset_after", "15"}
)

// authorityUpload is a form with a list of people.
const authorityUpload = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{domain}\"\r\n\r\nemail\njane@{domain}\n\r\n--x--\r\n"

// authorityLogo is a logo, and authorityLogoForm a form with it.
const (
	authorityLogo     = `<svg viewBox="0 0 9 9"><circle r="4" cx="4" cy="4"/></svg>`
	authorityLogoForm = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"logo.svg\"\r\n\r\n" + authorityLogo + "\r\n--x--\r\n"
)

const authorityPublicKey = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"

// authorityBundle is a certificate with its key, which anyone could have
// created.
var authorityBundle = sync.OnceValue(func() string {
	bundle, err := signing.MakeDevelopment(storetest.NewClock().Now())
	if err != nil {
		panic(err)
	}
	return string(bundle)
})

// panelRows returns the rows of the control panel.
func panelRows() []*authorityRow {
	return slices.Concat(signInRows(), ownRows(), logRows(), noticeRows(), webhookRows(), settingRows(), batchRows(), accessRows())
}

func signInRows() []*authorityRow {
	open := func(r *authorityRow) { r.open = true }
	return []*authorityRow{
		with(fresh("/sign-in", nil), func(r *authorityRow) {
			r.open, r.cases = true, "bde"
			r.late = func(t *testing.T, s *stage, at *servertest.Server) string {
				return formOf("email", s.actor.Email, "password", servertest.Password, "code", s.code(at.As(s.actor)))
			}
		}),
		with(script("/sign-in/passkey/begin", "", nil, nil), open),
		with(script("/sign-in/passkey/finish", "bd", havePasskey, ceremony("/panel/sign-in/passkey/begin", (*authenticator).get)), open),
		with(fresh("/invitation/:token", haveInvitation, "email", "new@{domain}", "name", "New", "password", servertest.Password, "language", "en"), func(r *authorityRow) {
			r.open, r.cases = true, "dg"
		}),
		signed("/sign-out", nil),
		with(fresh("/confirm", haveStale), func(r *authorityRow) {
			r.cases, r.harmless, r.late = signedCases, "f", confirming("next", "/panel/keys")
		}),
		with(fresh("/keys/new", haveStale), func(r *authorityRow) {
			r.note, r.cases, r.harmless, r.late = "with a code", signedCases, "f", confirming("name", "Panel", "domains:read", "yes", "expires", "30")
		}),
		with(script("/confirm/passkey/begin", signedCases, havePasskey, nil), func(r *authorityRow) { r.harmless = "f" }),
		with(script("/confirm/passkey/finish", signedCases, havePasskey, ceremony("/panel/confirm/passkey/begin", (*authenticator).get)),
			func(r *authorityRow) { r.harmless = "f" }),
	}
}

func ownRows() []*authorityRow {
	const own = "/security/sign-in"
	return []*authorityRow{
		with(fresh(own+"/totp", nil), func(r *authorityRow) { r.late = newApp }),
		with(fresh(own+"/totp", haveNoFactor), func(r *authorityRow) { r.note, r.late = "first factor", newApp }),
		fresh(own+"/totp/remove", havePasskey),
		script(own+"/passkey/begin", freshCases, nil, nil),
		script(own+"/passkey/finish", freshCases, nil, ceremony("/panel/security/sign-in/passkey/begin", (*authenticator).create)),
		fresh(own+"/passkey/:id/remove", havePasskey),
		fresh(own+"/recovery", nil),
		fresh(own+"/password", nil, "current", servertest.Password, "password", "marble kettle sparrow 31"),
		signed(own+"/language", nil, "language", "de"),
		fresh(own+"/zone", nil, "zone", "Europe/Berlin"),
		signed("/security/sessions/:id/revoke", func(t *testing.T, s *stage) {
			s.ids[":id"] = s.seeder.Session(s.actor, s.world.clock.Now()).Session
		}),
		signed("/security/sessions/revoke-others", nil),
	}
}

func logRows() []*authorityRow {
	return []*authorityRow{
		fresh("/security/log/export", nil, "format", "csv"),
		fresh("/security/log/erase", haveLink, "mailbox", "jane@{domain}"),
	}
}

func noticeRows() []*authorityRow {
	const notices = "/security/notifications"
	return []*authorityRow{
		fresh(notices+"/own", nil, "keys", "yes"),
		fresh(notices+"/own/test", nil),
		fresh(notices+"/recipients/new", nil, "recipient", "desk@{domain}", "keys", "yes"),
		fresh(notices+"/recipients/:id", haveRecipient, "keys", "yes", "domains", "yes"),
		fresh(notices+"/recipients/:id/test", haveRecipient),
		fresh(notices+"/recipients/:id/remove", haveRecipient),
		fresh(notices+"/mails/:delivery/redeliver", haveMail),
	}
}

func webhookRows() []*authorityRow {
	const hooks = "/security/notifications/webhooks"
	return []*authorityRow{
		fresh(hooks+"/new", nil, "url", "https://{domain}/hook", "key.created", "yes"),
		fresh(hooks+"/:id", haveWebhook, "url", "https://{domain}/other", "key.created", "yes"),
		fresh(hooks+"/:id/enable", func(t *testing.T, s *stage) {
			haveWebhook(t, s)
			s.post(t, s.fill("/panel"+hooks+"/:id/disable"))
		}),
		fresh(hooks+"/:id/disable", haveWebhook),
		fresh(hooks+"/:id/test", haveWebhook),
		fresh(hooks+"/:id/rotate", haveWebhook),
		fresh(hooks+"/:id/delete", haveWebhook),
		fresh(hooks+"/:id/deliveries/:delivery/redeliver", haveCall),
	}
}

func settingRows() []*authorityRow {
	reads := func(r *authorityRow) { r.reads = true }
	uploads := func(r *authorityRow) {
		r.header, r.body = http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, authorityLogoForm
	}
	return []*authorityRow{
		fresh("/domains/new", nil, append([]string{"name", "{domain}"}, authorityDomain...)...),
		fresh("/domains/:domain", haveDomain, append([]string{"display_name", "Other"}, authorityDomain...)...),
		fresh("/domains/:domain/metadata", haveDomain, "metadata", "customer: 4711"),
		with(signed("/domains/:domain/check", haveDomain), reads),
		with(signed("/domains/:domain/dns", haveDomain), reads),
		fresh("/domains/:domain/delete", haveDomain),
		fresh("/links/revoke-selected", func(t *testing.T, s *stage) {
			haveLink(t, s)
			s.ids["{link}"] = s.ids[":id"]
		}, "link3", "{link}"),
		fresh("/links/mail-selected", func(t *testing.T, s *stage) {
			haveLink(t, s)
			s.ids["{link}"] = s.ids[":id"]
		}, "link3", "{link}"),
		fresh("/mailbox", haveLink, "address", "jane@{domain}"),
		with(signed("/domains/new/find", nil, append([]string{"name", "{domain}"}, authorityDomain...)...), func(r *authorityRow) { r.reads, r.shows = true, true }),
		fresh("/domains/:domain/verify", havePending),
		operators("/domains/:domain/approve", havePending),
		fresh("/domains/:domain/revoke-links", haveLink),
		fresh("/branding", nil, "name", "Other", "color", "#0b6b62"),
		with(signed("/branding/preview", nil, "name", "Other"), func(r *authorityRow) { r.reads, r.shows = true, true }),
		with(fresh("/branding/logo", nil), uploads),
		fresh("/branding/logo/remove", haveLogo),
		fresh("/domains/:domain/branding", haveDomain, "name", "Other"),
		with(signed("/domains/:domain/branding/preview", haveDomain, "name", "Other"), func(r *authorityRow) { r.reads, r.shows = true, true }),
		with(fresh("/domains/:domain/branding/logo", haveDomain), uploads),
		fresh("/domains/:domain/branding/logo/remove", haveDomainLogo),
		fresh("/hosts", nil, "host", "mail.{domain}"),
		fresh("/hosts/withdraw", func(t *testing.T, s *stage) { s.post(t, "/panel/hosts", "host", "mail."+s.domain) }, "host", "mail.{domain}"),
		fresh("/policies/new", nil, authorityPolicy...),
		fresh("/policies/:id", havePolicy, append([]string{"alphanumeric", "yes"}, authorityPolicy...)...),
		fresh("/policies/:id/delete", havePolicy),
		fresh("/links/new", haveDomain, "address", "jane@{domain}", "expires", "24", "downloads", "5"),
		fresh("/links/:id/revoke", haveLink),
		fresh("/links/:id/revoke-mailbox", haveLink),
		fresh("/links/:id/mail", haveLink),
		fresh("/links/:id/metadata", haveLink, "metadata", "customer: 4711"),
	}
}

func batchRows() []*authorityRow {
	return []*authorityRow{
		with(signed("/batches/new", nil), func(r *authorityRow) {
			r.header, r.body = http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, authorityUpload
		}),
		fresh("/batches/:id/check", haveBatch("ready"), "platform", "mac", "output", "files", "variant", "mail"),
		fresh("/batches/:id/start", haveBatch("ready")),
		fresh("/batches/:id/cancel", haveBatch("ready")),
		fresh("/batches/:id/reissue", haveBatch("done")),
		fresh("/batches/:id/push", havePushable),
		fresh("/batches/:id/delete", haveBatch("ready")),
		fresh("/mdm/nanomdm", nil, "url", "https://mdm.{domain}", "key", "s3cret"),
		fresh("/mdm/nanomdm/rotate", haveNanoMDM),
		fresh("/mdm/nanomdm/disconnect", haveNanoMDM),
	}
}

func accessRows() []*authorityRow {
	return []*authorityRow{
		fresh("/keys/new", nil, "name", "Panel", "domains:read", "yes", "expires", "30"),
		fresh("/keys/:id", haveKey, "name", "Other"),
		fresh("/keys/:id/rotate", haveKey, "overlap", "24"),
		fresh("/keys/:id/revoke", haveKey),
		fresh("/keys/redirect/new", nil, "name", "Panel", "public_key", authorityPublicKey),
		fresh("/keys/redirect/:id", haveRedirect, "name", "Other"),
		fresh("/keys/redirect/:id/delete", haveRedirect),
		fresh("/members/invite", nil, "email", "new@{domain}", "role", "admin", "language", "en"),
		fresh("/members/settings", nil, "required", "yes"),
		fresh("/members/retention", nil, "retention_days", "90"),
		fresh("/members/invitations/:id/revoke", haveInvitation),
		fresh("/members/:id", haveMember, "role", "auditor"),
		fresh("/members/:id/remove", haveMember),
		operators("/certificate", nil, "certificates", authorityBundle(), "use", "yes"),
		operators("/certificate/renew", nil),
		operators("/accounts/new", nil, "name", "{domain}", "email", "first@{domain}", "language", "en"),
		operators("/accounts/:id", haveAccount, "name", "Other"),
		operators("/accounts/:id/suspend", haveAccount, "reason", "Unpaid"),
		operators("/accounts/:id/resume", func(t *testing.T, s *stage) {
			haveAccount(t, s)
			s.post(t, "/panel/accounts/"+s.target+"/suspend", "reason", "Unpaid")
		}, "reason", "Paid"),
		operators("/accounts/:id/open", haveAccount, "reason", "Asked for help", "changes", "yes"),
		with(operators("/accounts/leave", func(t *testing.T, s *stage) {
			haveAccount(t, s)
			s.visitAccount(t, s.target)
		}), func(r *authorityRow) { r.cases, r.harmless = "abceox", "f" }),
		operators("/accounts/:id/invitations/:invitation/again", func(t *testing.T, s *stage) {
			haveAccount(t, s)
			s.ids[":invitation"] = storetest.Column(t, s.world.database, `SELECT id FROM invitations WHERE account = '`+s.target+`'`)[0]
		}),
	}
}

// visitRows returns the rows for an operator who has opened an account for
// changes, with the ways to lose that permission.
func visitRows() []*authorityRow {
	needs := map[string]panel.Route{}
	for _, r := range slices.Concat((*access.Pages)(nil).Routes(), (*mail.Pages)(nil).Routes(), (*log.Pages)(nil).Routes(), (*brand.Pages)(nil).Routes()) {
		needs[r.Method+" "+panel.Prefix+r.Path] = r
	}
	var all []*authorityRow
	for _, row := range panelRows() {
		r := needs[row.method+" "+row.path]
		if r.Need != account.Look && r.Need != account.Change && !r.Here {
			continue
		}
		v := *row
		v.operates, v.visit, v.note, v.path = false, true, strings.TrimSpace("visited "+row.note), row.path+"?in={account}"
		v.cases, v.harmless = "aelox", ""
		if r.Need != account.Look {
			v.cases += "d" // a suspended account can still be viewed
		}
		if r.Rule == panel.Fresh {
			v.cases += "f"
		}
		all = append(all, &v)
	}
	return all
}

// visitAccount makes the actor open an account for changes.
func (s *stage) visitAccount(t *testing.T, id string) {
	t.Helper()
	a := s.server.As(s.actor).Post("/panel/accounts/"+id+"/open", "reason", "Asked for help", "changes", "yes")
	if a.Status != http.StatusSeeOther || !strings.Contains(a.Location(), "done=") {
		t.Fatalf("open %s: %d %s", id, a.Status, a.Body)
	}
}

// post sends a panel form as the stage's owner.
func (s *stage) post(t *testing.T, path string, fields ...string) servertest.Answer {
	t.Helper()
	m := s.server.As(s.owner)
	a := m.Post(path, fields...)
	switch to := a.Location(); {
	case strings.Contains(to, "once="):
		return m.Get(to)
	case a.Status != http.StatusSeeOther || !strings.Contains(to, "done="):
		t.Fatalf("%s: %d %s %s", path, a.Status, to, a.Body)
	}
	return a
}

// find stores the ID of the account's only row in a table.
func (s *stage) find(t *testing.T, names, table, where string) {
	t.Helper()
	found := storetest.Column(t, s.world.database, `SELECT id FROM `+table+` WHERE account = '`+s.account+`' AND `+where)
	if len(found) != 1 {
		t.Fatalf("%d %s of %s", len(found), table, s.domain)
	}
	s.ids[names] = found[0]
}

func haveDomain(t *testing.T, s *stage) {
	s.post(t, "/panel/domains/new", append([]string{"name", s.domain}, authorityDomain...)...)
	s.ids[":domain"] = s.domain
}

// havePending creates a domain that waits for its proof, which a trusted
// account doesn't need.
func havePending(t *testing.T, s *stage) {
	storetest.Exec(t, s.world.database, `INSERT INTO pending_domains (account, name, spec, created, updated) VALUES ('`+s.account+`', '`+s.domain+`',
		'{"Name":"`+s.domain+`","Incoming":"imap.example.com","Outgoing":"smtp.example.com"}', 0, 0)`)
	s.ids[":domain"] = s.domain
}

func havePolicy(t *testing.T, s *stage) {
	s.post(t, "/panel/policies/new", authorityPolicy...)
	s.find(t, ":id", "policies", "name = 'Phones'")
}

func haveLink(t *testing.T, s *stage) {
	haveDomain(t, s)
	s.post(t, "/panel/links/new", "address", "jane@"+s.domain, "expires", "24", "downloads", "5")
	s.find(t, ":id", "links", "domain <> ''")
}

// haveBatch uploads a list and puts the batch in the state. No job checks it,
// so the plan is that of a list whose domains have no settings.
func haveBatch(state string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		header := http.Header{"Content-Type": {"multipart/form-data; boundary=x"}, "Sec-Fetch-Site": {"same-origin"}}
		if a := s.server.As(s.owner).Do(http.MethodPost, "/panel/batches/new", header, s.fill(authorityUpload)); a.Status != http.StatusSeeOther {
			t.Fatalf("upload: %d %s", a.Status, a.Body)
		}
		s.find(t, ":id", "batches", "state = 'checking'")
		storetest.Exec(t, s.world.database, `UPDATE batches SET state = $1, plan = '{"read": 1, "rows": 1, "files": 1}', settings = $2 WHERE id = $3`,
			state, fmt.Sprintf("%x", sha256.Sum256(nil)), s.ids[":id"])
	}
}

func haveNanoMDM(t *testing.T, s *stage) {
	s.post(t, "/panel/mdm/nanomdm", "url", "https://mdm."+s.domain, "key", "s3cret")
}

// havePushable is haveBatch for a batch that can be sent to devices.
func havePushable(t *testing.T, s *stage) {
	haveNanoMDM(t, s)
	haveBatch("done")(t, s)
}

func haveKey(t *testing.T, s *stage) {
	s.post(t, "/panel/keys/new", "name", "Program", "domains:read", "yes", "expires", "30")
	s.find(t, ":id", "keys", "name = 'Program'")
}

func haveRedirect(t *testing.T, s *stage) {
	s.post(t, "/panel/keys/redirect/new", "name", "Panel", "public_key", authorityPublicKey)
	s.find(t, ":id", "redirect_keys", "name = 'Panel'")
}

func haveInvitation(t *testing.T, s *stage) {
	a := s.post(t, "/panel/members/invite", "email", "new@"+s.domain, "role", "admin", "language", "en")
	shown := s.server.Invitation(a)
	s.ids[":token"] = shown[strings.LastIndex(shown, "/")+1:]
	s.find(t, "{invitation}", "invitations", "email = 'new@"+s.domain+"'")
	s.ids[":id"] = s.ids["{invitation}"]
}

func haveRecipient(t *testing.T, s *stage) {
	s.post(t, "/panel/security/notifications/recipients/new", "recipient", "desk@"+s.domain, "keys", "yes")
	page := string(s.server.As(s.owner).Get("/panel/security/notifications").Body)
	_, rest, ok := strings.Cut(page, "/recipients/adr_")
	if !ok {
		t.Fatal("the page leads to no additional address")
	}
	s.ids[":id"] = "adr_" + rest[:strings.IndexAny(rest, `"/`)]
}

func haveMail(t *testing.T, s *stage) {
	s.post(t, "/panel/security/notifications/own/test")
	s.ended(t, "address = '"+s.owner.Email+"' AND type = 'test'")
}

func haveWebhook(t *testing.T, s *stage) {
	s.post(t, "/panel/security/notifications/webhooks/new", "url", "https://"+s.domain+"/hook", "key.created", "yes")
	s.find(t, ":id", "webhooks", "url <> ''")
}

func haveCall(t *testing.T, s *stage) {
	haveWebhook(t, s)
	s.post(t, s.fill("/panel/security/notifications/webhooks/:id/test"))
	s.ended(t, "webhook = '"+s.ids[":id"]+"'")
}

// ended marks a delivery as sent, and stores its ID.
func (s *stage) ended(t *testing.T, where string) {
	t.Helper()
	s.find(t, ":delivery", "deliveries", where)
	storetest.Exec(t, s.world.database, `UPDATE deliveries SET state = 'sent', tries = 1, ended = 1 WHERE id = $1`, s.ids[":delivery"])
}

func haveMember(t *testing.T, s *stage) {
	s.ids[":id"] = s.seeder.Member(s.account, "third@"+s.domain, account.Admin, false).Member
}

func haveAccount(t *testing.T, s *stage) {
	s.target = s.seeder.Account(s.domain)
	s.ids[":id"] = s.target
}

// haveStale gives the actor a session with an old second factor.
func haveStale(t *testing.T, s *stage) {
	s.actor = s.seeder.Session(s.actor, s.world.clock.Now().Add(-time.Hour))
}

// haveNoFactor gives the row another actor, without a second factor.
func haveNoFactor(t *testing.T, s *stage) {
	s.actor = s.seeder.Member(s.account, "plain@"+s.domain, account.Owner, false)
}

// code returns the code in the member's app when the end of the request is
// sent.
func (s *stage) code(m *servertest.Member) string { return m.CodeAt(m.Server.Now().Add(s.ahead)) }

// confirming returns a form with a code for a fresh second factor.
func confirming(fields ...string) func(*testing.T, *stage, *servertest.Server) string {
	return func(t *testing.T, s *stage, at *servertest.Server) string {
		return formOf(append(fields, "confirm_code", s.code(at.As(s.actor)))...)
	}
}

// newApp returns the form for a new authenticator app.
func newApp(t *testing.T, s *stage, at *servertest.Server) string {
	m := at.As(s.actor)
	setup := m.NewApp()
	return formOf("setup", setup, "code", s.code(m))
}

// havePasskey gives the actor a passkey.
func havePasskey(t *testing.T, s *stage) {
	body := ceremony("/panel/security/sign-in/passkey/begin", (*authenticator).create)(t, s, s.server)
	a := s.ask(s.server, "/panel/security/sign-in/passkey/finish", body)
	if a.Status != http.StatusOK {
		t.Fatalf("passkey: %d %s", a.Status, a.Body)
	}
	found := storetest.Column(t, s.world.database, `SELECT id FROM passkeys WHERE member = '`+s.actor.Member+`'`)
	s.ids[":id"] = found[0]
}

// ask sends a request like the panel's script.
func (s *stage) ask(at *servertest.Server, path, body string) servertest.Answer {
	return at.As(s.actor).Do(http.MethodPost, path, http.Header{"Content-Type": {"application/json"}, "Sec-Fetch-Site": {"same-origin"}}, body)
}

// ceremony starts a passkey ceremony and returns what the browser then sends.
func ceremony(begin string, answer func(*authenticator, testing.TB, []byte) []byte) func(*testing.T, *stage, *servertest.Server) string {
	return func(t *testing.T, s *stage, at *servertest.Server) string {
		t.Helper()
		a := s.ask(at, begin, "{}")
		var began struct {
			Ceremony string
			Options  json.RawMessage
		}
		if err := json.Unmarshal(a.Body, &began); err != nil || a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", begin, a.Status, a.Body)
		}
		if s.device == nil {
			s.device = newAuthenticator(t, authorityBase)
		}
		body, err := json.Marshal(map[string]any{"ceremony": began.Ceremony, "response": json.RawMessage(answer(s.device, t, began.Options)), "name": "Phone"})
		must(t, err)
		return string(body)
	}
}
