package store_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func TestDomainIsNotFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, err := s.Domain(t.Context(), "example.com")
		wantFault(t, err, fault.NotFound)
		if !reflect.DeepEqual(d, settings.Domain{}) {
			t.Errorf("got %+v with the fault", d)
		}
	})
}

func TestSetDomainCreates(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		want := newDomain("example.com")
		must(t, s.SetDomain(t.Context(), by, want, action("", "")))
		got, err := s.Domain(t.Context(), "example.com")
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		log := actions(t, s)
		if len(log) != 1 {
			t.Fatalf("the log has %d entries, want 1", len(log))
		}
		wantDomainAction(t, log[0], audit.DomainCreate, want, []audit.Change{
			{Field: "incoming", New: "imap.example.com:993"},
			{Field: "outgoing", New: "smtp.example.com:587/starttls"},
			{Field: "policy", New: "offered"},
			{Field: "policy_id", New: "standard"},
			{Field: "login", New: "address"},
			{Field: "platforms", New: "iphone mac"},
		})
	})
}

func TestSetDomainUpdates(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		first := newDomain("example.com")
		must(t, s.SetDomain(t.Context(), by, first, action("", "")))
		second := newDomain("example.com")
		second.ID = "dom_other"
		second.Service.Incoming = profile.Server{Host: "mail.example.com", Port: 143, STARTTLS: true}
		second.Policy = settings.Required
		second.Created, second.Updated = start.Add(time.Hour), start.Add(time.Hour)
		must(t, s.SetDomain(t.Context(), by, second, action("", "")))

		want := second
		want.ID, want.Created = first.ID, first.Created
		got, err := s.Domain(t.Context(), "example.com")
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		log := actions(t, s)
		if len(log) != 2 {
			t.Fatalf("the log has %d entries, want 2", len(log))
		}
		wantDomainAction(t, log[1], audit.DomainUpdate, first, []audit.Change{
			{Field: "incoming", Old: "imap.example.com:993", New: "mail.example.com:143/starttls"},
			{Field: "policy", Old: "offered", New: "required"},
		})
	})
}

func wantDomainAction(t *testing.T, r audit.Record, name audit.Name, d settings.Domain, changes []audit.Change) {
	t.Helper()
	var leaf audit.Leaf
	must(t, json.Unmarshal(r.Leaf, &leaf))
	if leaf.Name != name || leaf.Target.Kind != audit.DomainTarget || leaf.Target.ID != d.ID {
		t.Errorf("the action is %s", r.Leaf)
	}
	if !reflect.DeepEqual(leaf.Changes, changes) {
		t.Errorf("the changes are %+v, want %+v", leaf.Changes, changes)
	}
	var personal audit.Personal
	must(t, json.Unmarshal(r.Personal, &personal))
	if personal.TargetName != d.Name {
		t.Errorf("the target is named %q, want %q", personal.TargetName, d.Name)
	}
}

func TestSetDomainEachField(t *testing.T) {
	t.Parallel()
	changes := map[string]func(*settings.Domain){
		"incoming": func(d *settings.Domain) { d.Service.Incoming.Port = 1993 },
		"outgoing": func(d *settings.Domain) { d.Service.Outgoing = profile.Server{Host: "smtp.example.com", Port: 465} },
		"policy":   func(d *settings.Domain) { d.Policy = settings.Off },

		"policy_id": func(d *settings.Domain) {
			d.PolicyID, d.DevicePolicy = "pol_strict", newPolicy("strict").Passcode
		},
		"caldav":       func(d *settings.Domain) { d.Service.Calendars = profile.DAVServer{Host: "cal.example.com", Port: 443} },
		"carddav":      func(d *settings.Domain) { d.Service.Contacts = profile.DAVServer{Host: "card.example.com", Port: 8443} },
		"display_name": func(d *settings.Domain) { d.DisplayName = "Éxample Mail" },
		"help_text":    func(d *settings.Domain) { d.HelpText = "Call us\nor write" },
		"sign_in_hint": func(d *settings.Domain) { d.SignInHint = "The one for webmail." },
		"login":        func(d *settings.Domain) { d.Login = settings.GivenLogin },
		"platforms":    func(d *settings.Domain) { d.Platforms = []profile.Platform{profile.Mac} },
	}
	for field, change := range changes {
		t.Run(field, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				withDomain(t, s)
				withPolicy(t, s, newPolicy("strict"))
				d := newDomain("example.com")
				change(&d)
				must(t, s.SetDomain(t.Context(), by, d, action("", "")))
				got, err := s.Domain(t.Context(), "example.com")
				must(t, err)
				if !reflect.DeepEqual(got, d) {
					t.Errorf("got  %+v\nwant %+v", got, d)
				}
				var leaf audit.Leaf
				must(t, json.Unmarshal(actions(t, s)[2].Leaf, &leaf))
				if len(leaf.Changes) != 1 || leaf.Changes[0].Field != field {
					t.Errorf("the changes are %+v", leaf.Changes)
				}
			})
		})
	}
}

