package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestPermitsTogether reads tickets in one statement: good ones, one twice, and
// one that doesn't exist. If the statement fails, each caller gets its ticket
// all the same, and one that leaves doesn't wait.
func TestPermitsTogether(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withTickets(t, s, 3)
		locks := false
		must(t, s.Database().Transact(t.Context(), func(x *db.Tx) error {
			locks = x.Locks()
			return nil
		}))
		if !locks {
			t.Skip("SQLite reads each ticket by itself")
		}
		for _, breaks := range []bool{false, true} {
			var statements atomic.Int64
			s.Database().Watch(func(c db.Call) error {
				if !strings.Contains(c.Query, "FROM tickets") {
					return nil
				}
				if n := statements.Add(1); breaks && n == 1 {
					return errors.New("broken")
				}
				return nil
			})
			release := store.HoldReads(s)
			ids := []string{"tkt_0", "tkt_1", "tkt_9", "tkt_2", "tkt_1"}
			permits, errs := make([]setup.Permit, len(ids)), make([]error, len(ids))
			var wg sync.WaitGroup
			for i, id := range ids {
				wg.Go(func() { permits[i], errs[i] = s.Permit(t.Context(), id) })
			}
			gone, leave := context.WithCancel(t.Context())
			left := make(chan error, 1)
			go func() {
				_, err := s.Permit(gone, "tkt_0")
				left <- err
			}()
			await(t, func() bool { return store.Reading(s) == len(ids)+1 })
			leave()
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Errorf("for one who has gone: %v", err)
			}
			release()
			wg.Wait()
			want := 1
			if breaks {
				want += len(ids)
			}
			if n := int(statements.Load()); n != want {
				t.Errorf("%d statements, want %d", n, want)
			}
			for i, id := range ids {
				if id == "tkt_9" {
					wantFault(t, errs[i], fault.NotFound)
					continue
				}
				must(t, errs[i])
				if p := permits[i]; p.Ticket.ID != id || p.Link.ID != strings.Replace(id, "tkt", "lnk", 1) || p.Domain.Name != "example.com" {
					t.Errorf("%s: %+v", id, p)
				}
			}
			s.Database().Watch(nil)
		}
	})
}
