package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestRefusedAttemptWritesNothing uses up one of two limits. Attempts are then
// refused without a transaction and without using the other, until the window
// ends.
func TestRefusedAttemptWritesNothing(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		member := admission.Limit{Key: "member", Max: 2, Window: time.Minute}
		network := admission.Limit{Key: "network", Max: 3, Window: time.Minute}
		attempt := func(at time.Time) error { return s.Attempt(t.Context(), at, network, member) }
		for range 2 {
			must(t, attempt(clock.Now()))
		}
		s.Database().Watch(func(c db.Call) error {
			if !c.Reads {
				return errors.New("a transaction")
			}
			return nil
		})
		for range 3 {
			if err := attempt(clock.Now()); !fault.Is(err, fault.Limited) || fault.Of(err).RetryAfter <= 0 {
				t.Errorf("got %v", err)
			}
		}
		s.Database().Watch(nil)
		must(t, s.Attempt(t.Context(), clock.Now(), network)) // the refused ones used neither limit
		if err := s.Attempt(t.Context(), clock.Now(), network); !fault.Is(err, fault.Limited) {
			t.Errorf("got %v", err)
		}
		must(t, attempt(clock.Now().Add(time.Minute)))
	})
}
