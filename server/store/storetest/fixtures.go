package storetest

import (
	"context"
	"errors"
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
)

// Start is when the fixtures are created.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)

// NewDomain returns a domain of the default account that offers the secure
// variant.
func NewDomain(name string) settings.Domain {
	return settings.Domain{
		ID: "dom_" + name, Account: account.Default, Name: name, Policy: settings.Offered,
		Service: settings.MailService{
			Incoming: profile.Server{Host: "imap." + name, Port: 993},
			Outgoing: profile.Server{Host: "smtp." + name, Port: 587, STARTTLS: true},
		},
		DevicePolicy: profile.DefaultPasscode(), Login: settings.AddressLogin, Platforms: settings.Platforms(),
		Created: Start, Updated: Start,
	}
}

// NewPolicy returns a policy of the default account that differs from the
// standard one in every rule.
func NewPolicy(name string) settings.Policy {
	return settings.Policy{
		ID: "pol_" + name, Account: account.Default, Name: name, Created: Start, Updated: Start,
		Passcode: profile.Passcode{
			MinLength: 8, MaxFailedAttempts: 7, ResetAfter: 20 * time.Minute, AutoLock: 2 * time.Minute, Grace: time.Minute,
			MinComplex: 1, Alphanumeric: true, MaxAgeDays: 90, History: 4,
		},
	}
}

// NewLink returns a link for a mailbox of example.com, with that ID.
func NewLink(id string) setup.Link {
	return setup.Link{
		ID: id, Account: account.Default, Domain: "example.com", Address: "Ann@example.com",
		Name: "Ann Ödegård", Login: "ann", Locale: "sv", Created: Start, Expires: Start.Add(time.Hour), MaxDownloads: 3, Test: true,
	}
}

// NewTicket returns a ticket for the link, with that ID.
func NewTicket(id, link string) setup.Ticket {
	return setup.Ticket{
		ID: id, Link: link, Variant: settings.Secure, Platform: profile.IPhone,
		Created: Start, Expires: Start.Add(10 * time.Minute), MaxFetches: 5,
	}
}

// By grants the actor of [Action] all permissions.
var By = As(Action("", "").Actor)

// As grants the actor all permissions.
func As(who audit.Actor) audit.Grant { return audit.Grant{Kind: audit.ProgramGrant, Actor: who} }

// Action returns an action of a visitor in the default account.
func Action(name audit.Name, target string) audit.Action {
	return audit.Action{
		Account: account.Default, Name: name, Outcome: audit.Done,
		Actor:  audit.Actor{Kind: audit.Visitor, IP: "192.0.2.7", Client: "iPhone", Interface: audit.Page, Request: "req_1"},
		Target: audit.Target{Kind: audit.LinkTarget, ID: target, Name: "Ann@example.com"},
		Link:   target,
	}
}

// Record stores a with the authority of its own actor.
func Record(ctx context.Context, s *store.Store, a audit.Action) error {
	return s.Record(ctx, As(a.Actor), a)
}

// WithDomain stores the domain example.com, which leaves one action.
func WithDomain(t testing.TB, s *store.Store) {
	t.Helper()
	Must(t, s.SetDomain(t.Context(), By, NewDomain("example.com"), Action("", "")))
}

// WithPolicy stores the policy.
func WithPolicy(t testing.TB, s *store.Store, p settings.Policy) {
	t.Helper()
	Must(t, s.CreatePolicy(t.Context(), By, p, Action(audit.PolicyCreate, p.ID)))
}

// SecondAccount creates the account acc_2, which has its own log.
func SecondAccount(t testing.TB, database string) {
	t.Helper()
	Exec(t, database, `INSERT INTO accounts (id, name, created) VALUES ('acc_2', 'Two', 0)`)
	Exec(t, database, `INSERT INTO logs (account, size, latest) VALUES ('acc_2', 0, 0)`)
}

// WithLink stores the link and its domain.
func WithLink(t testing.TB, s *store.Store, l setup.Link) {
	t.Helper()
	WithDomain(t, s)
	Must(t, s.CreateLink(t.Context(), By, l, nil, Action(audit.LinkCreate, l.ID)))
}

// WithTicket stores the ticket, its link and their domain.
func WithTicket(t testing.TB, s *store.Store, l setup.Link, k setup.Ticket) {
	t.Helper()
	WithLink(t, s, l)
	Must(t, s.CreateTicket(t.Context(), By, k, Action(audit.LinkOpen, l.ID)))
}

// Must fails the test if there is an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// WantFault fails the test if err is not a fault with the code.
func WantFault(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("got %v, want the fault %s", err, code)
	}
}

// WantUnchanged runs fn and fails if that changes the database.
func WantUnchanged(t testing.TB, database string, fn func()) {
	t.Helper()
	before := Fingerprint(t, database)
	fn()
	if Fingerprint(t, database) != before {
		t.Errorf("something was kept:\n%s", Dump(t, database))
	}
}

// LinkOf returns the link as it is stored.
func LinkOf(t testing.TB, s *store.Store, id string) setup.Link {
	t.Helper()
	l, err := s.Link(t.Context(), id)
	Must(t, err)
	return l
}

// Entries returns the whole log of the default account and fails if its
// sequence has a gap.
func Entries(t testing.TB, s *store.Store) []audit.Record {
	t.Helper()
	records, err := s.Actions(t.Context(), account.Default, 0, 1<<20)
	Must(t, err)
	for i, r := range records {
		if r.Seq != int64(i+1) {
			t.Fatalf("entry %d of the log has the sequence number %d", i+1, r.Seq)
		}
	}
	return records
}

// Race calls fn n times at once, every second time with the second of two
// stores on the database, and returns the number of calls without an error.
// All other calls must fail with the code.
func Race(t testing.TB, database string, n int, code fault.Code, fn func(s *store.Store, i int) error) (succeeded int) {
	t.Helper()
	return RaceWith(t, database, n, fn, code)
}

// RaceWith is Race with several codes.
func RaceWith(t testing.TB, database string, n int, fn func(s *store.Store, i int) error, codes ...fault.Code) (succeeded int) {
	t.Helper()
	stores := [2]*store.Store{Open(t, store.Config{Database: database}), Open(t, store.Config{Database: database})}
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

// Await waits until done returns true.
func Await(t testing.TB, done func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited for too long")
		}
	}
}

// PublicKey returns the public key with which LogKey signs the default
// account's log.
func PublicKey(t testing.TB) string {
	t.Helper()
	key, err := audit.NewLogKey(LogKey)
	Must(t, err)
	public, err := key.Public(account.Default)
	Must(t, err)
	return public
}

// Verify checks the log of the default account.
func Verify(t *testing.T, s *store.Store, known ...audit.Known) error {
	t.Helper()
	_, err := audit.Verify(t.Context(), s, account.Default, PublicKey(t), known...)
	return err
}

// Due returns what retention removes from the log now. So many days after the
// log's last action, that is its first day.
func Due(t *testing.T, s *store.Store, clock *Clock) audit.Retention {
	t.Helper()
	report, err := audit.Verify(t.Context(), s, account.Default, PublicKey(t))
	Must(t, err)
	r, ok := report.Retention(clock.Now())
	if !ok {
		t.Fatal("there is nothing to remove")
	}
	return r
}
