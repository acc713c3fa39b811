package fault_test

import (
	"errors"
	"fmt"
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
