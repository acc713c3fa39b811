package settings_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

func goodPolicy() settings.PolicySpec {
	return settings.PolicySpec{Name: "Field staff", MinLength: 8, MaxFailedAttempts: 7, ResetMinutes: 20, AutoLockMinutes: 2}
}

func TestPolicies(t *testing.T) {
	f := newFake()
	policies := settings.NewPolicies(f, clock)
	p, err := policies.Create(t.Context(), who, "acc_1", goodPolicy())
	if err != nil || !p.Wipes() || !strings.HasPrefix(p.ID, "pol_") || !p.Created.Equal(now) {
		t.Fatalf("%+v, %v", p, err)
	}
	all, err := policies.List(t.Context(), "acc_1")
	if err != nil || len(all) != 2 || all[0].ID != settings.StandardPolicy || all[0].Passcode != profile.DefaultPasscode() ||
		!slices.Equal(all[0].Domains, []string{"example.com"}) || all[1].ID != p.ID {
		t.Errorf("%+v, %v", all, err)
	}
	keeps := goodPolicy()
	keeps.MaxFailedAttempts = 0
	changed, err := policies.Update(t.Context(), who, "acc_1", p.ID, keeps)
	if err != nil || changed.Wipes() || changed.ID != p.ID || changed.Passcode.ResetAfter != 0 {
		t.Errorf("%+v, %v", changed, err)
	}
	if err := policies.Delete(t.Context(), who, "acc_1", p.ID, nil); err != nil {
		t.Error(err)
	}
	var names []audit.Name
	for _, a := range f.actions {
		names = append(names, a.Name)
		if a.Target != (audit.Target{Kind: audit.PolicyTarget, ID: p.ID, Name: "Field staff"}) || a.Account != "acc_1" || a.Actor != who.Actor {
			t.Errorf("the action is %+v", a)
		}
	}
	if !slices.Equal(names, []audit.Name{audit.PolicyCreate, audit.PolicyUpdate, audit.PolicyDelete}) {
		t.Errorf("the actions are %v", names)
	}
}

// TestForeignPolicy checks that policies of other accounts, unknown ones and
// the standard policy can't be changed.
func TestForeignPolicy(t *testing.T) {
	f := newFake()
	policies := settings.NewPolicies(f, clock)
	p, err := policies.Create(t.Context(), who, "acc_1", goodPolicy())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		account, id string
		want        fault.Code
	}{
		{"acc_2", p.ID, fault.NotFound},
		{"acc_1", "pol_none", fault.NotFound},
		{"acc_1", "a\x00b", fault.NotFound},
		{"acc_1", strings.Repeat("x", 1000), fault.NotFound},
		{"acc_1", settings.StandardPolicy, fault.Conflict},
	}
	for _, tt := range tests {
		if _, err := policies.Update(t.Context(), who, tt.account, tt.id, goodPolicy()); !fault.Is(err, tt.want) {
			t.Errorf("update %q: %v", tt.id, err)
		}
		if err := policies.Delete(t.Context(), who, tt.account, tt.id, nil); !fault.Is(err, tt.want) {
			t.Errorf("delete %q: %v", tt.id, err)
		}
	}
	if len(f.actions) != 1 {
		t.Errorf("%d actions", len(f.actions))
	}
}

func TestPolicySpecRefuses(t *testing.T) {
	f := newFake()
	_, err := settings.NewPolicies(f, clock).Create(t.Context(), who, "acc_1", settings.PolicySpec{
		Name: "a\nb", MinLength: 3, MaxFailedAttempts: 6, AutoLockMinutes: 16, GraceMinutes: -1, MinComplex: 3, MaxAgeDays: 29, History: 11,
	})
	want := []string{"name name_invalid", "min_length invalid", "max_failed_attempts invalid", "reset_minutes invalid", "auto_lock_minutes invalid",
		"grace_minutes invalid", "min_complex invalid", "max_age_days invalid", "history invalid"}
	if got := fieldsOf(err); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for _, f := range fault.All(err) {
		if !strings.HasPrefix(f.Detail, "Enter ") {
			t.Errorf("%s doesn't say what to enter: %s", f.Field, f.Detail)
		}
	}
	for _, name := range []string{"", " ", strings.Repeat("é", 81), "a\u202eb", "\ue000"} {
		spec := goodPolicy()
		spec.Name = name
		if _, err := settings.NewPolicies(f, clock).Create(t.Context(), who, "acc_1", spec); !fault.Is(err, fault.NameInvalid) {
			t.Errorf("the name %q: %v", name, err)
		}
	}
	if len(f.policies) != 0 {
		t.Error("something was kept")
	}
}

// TestPolicyBounds checks that the limits equal those of package profile.
func TestPolicyBounds(t *testing.T) {
	fields := map[string]func(*settings.PolicySpec, int){
		"min_length":          func(s *settings.PolicySpec, n int) { s.MinLength = n },
		"max_failed_attempts": func(s *settings.PolicySpec, n int) { s.MaxFailedAttempts = n },
		"reset_minutes":       func(s *settings.PolicySpec, n int) { s.ResetMinutes = n },
		"auto_lock_minutes":   func(s *settings.PolicySpec, n int) { s.AutoLockMinutes = n },
		"grace_minutes":       func(s *settings.PolicySpec, n int) { s.GraceMinutes = n },
		"min_complex":         func(s *settings.PolicySpec, n int) { s.MinComplex = n },
		"max_age_days":        func(s *settings.PolicySpec, n int) { s.MaxAgeDays = n },
		"history":             func(s *settings.PolicySpec, n int) { s.History = n },
	}
	policies := settings.NewPolicies(newFake(), clock)
	for field, set := range fields {
		var taken int
		for n := -2; n <= 800; n++ {
			spec := goodPolicy()
			set(&spec, n)
			p, err := policies.Create(t.Context(), who, "acc_1", spec)
			if err != nil {
				if got := fieldsOf(err); !slices.Equal(got, []string{field + " invalid"}) {
					t.Fatalf("%s %d: %q", field, n, got)
				}
				p.Passcode = spelled(spec)
			} else {
				taken++
			}
			if valid := validate(t, p.Passcode); (valid == nil) != (err == nil) {
				t.Errorf("%s %d: here %v, as a profile %v", field, n, err, valid)
			}
		}
		if taken == 0 {
			t.Errorf("%s: nothing is taken", field)
		}
	}
}

// spelled returns the spec as profile.Passcode, valid or not.
func spelled(s settings.PolicySpec) profile.Passcode {
	return profile.Passcode{
		MinLength: s.MinLength, MaxFailedAttempts: s.MaxFailedAttempts, ResetAfter: minutes(s.ResetMinutes),
		AutoLock: minutes(s.AutoLockMinutes), Grace: minutes(s.GraceMinutes), MinComplex: s.MinComplex,
		Alphanumeric: s.Alphanumeric, MaxAgeDays: s.MaxAgeDays, History: s.History,
	}
}

// validate returns what package profile says about the rules, for either
// platform.
func validate(t *testing.T, rules profile.Passcode) error {
	t.Helper()
	address, err := profile.ParseAddress("jane@example.com")
	if err != nil {
		t.Fatal(err)
	}
	rules.DisplayName = "x"
	var all []string
	for _, platform := range settings.Platforms() {
		p := profile.Profile{Address: address, Platform: platform, DisplayName: "x", Payloads: []profile.Payload{&rules}, Consent: map[string]string{"default": "x"}}
		if err := p.Validate(); err != nil {
			all = append(all, err.Error())
		}
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(all, "; "))
}
