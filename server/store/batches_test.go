package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestBatchOrders reads the list of batches in each order, page by page. Two
// have the same name, and two the same time.
func TestBatchOrders(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		withDomain(t, s)
		for i, b := range []struct {
			name    string
			seconds int
		}{{"berry", 1}, {"apple", 2}, {"cherry", 2}, {"apple", 4}, {"date", 3}} {
			must(t, s.CreateBatch(t.Context(), by, batches.Batch{
				ID: fmt.Sprint("bat_", i), Account: account.Default, Name: b.name, State: batches.Checking, By: by,
				Created: start.Add(time.Duration(b.seconds) * time.Second), Round: 1,
			}, audit.Action{Account: account.Default, Name: audit.BatchCreate, Actor: by.Actor, Target: audit.Target{Kind: audit.BatchTarget, ID: fmt.Sprint("bat_", i)}}))
		}
		want := map[batches.Order][]string{
			"":                  {"bat_3", "bat_4", "bat_2", "bat_1", "bat_0"},
			batches.NewestFirst: {"bat_3", "bat_4", "bat_2", "bat_1", "bat_0"},
			batches.OldestFirst: {"bat_0", "bat_1", "bat_2", "bat_4", "bat_3"},
			batches.FromAToZ:    {"bat_1", "bat_3", "bat_0", "bat_2", "bat_4"},
			batches.FromZToA:    {"bat_4", "bat_2", "bat_0", "bat_3", "bat_1"},
		}
		for _, sort := range append(batches.Orders(), "") {
			for _, limit := range []int{1, 2, 5} {
				var got []string
				for after := ""; ; after = got[len(got)-1] {
					page, err := s.Batches(t.Context(), account.Default, batches.Filter{Sort: sort, After: after, Limit: limit})
					must(t, err)
					if len(page) == 0 {
						break
					}
					for _, b := range page {
						got = append(got, b.ID)
					}
				}
				if !slices.Equal(got, want[sort]) {
					t.Errorf("%q by %d: got %q, want %q", sort, limit, got, want[sort])
				}
			}
		}
	})
}

// TestDeleteBatch deletes batches while their last chunk is being finished:
// nothing is stored about the people of a batch that doesn't exist.
func TestDeleteBatch(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		by := by
		by.Account = account.Default
		mailboxes := make([]string, 200)
		for i := range mailboxes {
			mailboxes[i] = fmt.Sprintf("user%d@example.com", i)
		}
		for i := range 20 {
			id := fmt.Sprint("bat_", i)
			a := audit.Action{Account: account.Default, Name: audit.BatchCreate, Actor: by.Actor, Target: audit.Target{Kind: audit.BatchTarget, ID: id}}
			must(t, s.CreateBatch(t.Context(), by, batches.Batch{
				ID: id, Account: account.Default, Name: id, State: batches.Running, By: by, Created: start, Round: 1,
			}, a))
			must(t, s.KeepPlan(t.Context(), by, account.Default, id, []batches.Chunk{{Number: 0}, {Number: 1}}, nil, func(*batches.Batch) ([]audit.Action, error) { return nil, nil }))
			_, err := s.FinishChunk(t.Context(), by, id, 0, batches.Made{Part: "part", Mailboxes: mailboxes[:100]})
			must(t, err)
			var both sync.WaitGroup
			both.Go(func() {
				_, err := s.FinishChunk(t.Context(), by, id, 1, batches.Made{Part: "part", Mailboxes: mailboxes[100:]})
				if err != nil && !fault.Is(err, fault.NotFound) {
					t.Error(err)
				}
			})
			a.Name = audit.BatchDelete
			if err := s.DeleteBatch(t.Context(), by, account.Default, id, a); err != nil {
				t.Error(err)
			}
			both.Wait()
		}
		if left := storetest.Column(t, database, `SELECT COUNT(*) FROM batch_people`); left[0] != "0" {
			t.Errorf("%s rows are left", left[0])
		}
	})
}
