package store_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// using returns a domain with the policy.
func using(name, policy string) settings.Domain {
	d := newDomain(name)
	d.PolicyID = policy
	return d
}

func TestPolicies(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		secondAccount(t, database)
		strict, loose := newPolicy("strict"), newPolicy("loose")
		withPolicy(t, s, strict)
		withPolicy(t, s, loose)
		for name, policy := range map[string]string{"b.example": strict.ID, "a.example": strict.ID, "c.example": ""} {
			must(t, s.CreateDomain(t.Context(), by, using(name, policy), action(audit.DomainCreate, name)))
		}
		strict.Domains = []string{"a.example", "b.example"}
		all, err := s.Policies(t.Context(), account.Default)
		must(t, err)
		if want := []settings.Policy{loose, strict}; !reflect.DeepEqual(all, want) {
			t.Errorf("got  %+v\nwant %+v", all, want)
		}
		got, err := s.Policy(t.Context(), account.Default, strict.ID)
		must(t, err)
		if !reflect.DeepEqual(got, strict) {
			t.Errorf("got  %+v\nwant %+v", got, strict)
		}
		names, err := s.StandardDomains(t.Context(), account.Default)
		must(t, err)
		if !reflect.DeepEqual(names, []string{"c.example"}) {
			t.Errorf("the standard policy is used by %q", names)
		}
		if others, err := s.Policies(t.Context(), "acc_2"); err != nil || len(others) != 0 {
			t.Errorf("another account has %v, %v", others, err)
		}
		_, err = s.Policy(t.Context(), "acc_2", strict.ID)
		wantFault(t, err, fault.NotFound)
		_, err = s.Policy(t.Context(), account.Default, "pol_none")
		wantFault(t, err, fault.NotFound)
	})
}

// wantPolicyChanges checks the changes of the latest action.
func wantPolicyChanges(t *testing.T, s *store.Store, name audit.Name, want []audit.Change) {
	t.Helper()
	log := actions(t, s)
	var leaf audit.Leaf
	must(t, json.Unmarshal(log[len(log)-1].Leaf, &leaf))
	if leaf.Name != name || !reflect.DeepEqual(leaf.Changes, want) {
		t.Errorf("the action is %s with %+v, want %s with %+v", leaf.Name, leaf.Changes, name, want)
	}
}

func TestCreatePolicy(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		p := newPolicy("keeps")
		p.Passcode.MaxFailedAttempts, p.Passcode.ResetAfter = 0, 0
		withPolicy(t, s, p)
		wantPolicyChanges(t, s, audit.PolicyCreate, []audit.Change{
			{Field: "name", New: "keeps"},
			{Field: "min_length", New: "8"},
			{Field: "max_failed_attempts", New: "0"},
			{Field: "reset_minutes", New: "0"},
			{Field: "auto_lock_minutes", New: "2"},
			{Field: "grace_minutes", New: "1"},
			{Field: "min_complex", New: "1"},
			{Field: "alphanumeric", New: "1"},
			{Field: "max_age_days", New: "90"},
			{Field: "history", New: "4"},
		})
		wantUnchanged(t, database, func() {
			wantFault(t, s.CreatePolicy(t.Context(), by, p, action(audit.PolicyCreate, p.ID)), fault.Conflict)
		})
	})
}

// TestTakenNames checks that an account has one policy with a name and one
// webhook with a URL, however they get it. Other accounts don't matter.
func TestTakenNames(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		secondAccount(t, database)
		office, field := newPolicy("office"), newPolicy("field")
		withPolicy(t, s, office)
		withPolicy(t, s, field)
		withHook(t, s, "whk_1", notify.LinkOpened)
		withHook(t, s, "whk_2", notify.LinkOpened)
		hook, err := s.Webhook(t.Context(), account.Default, "whk_1")
		must(t, err)
		wantUnchanged(t, database, func() {
			twin := newPolicy("twin")
			twin.Name = office.Name
			wantFault(t, s.CreatePolicy(t.Context(), by, twin, action(audit.PolicyCreate, twin.ID)), fault.Conflict)
			field.Name = office.Name
			wantFault(t, s.ChangePolicy(t.Context(), by, field.Account, field.ID, to(field), action(audit.PolicyUpdate, field.ID)), fault.Conflict)
			other := hook
			other.ID = "whk_3"
			wantFault(t, s.CreateWebhook(t.Context(), by, other, action(audit.WebhookCreate, other.ID)), fault.Conflict)
			wantFault(t, s.ChangeWebhook(t.Context(), by, account.Default, "whk_2", func(w notify.Webhook) (notify.Webhook, audit.Action, error) {
				w.URL = hook.URL
				return w, action(audit.WebhookUpdate, w.ID), nil
			}), fault.Conflict)
		})
		twin := newPolicy("twin")
		twin.Name, twin.Account = office.Name, "acc_2"
		a := action(audit.PolicyCreate, twin.ID)
		a.Account = twin.Account
		must(t, s.CreatePolicy(t.Context(), by, twin, a))
	})
}

