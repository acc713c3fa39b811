//go:build !race

package issue_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/settings"
)

// TestManySettings changes settings so often that templates are dropped: each
// profile still has its own.
func TestManySettings(t *testing.T) {
	i, _, _ := issuer(t, "p256", nil)
	o := order(t, settings.Mail, profile.IPhone)
	for n := range 4200 {
		o.Organization = fmt.Sprint("Host ", n)
		data, err := i.Build(o)
		if err != nil || !bytes.Contains(data, []byte("<string>"+o.Organization+"<")) {
			t.Fatalf("%d: %v\n%s", n, err, data)
		}
	}
	if got := i.Kept(); got > 4096 {
		t.Errorf("%d templates are kept", got)
	}
}
