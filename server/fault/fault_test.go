package fault_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/fault"
)

func TestOf(t *testing.T) {
	gone := fault.New(fault.Gone, "over")
	wrapped := fmt.Errorf("store: %w", gone)
	if fault.Of(wrapped) != gone || !fault.Is(wrapped, fault.Gone) || fault.Is(wrapped, fault.NotFound) {
		t.Error("a wrapped fault is not found again")
	}
	other := errors.New("dsn=postgres://secret")
	if f := fault.Of(other); f.Code != fault.Internal || f.Detail == "" || strings.Contains(f.Detail, "secret") {
		t.Errorf("another error shows as %v", f)
	} else if !errors.Is(f, other) || !strings.Contains(f.Error(), "secret") {
		t.Errorf("the cause is lost in %v", f)
	}
	if fault.Of(nil) != nil {
		t.Error("no error became a fault")
	}
}

func TestAll(t *testing.T) {
	name, host := fault.On("name", fault.NameInvalid, "a"), fault.On("imap", fault.Invalid, "b")
	away := fault.New(fault.DatabaseUnavailable, "c").Because(fault.New(fault.Gone, "within"))
	tests := []struct {
		err  error
		want []*fault.Fault
	}{
		{nil, nil},
		{name, []*fault.Fault{name}},
		{fmt.Errorf("store: %w", name), []*fault.Fault{name}},
		{errors.Join(name, nil, host), []*fault.Fault{name, host}},
		{fmt.Errorf("api: %w", errors.Join(host, errors.Join(name, away), errors.New("x"))), []*fault.Fault{host, name, away}},
	}
	for _, tt := range tests {
		if got := fault.All(tt.err); !slices.Equal(got, tt.want) {
			t.Errorf("%v: got %v, want %v", tt.err, got, tt.want)
		}
		for _, f := range tt.want {
			if !fault.Is(tt.err, f.Code) {
				t.Errorf("%v: %s is not found", tt.err, f.Code)
			}
		}
	}
	if fault.Is(away, fault.Gone) {
		t.Error("the cause of a fault counts as the fault")
	}
	other := errors.New("dsn=postgres://secret")
	if got := fault.All(other); len(got) != 1 || got[0].Code != fault.Internal || strings.Contains(got[0].Detail, "secret") || fault.Is(other, fault.Internal) {
		t.Errorf("another error shows as %v", got)
	}
}

func TestPasswordField(t *testing.T) {
	for _, name := range []string{"password", "PassWord", "imap_password", "pass", "passwd", "Passwort", "pwd", "Kennwort", "client_secret", "passphrase"} {
		if err := fault.PasswordField(name); !fault.Is(err, fault.PasswordRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"address", "name", "login", "locale", "variant", "platform", "agree", "external_id", "lang"} {
		if err := fault.PasswordField(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