// to returns a change to the policy.
func to(p settings.Policy) func(settings.Policy) (settings.Policy, error) {
	return func(settings.Policy) (settings.Policy, error) { return p, nil }
}

func TestChangePolicyEachField(t *testing.T) {
	changes := map[string]func(*settings.Policy){
		"name":                func(p *settings.Policy) { p.Name = "other" },
		"min_length":          func(p *settings.Policy) { p.Passcode.MinLength = 9 },
		"max_failed_attempts": func(p *settings.Policy) { p.Passcode.MaxFailedAttempts = 0 },
		"reset_minutes":       func(p *settings.Policy) { p.Passcode.ResetAfter = time.Hour },
		"auto_lock_minutes":   func(p *settings.Policy) { p.Passcode.AutoLock = 15 * time.Minute },
		"grace_minutes":       func(p *settings.Policy) { p.Passcode.Grace = 0 },
		"min_complex":         func(p *settings.Policy) { p.Passcode.MinComplex = 0 },
		"alphanumeric":        func(p *settings.Policy) { p.Passcode.Alphanumeric = false },
		"max_age_days":        func(p *settings.Policy) { p.Passcode.MaxAgeDays = 0 },
		"history":             func(p *settings.Policy) { p.Passcode.History = 10 },
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for field, change := range changes {
			p := newPolicy(field)
			withPolicy(t, s, p)
			change(&p)
			p.Updated = start.Add(time.Hour)
			must(t, s.ChangePolicy(t.Context(), by, p.Account, p.ID, to(p), action(audit.PolicyUpdate, p.ID)))
			got, err := s.Policy(t.Context(), account.Default, p.ID)
			must(t, err)
			if !reflect.DeepEqual(got, p) {
				t.Errorf("got  %+v\nwant %+v", got, p)
			}
			log := actions(t, s)
			var leaf audit.Leaf
			must(t, json.Unmarshal(log[len(log)-1].Leaf, &leaf))
			if len(leaf.Changes) != 1 || leaf.Changes[0].Field != field || leaf.Changes[0].Old == "" || leaf.Changes[0].New == "" {
				t.Errorf("%s: the changes are %+v", field, leaf.Changes)
			}
		}
	})
}

// A changed policy applies to its domains at once.
func TestChangePolicyReachesDomains(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := newPolicy("strict")
		withPolicy(t, s, p)
		must(t, s.CreateDomain(t.Context(), by, using("example.com", p.ID), action(audit.DomainCreate, "")))
		p.Passcode.MaxFailedAttempts = 0
		must(t, s.ChangePolicy(t.Context(), by, p.Account, p.ID, to(p), action(audit.PolicyUpdate, p.ID)))
		d, err := s.Domain(t.Context(), "example.com")
		must(t, err)
		if d.DevicePolicy != p.Passcode {
			t.Errorf("got %+v", d.DevicePolicy)
		}
	})
}

func TestChangePolicyKeepsNothing(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		secondAccount(t, database)
		p := newPolicy("strict")
		withPolicy(t, s, p)
		wantUnchanged(t, database, func() {
			same := p
			same.Updated = start.Add(time.Hour)
			must(t, s.ChangePolicy(t.Context(), by, same.Account, same.ID, to(same), action(audit.PolicyUpdate, p.ID)))
			other := p
			other.Account, other.Name = "acc_2", "taken over"
			wantFault(t, s.ChangePolicy(t.Context(), by, other.Account, other.ID, to(other), action(audit.PolicyUpdate, p.ID)), fault.NotFound)
			wantFault(t, s.DeletePolicy(t.Context(), by, "acc_2", p.ID, nil, action(audit.PolicyDelete, p.ID)), fault.NotFound)
			wantFault(t, s.DeletePolicy(t.Context(), by, account.Default, "pol_none", nil, action(audit.PolicyDelete, "")), fault.NotFound)
		})
	})
}

