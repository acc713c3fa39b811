package passkey_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account/passkey"
	"github.com/updatecase/mobileconfig/server/fault"
)

// TestStateRefused tries states that don't belong to the ceremony. The answers
// are valid.
func TestStateRefused(t *testing.T) {
	d, dev, fresh := newDesk(t), newDevice(t, "one"), newDevice(t, "fresh")
	d.enroll("mem_ada", dev)
	d.enroll("mem_bob", newDevice(t, "bob's"))
	ada, bob := d.members["mem_ada"], d.members["mem_bob"]

	type half struct{ options, state []byte }
	of := func(m passkey.Member, f func(passkey.Member) ([]byte, []byte, error)) func() half {
		return func() half {
			options, state, err := f(m)
			if err != nil {
				t.Fatal(err)
			}
			return half{options, state}
		}
	}
	begin := map[string]func() half{
		"enroll":          of(ada, d.BeginEnroll),
		"enroll another":  of(bob, d.BeginEnroll),
		"sign-in":         of(ada, func(passkey.Member) ([]byte, []byte, error) { return d.BeginSignIn() }),
		"confirm":         of(ada, d.BeginConfirm),
		"confirm another": of(bob, d.BeginConfirm),
	}
	finish := map[string]func(h half) error{
		"enroll": func(h half) error {
			_, err := d.FinishEnroll(ada, h.state, fresh.create(h.options))
			return err
		},
		"sign-in": func(h half) error {
			_, _, err := d.FinishSignIn(h.state, dev.get(h.options), d.find)
			return err
		},
		"confirm": func(h half) error {
			_, err := d.FinishConfirm(ada, h.state, dev.get(h.options))
			return err
		},
	}
	edit := func(old, new string) func(half) half {
		return func(h half) half {
			if !bytes.Contains(h.state, []byte(old)) {
				t.Fatalf("no %s in %s", old, h.state)
			}
			return half{h.options, bytes.ReplaceAll(h.state, []byte(old), []byte(new))}
		}
	}
	as := func(state string) func(half) half {
		return func(h half) half { return half{h.options, []byte(state)} }
	}
	swap := func(other string) func(half) half {
		return func(h half) half { return half{h.options, begin[other]().state} }
	}

	const mixed = "was begun to|another member|Error validating challenge"
	for name, finish := range finish {
		code := fault.PasskeyRefused
		if name == "sign-in" {
			code = fault.SignInRefused
		}
		tests := map[string]struct {
			change func(half) half
			wait   time.Duration
			why    string
		}{
			"expired":         {wait: passkey.Life + time.Millisecond, why: "has expired"},
			"empty":           {change: as(""), why: "the state"},
			"not JSON":        {change: as("<"), why: "the state"},
			"nothing in it":   {change: as("{}"), why: "was begun to"},
			"null":            {change: as("null"), why: "was begun to"},
			"no challenge":    {change: edit(`"challenge":"`, `"challenge":"","x":"`), why: "invalid challenge"},
			"other party":     {change: edit(`"panel.example.com"`, `"evil.example"`), why: "RP Hash"},
			"to enroll":       {change: swap("enroll"), why: mixed},
			"to enroll b":     {change: swap("enroll another"), why: mixed},
			"to sign in":      {change: swap("sign-in"), why: mixed},
			"to confirm":      {change: swap("confirm"), why: mixed},
			"to confirm by b": {change: swap("confirm another"), why: mixed},
		}
		for what, tt := range tests {
			t.Run(name+"/"+what, func(t *testing.T) {
				h := begin[name]()
				if tt.change != nil {
					h = tt.change(h)
				}
				before := d.clock
				d.clock = d.clock.Add(tt.wait)
				refused(t, finish(h), code, tt.why)
				d.clock = before
			})
		}
		// The whole ceremony of another kind or member, with its own options.
		for other, begin := range begin {
			if other == name {
				continue
			}
			t.Run(name+"/all of "+other, func(t *testing.T) {
				why := "was begun to"
				if other == name+" another" {
					why = "another member"
				}
				refused(t, finish(begin()), code, why)
			})
		}
		t.Run(name+"/good", func(t *testing.T) {
			if err := finish(begin[name]()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestVerificationDemanded checks that a state can't ask for less than user
// verification.
func TestVerificationDemanded(t *testing.T) {
	d, dev := newDesk(t), newDevice(t, "one")
	d.enroll("mem_ada", dev)
	options, state, err := d.BeginConfirm(d.members["mem_ada"])
	if err != nil {
		t.Fatal(err)
	}
	weak := bytes.ReplaceAll(state, []byte(`"required"`), []byte(`"discouraged"`))
	if bytes.Equal(weak, state) {
		t.Fatalf("nothing to weaken in %s", state)
	}
	_, err = d.FinishConfirm(d.members["mem_ada"], weak, dev.get(options, without(verified)))
	refused(t, err, fault.PasskeyRefused, "User verification required")
}

// TestRevoked checks that a passkey stops counting once the member has lost it,
// even in a ceremony that was begun before.
func TestRevoked(t *testing.T) {
	d, dev := newDesk(t), newDevice(t, "one")
	d.enroll("mem_ada", dev)
	ada := d.members["mem_ada"]
	askConfirm, confirm, err := d.BeginConfirm(ada)
	if err != nil {
		t.Fatal(err)
	}
	askSignIn, signIn, err := d.BeginSignIn()
	if err != nil {
		t.Fatal(err)
	}
	ada.Credentials = nil
	d.members["mem_ada"] = ada
	_, err = d.FinishConfirm(ada, confirm, dev.get(askConfirm))
	refused(t, err, fault.PasskeyRefused, "does not own")
	_, _, err = d.FinishSignIn(signIn, dev.get(askSignIn), d.find)
	refused(t, err, fault.SignInRefused, "Unable to find the credential")

	_, _, err = d.BeginConfirm(ada)
	if !fault.Is(err, fault.PasskeyRefused) {
		t.Errorf("without a passkey: %v", err)
	}
}

// TestFind checks the errors of find, and that find isn't called with what
// can't be a member's ID.
func TestFind(t *testing.T) {
	d, dev := newDesk(t), newDevice(t, "one")
	d.enroll("mem_ada", dev)
	away := errors.New("the database is away")
	limited := fault.New(fault.Limited, "Too often.")
	notFound := fault.New(fault.NotFound, "There is no such member.")
	tests := []struct {
		name    string
		handle  string
		answer  passkey.Member
		err     error
		want    error // unchanged; nil: refused
		unasked bool
	}{
		{name: "away", err: away, want: away},
		{name: "limited", err: limited, want: limited},
		{name: "not found", err: notFound},
		{name: "not found, wrapped", err: fmt.Errorf("store: %w", notFound)},
		{name: "somebody else", answer: passkey.Member{
			ID: "mem_bob", Credentials: d.members["mem_ada"].Credentials,
		}},
		{name: "strange", handle: "mem ada", unasked: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			options, state, err := d.BeginSignIn()
			if err != nil {
				t.Fatal(err)
			}
			asked := false
			response := dev.get(options, func(a *answer) {
				if tt.handle != "" {
					a.handle = []byte(tt.handle)
				}
			})
			_, _, err = d.FinishSignIn(state, response, func(string) (passkey.Member, error) {
				asked = true
				return tt.answer, tt.err
			})
			if asked == tt.unasked {
				t.Errorf("find was asked: %v", asked)
			}
			if tt.want != nil {
				if err != tt.want {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				return
			}
			refused(t, err, fault.SignInRefused, "no such member|User handle|user handle")
		})
	}
}

// TestDamaged checks that damaged data is reported as such, and not as a fault
// of the person.
func TestDamaged(t *testing.T) {
	d, dev := newDesk(t), newDevice(t, "one")
	c := d.enroll("mem_ada", dev)
	d.enroll("mem_bob", newDevice(t, "bob's"))
	options, state, err := d.BeginSignIn()
	if err != nil {
		t.Fatal(err)
	}
	c.Data = c.Data[:5]
	d.keep("mem_ada", c)
	ada := d.members["mem_ada"]
	internal := func(what string, err error) {
		t.Helper()
		if fault.Of(err) == nil || fault.Of(err).Code != fault.Internal {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, _, err = d.FinishSignIn(state, dev.get(options), d.find)
	internal("sign-in", err)
	_, _, err = d.BeginEnroll(ada)
	internal("enroll", err)
	_, _, err = d.BeginConfirm(ada)
	internal("confirm", err)
	_, err = d.FinishConfirm(ada, state, nil)
	internal("confirmed", err)
	_, err = d.FinishEnroll(ada, state, nil)
	internal("enrolled", err)
	if c.Synced() {
		t.Error("damaged data is synced")
	}
	_, _, err = d.BeginConfirm(passkey.Member{Credentials: d.members["mem_bob"].Credentials})
	internal("no id", err)
}
