package settings_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

var now = time.UnixMilli(1_000_000).UTC()

func clock() time.Time { return now }

// who is the actor in these tests.
var who = audit.Grant{Kind: audit.ProgramGrant, Actor: audit.Actor{Kind: audit.Member, ID: "mem_1"}}

// A fake stores domains and policies in maps, and records the actions.
type fake struct {
	mu       sync.Mutex
	domains  map[string]settings.Domain
	policies map[string]settings.Policy
	trusted  map[string]bool
	pending  map[string]settings.Pending // by account and name
	actions  []audit.Action
}

func newFake() *fake {
	return &fake{domains: map[string]settings.Domain{}, policies: map[string]settings.Policy{}, trusted: map[string]bool{"acc_1": true}, pending: map[string]settings.Pending{}}
}

func (f *fake) keep(a audit.Action, change func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	f.actions = append(f.actions, a)
	return nil
}

func (f *fake) Domain(_ context.Context, name string) (settings.Domain, error) {
	d, ok := f.domains[name]
	if !ok {
		return d, fault.New(fault.NotFound, "There is no such domain.")
	}
	d.DevicePolicy = profile.DefaultPasscode()
	return d, nil
}

func (f *fake) ChangeDomain(_ context.Context, _ audit.Grant, d settings.Domain, change func(settings.Domain) (settings.Domain, error), a audit.Action) error {
	d, err := change(f.domains[d.Name])
	if err != nil {
		return err
	}
	return f.keep(a, func() { f.domains[d.Name] = d })
}

func (f *fake) CreateDomain(_ context.Context, _ audit.Grant, d settings.Domain, a audit.Action) error {
	return f.keep(a, func() { f.domains[d.Name] = d })
}

func (f *fake) DeleteDomain(_ context.Context, _ audit.Grant, _, name string, _ func(settings.Domain) error, a audit.Action) error {
	return f.keep(a, func() { delete(f.domains, name) })
}

func (f *fake) Domains(context.Context, string) ([]settings.Domain, error) { return nil, nil }

func (f *fake) DomainsPart(context.Context, settings.Filter) ([]settings.Domain, error) {
	return nil, nil
}

func (f *fake) Trusted(_ context.Context, account string) (bool, error) {
	return f.trusted[account], nil
}

func (f *fake) Policies(context.Context, string) ([]settings.Policy, error) {
	var all []settings.Policy
	for _, p := range f.policies {
		all = append(all, p)
	}
	return all, nil
}

func (f *fake) Policy(_ context.Context, account, id string) (settings.Policy, error) {
	p, ok := f.policies[id]
	if !ok || p.Account != account {
		return settings.Policy{}, fault.New(fault.NotFound, "There is no such policy.")
	}
	return p, nil
}

func (f *fake) StandardDomains(context.Context, string) ([]string, error) {
	return []string{"example.com"}, nil
}

func (f *fake) CreatePolicy(_ context.Context, _ audit.Grant, p settings.Policy, a audit.Action) error {
	return f.keep(a, func() { f.policies[p.ID] = p })
}

func (f *fake) ChangePolicy(ctx context.Context, by audit.Grant, _, id string, change func(settings.Policy) (settings.Policy, error), a audit.Action) error {
	p, err := change(f.policies[id])
	if err != nil {
		return err
	}
	return f.CreatePolicy(ctx, by, p, a)
}

func (f *fake) DeletePolicy(_ context.Context, _ audit.Grant, _, id string, _ func(settings.Policy) error, a audit.Action) error {
	return f.keep(a, func() { delete(f.policies, id) })
}

func (f *fake) PendingDomains(context.Context, string) ([]settings.Pending, error) {
	var all []settings.Pending
	for _, p := range f.pending {
		all = append(all, p)
	}
	return all, nil
}

func (f *fake) PendingDomain(_ context.Context, account, name string) (settings.Pending, error) {
	p, ok := f.pending[account+" "+name]
	if !ok {
		return p, fault.New(fault.NotFound, "There is no such domain.")
	}
	return p, nil
}

func (f *fake) KeepPending(_ context.Context, _ audit.Grant, p settings.Pending, a audit.Action) error {
	return f.keep(a, func() { f.pending[p.Account+" "+p.Name] = p })
}

func (f *fake) DeletePending(_ context.Context, _ audit.Grant, account, name string, a audit.Action) error {
	return f.keep(a, func() { delete(f.pending, account+" "+name) })
}

// A prover returns fixed answers.
type prover struct {
	ok    bool
	err   error
	asked []string
}