// TestDomainWithCalendars creates a domain with calendars and contacts, and
// removes one of them again.
func TestDomainWithCalendars(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDomain("example.com")
		d.Service.Calendars = profile.DAVServer{Host: "cal.example.com", Port: 443}
		d.Service.Contacts = profile.DAVServer{Host: "card.example.com", Port: 8443}
		must(t, s.CreateDomain(t.Context(), by, d, action(audit.DomainCreate, d.ID)))
		all, err := s.Domains(t.Context(), d.Account)
		must(t, err)
		if len(all) != 1 || all[0].Service != d.Service {
			t.Errorf("got %+v, want the service %+v", all, d.Service)
		}
		d.Service.Calendars = profile.DAVServer{}
		must(t, s.SetDomain(t.Context(), by, d, action("", "")))
		got, err := s.Domain(t.Context(), d.Name)
		must(t, err)
		if got.Service != d.Service {
			t.Errorf("got %+v, want the service %+v", got.Service, d.Service)
		}
		var created, updated audit.Leaf
		must(t, json.Unmarshal(actions(t, s)[0].Leaf, &created))
		must(t, json.Unmarshal(actions(t, s)[1].Leaf, &updated))
		if !slices.Contains(created.Changes, audit.Change{Field: "carddav", New: "card.example.com:8443"}) {
			t.Errorf("the changes are %+v", created.Changes)
		}
		if want := []audit.Change{{Field: "caldav", Old: "cal.example.com:443"}}; !slices.Equal(updated.Changes, want) {
			t.Errorf("the changes are %+v, want %+v", updated.Changes, want)
		}
	})
}

func TestSetDomainThatIsTheSameKeepsNothing(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		wantUnchanged(t, database, func() {
			d := newDomain("example.com")
			d.ID, d.Updated = "dom_other", start.Add(time.Hour)
			must(t, s.SetDomain(t.Context(), by, d, action("", "")))
		})
	})
}

func TestSetDomainOfAnotherAccount(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		secondAccount(t, database)
		for _, policy := range []settings.Offer{settings.Offered, settings.Off} {
			wantUnchanged(t, database, func() {
				d := newDomain("example.com")
				d.Account, d.Policy = "acc_2", policy
				a := action("", "")
				a.Account = "acc_2"
				wantFault(t, s.SetDomain(t.Context(), by, d, a), fault.Conflict)
			})
		}
	})
}

func TestSetDomainWithoutTimesIsNow(t *testing.T) {
	clock := storetest.NewClock()
	storetest.EachWith(t, store.Config{Now: clock.Now}, func(t *testing.T, s *store.Store) {
		d := newDomain("example.com")
		d.Created, d.Updated = time.Time{}, time.Time{}
		must(t, s.SetDomain(t.Context(), by, d, action("", "")))
		got, err := s.Domain(t.Context(), "example.com")
		must(t, err)
		if !got.Created.Equal(clock.Now()) || !got.Updated.Equal(clock.Now()) {
			t.Errorf("created %v, updated %v, want %v", got.Created, got.Updated, clock.Now())
		}
	})
}

