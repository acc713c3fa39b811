package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// start is when the links and tickets of these tests are made.
var start = time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)

func newDomain(name string) settings.Domain {
	return settings.Domain{
		ID: "dom_" + name, Account: account.Default, Name: name, Policy: settings.Offered,
		Service: settings.MailService{
			Incoming: profile.Server{Host: "imap." + name, Port: 993},
			Outgoing: profile.Server{Host: "smtp." + name, Port: 587, STARTTLS: true},
		},
		DevicePolicy: profile.DefaultPasscode(), Login: settings.AddressLogin, Platforms: settings.Platforms(),
		Created: start, Updated: start,
	}
}

// newPolicy is a policy of the default account that differs from the standard
// one in every rule.
func newPolicy(name string) settings.Policy {
	return settings.Policy{
		ID: "pol_" + name, Account: account.Default, Name: name, Created: start, Updated: start,
		Passcode: profile.Passcode{
			MinLength: 8, MaxFailedAttempts: 7, ResetAfter: 20 * time.Minute, AutoLock: 2 * time.Minute, Grace: time.Minute,
			MinComplex: 1, Alphanumeric: true, MaxAgeDays: 90, History: 4,
		},
	}
}

func newLink(id string) setup.Link {
	return setup.Link{
		ID: id, Account: account.Default, Domain: "example.com", Address: "Ann@example.com",
		Name: "Ann Ödegård", Login: "ann", Locale: "sv", Created: start, Expires: start.Add(time.Hour), MaxDownloads: 3, Test: true,
	}
}

func newTicket(id, link string) setup.Ticket {
	return setup.Ticket{
		ID: id, Link: link, Variant: settings.Secure, Platform: profile.IPhone,
		Created: start, Expires: start.Add(10 * time.Minute), MaxFetches: 5,
	}
}

// by entitles the actor of action to everything. What a grant must be is the
// subject of grant_test.go.
var by = as(action("", "").Actor)

// as entitles the actor to everything.
func as(who audit.Actor) audit.Grant { return audit.Grant{Kind: audit.ProgramGrant, Actor: who} }

func action(name audit.Name, target string) audit.Action {
	return audit.Action{
		Account: account.Default, Name: name, Outcome: audit.Done,
		Actor:  audit.Actor{Kind: audit.Visitor, IP: "192.0.2.7", Client: "iPhone", Interface: audit.Page, Request: "req_1"},
		Target: audit.Target{Kind: audit.LinkTarget, ID: target, Name: "Ann@example.com"},
		Link:   target,
	}
}

// record keeps a by its own actor.
func record(ctx context.Context, s *store.Store, a audit.Action) error {
	return s.Record(ctx, as(a.Actor), a)
}

// withDomain keeps the domain example.com, which leaves one action.
func withDomain(t *testing.T, s *store.Store) {
	t.Helper()
	must(t, s.SetDomain(t.Context(), by, newDomain("example.com"), action("", "")))
}

func withPolicy(t *testing.T, s *store.Store, p settings.Policy) {
	t.Helper()
	must(t, s.CreatePolicy(t.Context(), by, p, action(audit.PolicyCreate, p.ID)))
}

// secondAccount makes the account acc_2, which has its own log.
func secondAccount(t *testing.T, database string) {
	t.Helper()
	storetest.Exec(t, database, `INSERT INTO accounts (id, name, created) VALUES ('acc_2', 'Two', 0)`)
	storetest.Exec(t, database, `INSERT INTO logs (account, size, latest) VALUES ('acc_2', 0, 0)`)
}

func withLink(t *testing.T, s *store.Store, l setup.Link) {
	t.Helper()
	withDomain(t, s)
	must(t, s.CreateLink(t.Context(), by, l, nil, action(audit.LinkCreate, l.ID)))
}

func withTicket(t *testing.T, s *store.Store, l setup.Link, k setup.Ticket) {
	t.Helper()
	withLink(t, s, l)
	must(t, s.CreateTicket(t.Context(), by, k, action(audit.LinkOpen, l.ID)))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantFault(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("got %v, want the fault %s", err, code)
	}
}

// wantUnchanged runs fn and fails if the database holds anything else then.
func wantUnchanged(t *testing.T, database string, fn func()) {
	t.Helper()
	before := storetest.Fingerprint(t, database)
	fn()
	if storetest.Fingerprint(t, database) != before {
		t.Errorf("something was kept:\n%s", storetest.Dump(t, database))
	}
}

func linkOf(t *testing.T, s *store.Store, id string) setup.Link {
	t.Helper()
	l, err := s.Link(t.Context(), id)
	must(t, err)
	return l
}

// actions returns the whole log of the default account and fails if its
// sequence has a gap.
func actions(t *testing.T, s *store.Store) []audit.Record {
	t.Helper()
	records, err := s.Actions(t.Context(), account.Default, 0, 1<<20)
	must(t, err)
	for i, r := range records {
		if r.Seq != int64(i+1) {
			t.Fatalf("entry %d of the log has the sequence number %d", i+1, r.Seq)
		}
	}
	return records
}

// race calls fn n times at once, every second time with the second of two
// stores on the database, and returns how many calls had no error. Each other
// call must fail with the code.
func race(t *testing.T, database string, n int, code fault.Code, fn func(s *store.Store, i int) error) (succeeded int) {
	t.Helper()
	return raced(t, database, n, fn, code)
}

// raced is race with several codes.
func raced(t *testing.T, database string, n int, fn func(s *store.Store, i int) error, codes ...fault.Code) (succeeded int) {
	t.Helper()
	stores := [2]*store.Store{storetest.Open(t, store.Config{Database: database}), storetest.Open(t, store.Config{Database: database})}
	errs := make([]error, n)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-begin
			errs[i] = fn(stores[i%2], i)
		})
	}
	close(begin)
	wg.Wait()
	var others []error
	for _, err := range errs {
		switch {
		case err == nil:
			succeeded++
		case !slices.ContainsFunc(codes, func(code fault.Code) bool { return fault.Is(err, code) }):
			others = append(others, err)
		}
	}
	if len(others) > 0 {
		t.Fatalf("%d calls failed in another way than %v: %v", len(others), codes, errors.Join(others[:min(3, len(others))]...))
	}
	return succeeded
}

func id(kind string, i int) string { return fmt.Sprintf("%s_%d", kind, i) }