func (p *prover) Record(account, domain string) (name, value string) {
	return "_x." + domain, "value of " + account
}

func (p *prover) Proves(_ context.Context, account, domain string) (bool, error) {
	p.asked = append(p.asked, account+" "+domain)
	return p.ok, p.err
}

func (p *prover) Published(context.Context, string, string) settings.Published {
	return settings.Published{Texts: []string{"something else"}}
}

// fieldsOf returns the fields at fault, each with its code.
func fieldsOf(err error) []string {
	var out []string
	for _, f := range fault.All(err) {
		out = append(out, f.Field+" "+string(f.Code))
	}
	return out
}

func goodSpec() settings.DomainSpec {
	return settings.DomainSpec{Name: "example.com", Incoming: "imap.example.com", Outgoing: "smtp.example.com"}
}

func TestDomainSpec(t *testing.T) {
	f := newFake()
	domains := settings.NewDomains(f, &prover{}, clock)
	spec := goodSpec()
	spec.PolicyID, spec.DisplayName, spec.HelpText = settings.StandardPolicy, " Example Mail ", "Call us:\r\n030 123456\n"
	spec.SignInHint, spec.Platforms = "The one for webmail.", []string{"mac", "iphone", "mac"}
	spec.Calendars, spec.Contacts = "CAL.example.com", "card.example.com:8443"
	d, err := domains.Create(t.Context(), who, "acc_1", spec)
	if err != nil {
		t.Fatal(err)
	}
	if d.PolicyID != "" || d.DisplayName != "Example Mail" || d.HelpText != "Call us:\n030 123456" || d.SignInHint != spec.SignInHint ||
		d.Login != settings.AddressLogin || !slices.Equal(d.Platforms, settings.Platforms()) || d.Policy != settings.Off {
		t.Errorf("got %+v", d)
	}
	calendars, contacts := profile.DAVServer{Host: "cal.example.com", Port: 443}, profile.DAVServer{Host: "card.example.com", Port: 8443}
	if d.Service.Calendars != calendars || d.Service.Contacts != contacts {
		t.Errorf("got %+v", d.Service)
	}
	if d.DevicePolicy != profile.DefaultPasscode() {
		t.Error("the domain came back without its policy")
	}
	again, err := domains.Update(t.Context(), who, "acc_1", "EXAMPLE.com", goodSpec())
	if err != nil || again.DisplayName != "" || again.Service.Calendars != (profile.DAVServer{}) || !again.Service.Contacts.IsZero() || again.ID != d.ID || len(f.actions) != 2 {
		t.Errorf("%+v, %v, %d actions", again, err, len(f.actions))
	}
}