// Servers that start at once with the same flags create the domain once.
func TestSetDomainRace(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		race(t, database, 50, "", func(s *store.Store, i int) error {
			d := newDomain("example.com")
			d.ID = id("dom", i)
			return s.SetDomain(t.Context(), by, d, action("", ""))
		})
		if n := len(actions(t, storetest.Open(t, store.Config{Database: database}))); n != 1 {
			t.Errorf("the log has %d entries, want 1", n)
		}
	})
}

// Many clients set two policies in turn. Each action must begin where the
// previous one ended: no old value is stale.
func TestSetDomainRaceHasTrueChanges(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		policies := []settings.Offer{settings.Off, settings.Offered, settings.Required}
		race(t, database, 60, "", func(s *store.Store, i int) error {
			d := newDomain("example.com")
			d.ID, d.Policy = id("dom", i), policies[i%3]
			return s.SetDomain(t.Context(), by, d, action("", ""))
		})
		s := storetest.Open(t, store.Config{Database: database})
		policy := ""
		for i, r := range actions(t, s) {
			var leaf audit.Leaf
			must(t, json.Unmarshal(r.Leaf, &leaf))
			c := leaf.Changes[slices.IndexFunc(leaf.Changes, func(c audit.Change) bool { return c.Field == "policy" })]
			if c.Old != policy || c.New == policy {
				t.Fatalf("entry %d changes the policy from %q to %q, it was %q", i+1, c.Old, c.New, policy)
			}
			policy = c.New
		}
		d, err := s.Domain(t.Context(), "example.com")
		must(t, err)
		if string(d.Policy) != policy {
			t.Errorf("the policy is %q, the log ends with %q", d.Policy, policy)
		}
	})
}

// Optional fields get their default meanings when a domain is read.
func TestDomainDefaults(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDomain("example.com")
		d.Login, d.Platforms = "", nil
		must(t, s.CreateDomain(t.Context(), by, d, action(audit.DomainCreate, d.ID)))
		all, err := s.Domains(t.Context(), account.Default)
		must(t, err)
		if len(all) != 1 || !reflect.DeepEqual(all[0], newDomain("example.com")) {
			t.Errorf("got %+v", all)
		}
	})
}

func TestTrusted(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		secondAccount(t, database)
		for name, want := range map[string]bool{account.Default: true, "acc_2": false} {
			if got, err := s.Trusted(t.Context(), name); err != nil || got != want {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
		_, err := s.Trusted(t.Context(), "acc_none")
		wantFault(t, err, fault.NotFound)
	})
}

// TestSuspendedDomain checks that nothing is issued for a suspended account.
func TestSuspendedDomain(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		storetest.Exec(t, database, `UPDATE accounts SET suspended = 1 WHERE id = 'acc_default'`)
		_, err := s.Domain(t.Context(), newDomain("example.com").Name)
		wantFault(t, err, fault.NotFound)
		storetest.Exec(t, database, `UPDATE accounts SET suspended = 0 WHERE id = 'acc_default'`)
		_, err = s.Domain(t.Context(), newDomain("example.com").Name)
		must(t, err)
	})
}

// TestChangeOfADeletedDomain checks that a change after the deletion finds
// nothing, even if another domain has the name now, and restores nothing.
func TestChangeOfADeletedDomain(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		d, err := s.Domain(t.Context(), "example.com")
		must(t, err)
		change := func(text string) error {
			return s.ChangeDomain(t.Context(), by, d, func(d settings.Domain) (settings.Domain, error) {
				d.HelpText = text
				return d, nil
			}, action(audit.DomainUpdate, ""))
		}
		must(t, change("Call us."))
		log := actions(t, s)
		wantDomainAction(t, log[len(log)-1], audit.DomainUpdate, d, []audit.Change{{Field: "help_text", New: "Call us."}})
		must(t, s.DeleteDomain(t.Context(), by, account.Default, d.Name, nil, action(audit.DomainDelete, d.Name)))
		late := func() {
			wantUnchanged(t, database, func() { wantFault(t, change("Write to us."), fault.NotFound) })
		}
		late()
		again := newDomain(d.Name)
		again.ID = "dom_again"
		must(t, s.CreateDomain(t.Context(), by, again, action(audit.DomainCreate, d.Name)))
		late()
	})
}
