package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
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