func TestDomainSpecRefuses(t *testing.T) {
	f := newFake()
	domains := settings.NewDomains(f, &prover{}, clock)
	_, err := domains.Create(t.Context(), who, "acc_1", settings.DomainSpec{
		Name: "nowhere", Incoming: "imap.example.com:143", Outgoing: "smtp.example.com:25", Policy: "maybe", PolicyID: "a\x00b",
		DisplayName: "a\nb", HelpText: "a\x07b", SignInHint: "a\u202eb", Login: "other", Platforms: []string{"mac", "watch", "tv"},
	})
	want := []string{"name invalid", "imap invalid", "smtp invalid", "policy invalid", "policy_id policy_unknown", "display_name invalid",
		"help_text invalid", "sign_in_hint invalid", "login invalid", "platforms platform_unknown"}
	if got := fieldsOf(err); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	bad := map[string]func(*settings.DomainSpec){
		"caldav":       func(s *settings.DomainSpec) { s.Calendars = "https://cal.example.com/" },
		"carddav":      func(s *settings.DomainSpec) { s.Contacts = "card.example.com:80" },
		"display_name": func(s *settings.DomainSpec) { s.DisplayName = strings.Repeat("é", 65) },
		"help_text":    func(s *settings.DomainSpec) { s.HelpText = strings.Repeat("é", 501) },
		"sign_in_hint": func(s *settings.DomainSpec) { s.SignInHint = "\ue000" },
		"policy_id":    func(s *settings.DomainSpec) { s.PolicyID = strings.Repeat("x", 41) },
	}
	for field, change := range bad {
		spec := goodSpec()
		change(&spec)
		if _, err := domains.Create(t.Context(), who, "acc_1", spec); len(fieldsOf(err)) != 1 || fault.Of(err).Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if len(f.domains) != 0 || len(f.actions) != 0 {
		t.Error("something was kept")
	}
	longest := goodSpec()
	longest.DisplayName, longest.HelpText = strings.Repeat("é", 64), strings.Repeat("é\n", 249)+"éé"
	longest.SignInHint = strings.Repeat("é", 200)
	if _, err := domains.Create(t.Context(), who, "acc_1", longest); err != nil {
		t.Error(err)
	}
}

// TestCreateNeedsProof checks that creating a domain needs proof, and only for
// untrusted accounts.
func TestCreateNeedsProof(t *testing.T) {
	f := newFake()
	p := &prover{}
	domains := settings.NewDomains(f, p, clock)
	create := func(account string) error {
		_, err := domains.Create(t.Context(), who, account, goodSpec())
		return err
	}
	for _, p.err = range []error{nil, errors.New("no such host")} {
		err := create("acc_2")
		f := fault.Of(err)
		if !fault.Is(err, fault.DomainUnproven) || f.Field != "name" || f.Detail != "Publish the TXT record _x.example.com with the value value of acc_2, then try again." {
			t.Errorf("%v: %v", p.err, err)
		}
	}
	if len(f.domains) != 0 || !slices.Equal(p.asked, []string{"acc_2 example.com", "acc_2 example.com"}) {
		t.Errorf("%d domains; asked for %q", len(f.domains), p.asked)
	}
	bad := goodSpec()
	bad.Incoming = ""
	if _, err := domains.Create(t.Context(), who, "acc_2", bad); !slices.Equal(fieldsOf(err), []string{"imap invalid"}) || len(p.asked) != 2 {
		t.Errorf("%v; asked for %q", err, p.asked)
	}
	p.ok, p.err = true, nil
	if err := create("acc_2"); err != nil || len(f.domains) != 1 {
		t.Errorf("with proof: %v", err)
	}
	p.ok = false
	if _, err := domains.Update(t.Context(), who, "acc_2", "example.com", goodSpec()); err != nil {
		t.Errorf("an update: %v", err)
	}
	asked := len(p.asked)
	if err := create("acc_1"); err != nil {
		t.Errorf("a trusted account: %v", err)
	}
	if _, err := domains.CreateApproved(t.Context(), who, "acc_2", goodSpec()); err != nil || len(p.asked) != asked {
		t.Errorf("approved: %v; asked for %q", err, p.asked[asked:])
	}
	if name, value := domains.Proof("acc_2", "example.com"); name != "_x.example.com" || value != "value of acc_2" {
		t.Errorf("the proof is %s %s", name, value)
	}
}

// TestPending checks that a domain stays pending until the DNS proves its
// ownership, and keeps what is entered meanwhile.
func TestPending(t *testing.T) {
	f, p := newFake(), &prover{}
	domains := settings.NewDomains(f, p, clock)
	if d, pending, err := domains.Add(t.Context(), who, "acc_1", goodSpec()); err != nil || pending || f.domains["example.com"].ID != d.ID {
		t.Fatalf("a trusted account: %v %v", pending, err)
	}
	delete(f.domains, "example.com")
	spec := goodSpec()
	spec.DisplayName = "Shop"
	d, pending, err := domains.Add(t.Context(), who, "acc_2", spec)
	if err != nil || !pending || d.Name != "example.com" || len(f.domains) != 0 {
		t.Fatalf("%+v %v %v", d, pending, err)
	}
	if _, err := domains.GetPending(t.Context(), "acc_1", "example.com"); !fault.Is(err, fault.NotFound) {
		t.Errorf("another account's: %v", err)
	}
	_, published, err := domains.Verify(t.Context(), who, "acc_2", "EXAMPLE.com")
	if !fault.Is(err, fault.DomainUnproven) || len(published.Texts) != 1 || len(f.domains) != 0 {
		t.Errorf("%+v %v", published, err)
	}
	spec.DisplayName = "Shop Ltd"
	if err := domains.UpdatePending(t.Context(), who, "acc_2", "example.com", spec); err != nil || f.pending["acc_2 example.com"].Domain().DisplayName != "Shop Ltd" {
		t.Errorf("%v", err)
	}
	bad := spec
	bad.Incoming = "imap.example.com:25"
	if err := domains.UpdatePending(t.Context(), who, "acc_2", "example.com", bad); !slices.Equal(fieldsOf(err), []string{"imap invalid"}) {
		t.Errorf("%v", err)
	}
	p.ok = true
	if d, _, err := domains.Verify(t.Context(), who, "acc_2", "example.com"); err != nil || d.DisplayName != "Shop Ltd" {
		t.Errorf("%+v %v", d, err)
	}
}
