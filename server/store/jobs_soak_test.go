//go:build soak

package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestSoakJobDelay measures how long jobs wait for their worker, and checks
// that each is done once.
func TestSoakJobDelay(t *testing.T) {
	const goal = 500 * time.Millisecond // half a polling interval
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w, stop := working(t, s)
		defer stop()
		var waits []time.Duration
		seen := map[string]bool{}
		for i := range soak.Count(20, 200) {
			begun := time.Now()
			delivery := w.next(t, s, fmt.Sprint("lnk_", i))
			if waits = append(waits, time.Since(begun)); seen[delivery] {
				t.Errorf("%s came twice", delivery)
			}
			seen[delivery] = true
		}
		slices.Sort(waits)
		soak.Figure(t, "from a change to its job, median", waits[len(waits)/2], goal)
		soak.Figure(t, "from a change to its job, worst", waits[len(waits)-1], goal)
	})
}
