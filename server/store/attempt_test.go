package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestRefusedAttemptWritesNothing uses up a limit. Attempts are then refused without a
// transaction, until the window ends.
func TestRefusedAttemptWritesNothing(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		attempt := func(at time.Time) error { return s.Attempt(t.Context(), "key", 2, time.Minute, at) }
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
		must(t, attempt(clock.Now().Add(time.Minute)))
	})
}
