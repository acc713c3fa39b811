package notify_test

import (
	"context"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/templates"
)

// recorded returns the action as its log stores it.
func recorded(t *testing.T, a audit.Action) audit.Record {
	t.Helper()
	at, salt := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), make([]byte, audit.SaltSize)
	leaf, personal, err := a.Encode(7, at, salt)
	if err != nil {
		t.Fatal(err)
	}
	return audit.Record{Seq: 7, At: at, Leaf: leaf, Personal: personal, Salt: salt}
}

// scribe writes emails from the templates.
func scribe(t *testing.T) *notify.Scribe {
	t.Helper()
	texts, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	return &notify.Scribe{Texts: texts, Brand: func(context.Context, string) (brand templates.MailBrand, logo []byte, err error) { return }}
}

// TestDaysLeft checks that the subject contains the days of the action.
func TestDaysLeft(t *testing.T) {
	for days, want := range map[string]string{
		"30": "The signing certificate expires within 30 days",
		"1":  "The signing certificate expires within a day",
	} {
		r := recorded(t, audit.Action{Name: audit.IdentityExpiring, Changes: []audit.Change{{Field: notify.DaysField, New: days}}})
		m, err := scribe(t).Write(t.Context(), notify.Try{Delivery: notify.Delivery{Type: notify.IdentityExpiring, Seq: 7}, Record: r})
		if err != nil || m.Subject != want {
			t.Errorf("%s days: %+v %v, want %q", days, m, err, want)
		}
	}
}
