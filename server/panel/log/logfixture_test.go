package log_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

const logPath = "/panel/security/log"

// A ledger is an installation with known actions in its first account, a
// minute apart. Each has a letter, with which its request ID ends.
type ledger struct {
	*servertest.Server
	t               *testing.T
	clock           *storetest.Clock
	database        string
	owner, customer *servertest.Member
	store           *store.Store
	auditor         *servertest.Member
	since           time.Time // just before the first of the actions
}

func newLedger(t *testing.T, database string) *ledger {
	t.Helper()
	l := &ledger{t: t, clock: storetest.NewClock(), database: database}
	l.Server = servertest.New(t, database, func(c *server.Config) { c.Now = l.clock.Now })
	l.owner = l.Owner("olga@example.com")
	l.customer = l.owner.Customer("Shop", "carl@example.net")
	l.auditor = l.owner.Invite("anna@example.com", "auditor")
	l.store = storetest.Open(t, store.Config{Database: database, Now: l.clock.Now})
	l.since = l.clock.Move(time.Hour)
	for _, letter := range "abcdefgh" {
		l.clock.Move(time.Minute)
		l.record(string(letter), ledgerActions[string(letter)])
	}
	l.clock.Move(time.Minute)
	for _, m := range []*servertest.Member{l.owner, l.customer, l.auditor} {
		if a := m.SignIn(); a.Status != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", m.Email, a.Status, a.Body)
		}
	}
	return l
}

// record stores an action in the first account under the letter.
func (l *ledger) record(letter string, a audit.Action) {
	l.t.Helper()
	if a.Account == "" {
		a.Account = account.Default
	}
	if a.Outcome == "" {
		a.Outcome = audit.Done
	}
	a.Actor.Request = "req_test_" + letter
	if err := l.store.Record(l.t.Context(), audit.Grant{Kind: audit.ProgramGrant, Actor: a.Actor}, a); err != nil {
		l.t.Fatal(err)
	}
}

const (
	mariaID, peterID = "mem_aaaaaaaaaaaaaaaa", "mem_bbbbbbbbbbbbbbbb"
	domainID, linkID = "dom_aaaaaaaaaaaaaaaa", "lnk_aaaaaaaaaaaaaaaa"
)

var profileHash = strings.Repeat("ab", 32)

var ledgerActions = map[string]audit.Action{
	"a": {Name: audit.DomainUpdate, Actor: audit.Actor{Kind: audit.Member, ID: mariaID, Name: "maria@example.com", IP: "192.0.2.7", Interface: audit.Panel},
		Target: audit.Target{Kind: audit.DomainTarget, ID: domainID, Name: "example.com"}, Domain: "example.com",
		Changes: []audit.Change{{Field: "incoming", Old: "imap.old.example:993", New: "imap.new.example:993"}}},
	"b": {Name: audit.ProfileDownload, Actor: audit.Actor{Kind: audit.Visitor, IP: "192.0.2.77", Client: "iPhone, Safari", Interface: audit.Page},
		Target: audit.Target{Kind: audit.TicketTarget, ID: "tkt_aaaaaaaaaaaaaaaa", Name: "Jane@example.com"},
		Link:   linkID, Profile: profileHash, Domain: "example.com", Mailbox: "jane@example.com"},
	"c": {Name: audit.LinkOpen, Actor: audit.Actor{Kind: audit.Visitor, IP: "2001:db8::1", Interface: audit.Page},
		Target: audit.Target{Kind: audit.LinkTarget, ID: linkID, Name: "ann@example.org"}, Link: linkID, Domain: "example.org", Mailbox: "ann@example.org"},
	"d": {Name: audit.KeyCreate, Actor: audit.Actor{Kind: audit.KeyActor, ID: "key_aaaaaaaaaaaaaaaa", Name: "Portal <b>", IP: "198.51.100.1", Interface: audit.API},
		Target: audit.Target{Kind: audit.KeyTarget, ID: "key_bbbbbbbbbbbbbbbb", Name: "Shop"}},
	"e": {Name: audit.MemberSignIn, Outcome: audit.Refused, Reason: "sign_in_refused", Actor: audit.Actor{Kind: audit.Visitor, IP: "2001:db8:0:1::1", Interface: audit.Panel},
		Target: audit.Target{Kind: audit.MemberTarget, ID: mariaID, Name: "maria@example.com"}},
	"f": {Name: audit.PolicyUpdate, Actor: audit.ByOperator().Actor,
		Target: audit.Target{Kind: audit.PolicyTarget, ID: "pol_aaaaaaaaaaaaaaaa", Name: "Phones"}, Changes: []audit.Change{{Field: "name", Old: "Handys", New: "Phönes"}}},
	"g": {Name: audit.IdentityChange, Actor: audit.Actor{Kind: audit.System}, Target: audit.Target{Kind: audit.IdentityTarget, Name: "CN=setup"}},
	"h": {Name: audit.DomainDelete, Actor: audit.Actor{Kind: audit.Member, ID: peterID, Name: "peter@example.com", IP: "192.0.2.8", Interface: audit.Panel},
		Target: audit.Target{Kind: audit.DomainTarget, ID: domainID, Name: "example.com"}, Domain: "example.com"},
}

var (
	ledgerMark = regexp.MustCompile(`req_test_(\w+)`)
	entryRow   = regexp.MustCompile(`<tr class="entry">`)
)

// letters returns the known actions on a page, newest first, and "?" for each
// other entry.
func letters(body []byte) string {
	var all []string
	for _, m := range ledgerMark.FindAllSubmatch(body, -1) {
		all = append(all, string(m[1]))
	}
	return strings.Join(all, "") + strings.Repeat("?", len(entryRow.FindAll(body, -1))-len(all))
}

// look returns the page of the filter, given as alternating names and values.
func (l *ledger) look(m *servertest.Member, fields ...string) servertest.Answer {
	l.t.Helper()
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return m.Get(logPath + "?" + values.Encode())
}
