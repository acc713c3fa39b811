//go:build !race

package audit_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/audit"
)

// TestRemovedAgain runs for a year: the content of the setting and of older
// removals is removed too, and each removal can still be verified.
func TestRemovedAgain(t *testing.T) {
	rows := agedRows(t)
	removed := int64(0)
	for range 250 {
		r := due(t, rows)
		if r.Through != removed+1 && removed > 0 || (r.Setting != audit.Setting{Seq: 2, Days: 90}) {
			t.Fatalf("after %d: %+v", removed, r)
		}
		rows = retain(t, signing(), rows, r, removed+1)
		removed = r.Through
	}
	if removed < daysPerLog+100 {
		t.Fatalf("%d were removed, not even the first removals themselves", removed)
	}
	if got := report(t, rows); got.Emptied != removed || got.Setting.Days != 90 {
		t.Errorf("the report is %+v", got)
	}
	rows = keepAt(t, rows, setTo(t, signing(), 0), noon(int64(len(rows)+1)))
	if r, ok := report(t, rows).Retention(noon(1000)); ok {
		t.Errorf("with everything kept, %+v is due", r)
	}
}
