//go:build !race

package ledger_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestSearch compares what random filters find, page by page and with a small
// reach, with their definition.
func TestSearch(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		random := rand.New(rand.NewPCG(5, 6))
		var times []time.Time
		for range 200 {
			times = append(times, clock.Move(time.Duration(random.IntN(3))*time.Second).Add(pick(random, 0, time.Microsecond, -time.Microsecond)))
			must(t, record(t.Context(), s, randomAction(random)))
		}
		rows := rowsAfter(t, s, 0, 1000)
		slices.Reverse(rows)
		some := 0
		for range 150 {
			f := randomFilter(random, times)
			reach := [2]int64{pick(random, int64(11), 50, 1000), pick(random, int64(7), 20, 1000)}
			var want []int64
			for _, r := range rows {
				if fits(f, r) {
					want = append(want, r.Seq)
				}
			}
			if got := searchAll(t, s, f, reach); !slices.Equal(got, want) {
				t.Fatalf("%+v, looking at %v, found\n%v, want\n%v", f, reach, got, want)
			}
			some += min(len(want), 1)
		}
		if some < 50 {
			t.Errorf("%d filters found something", some)
		}
	})
}