func TestDeletePolicy(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		p := newPolicy("strict")
		withPolicy(t, s, p)
		for i := range 12 {
			d := using(string(rune('a'+i))+".example", p.ID)
			must(t, s.CreateDomain(t.Context(), by, d, action(audit.DomainCreate, d.ID)))
		}
		wantUnchanged(t, database, func() {
			err := s.DeletePolicy(t.Context(), by, account.Default, p.ID, nil, action(audit.PolicyDelete, p.ID))
			wantFault(t, err, fault.Conflict)
			if detail := fault.Of(err).Detail; !strings.Contains(detail, "a.example, b.example") || !strings.Contains(detail, "and 2 more") {
				t.Errorf("the fault says %q", detail)
			}
		})
		for i := range 12 {
			must(t, s.SetDomain(t.Context(), by, newDomain(string(rune('a'+i))+".example"), action("", "")))
		}
		must(t, s.DeletePolicy(t.Context(), by, account.Default, p.ID, nil, action(audit.PolicyDelete, p.ID)))
		_, err := s.Policy(t.Context(), account.Default, p.ID)
		wantFault(t, err, fault.NotFound)
	})
}

// A domain accepts only a policy of its own account.
func TestDomainWithUnknownPolicy(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		secondAccount(t, database)
		withPolicy(t, s, newPolicy("strict"))
		withDomain(t, s)
		wantUnchanged(t, database, func() {
			foreign := using("other.example", "pol_strict")
			foreign.Account = "acc_2"
			a := action(audit.DomainCreate, "")
			a.Account = "acc_2"
			for _, err := range []error{
				s.CreateDomain(t.Context(), by, foreign, a),
				s.SetDomain(t.Context(), by, foreign, a),
				s.CreateDomain(t.Context(), by, using("other.example", "pol_none"), action(audit.DomainCreate, "")),
				s.SetDomain(t.Context(), by, using("example.com", "pol_none"), action("", "")),
				s.SetDomain(t.Context(), by, using("example.com", "standard"), action("", "")),
			} {
				wantFault(t, err, fault.PolicyUnknown)
				if f := fault.Of(err); f.Field != "policy_id" {
					t.Errorf("the fault is of %q", f.Field)
				}
			}
		})
	})
}

// Some clients delete a policy while others set it for domains, through two
// stores: either it is deleted and no domain has it, or it stays.
func TestDeletePolicyRace(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		for round := range 12 {
			s := storetest.Open(t, store.Config{Database: database})
			p := newPolicy("round" + string(rune('a'+round)))
			withPolicy(t, s, p)
			deleted := make(chan bool, 8)
			raced(t, database, 16, func(s *store.Store, i int) error {
				if i%4 >= 2 {
					d := using(p.Name+string(rune('a'+i))+".example", p.ID)
					return s.CreateDomain(t.Context(), by, d, action(audit.DomainCreate, d.ID))
				}
				err := s.DeletePolicy(t.Context(), by, account.Default, p.ID, nil, action(audit.PolicyDelete, p.ID))
				deleted <- err == nil
				return err
			}, fault.PolicyUnknown, fault.Conflict, fault.NotFound)
			close(deleted)
			var gone int
			for ok := range deleted {
				if ok {
					gone++
				}
			}
			wantNoneDangling(t, s, p, gone)
			s.Close()
		}
	})
}

// wantNoneDangling checks that a deleted policy was deleted once and isn't
// used, and that any other still exists.
func wantNoneDangling(t *testing.T, s *store.Store, p settings.Policy, gone int) {
	t.Helper()
	var users int
	domains, err := s.Domains(t.Context(), account.Default)
	must(t, err)
	for _, d := range domains {
		if d.PolicyID == p.ID {
			users++
		}
	}
	_, err = s.Policy(t.Context(), account.Default, p.ID)
	switch {
	case gone > 1:
		t.Errorf("it was deleted %d times", gone)
	case gone == 1 && (users > 0 || !fault.Is(err, fault.NotFound)):
		t.Errorf("it was deleted: %d domains use it, %v", users, err)
	case gone == 0 && (users == 0 || err != nil):
		t.Errorf("it stayed: %d domains use it, %v", users, err)
	}
}
