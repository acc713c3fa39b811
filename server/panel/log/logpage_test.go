//go:build !race

package log_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestLogPage runs the tests that share one installation with known actions.
func TestLogPage(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		l := newLedger(t, database)
		for _, test := range []struct {
			name string
			run  func(l *ledger)
		}{
			{"filters", testLogFilters},
			{"choices", testLogChoices},
			{"bad filters", testLogBadFilters},
			{"entries", testLogEntries},
			{"history", testLogHistory},
			{"other account", testLogOtherAccount},
			{"export", testLogExport},
			{"export of a filter", testLogExportFilters},
			{"export refused", testLogExportRefused},
			{"export logged", testLogExportLogged},
			{"paging", testLogPaging},
			{"unreadable", testLogUnreadable},
			{"erased and retained", testLogErased}, // the last one: it removes what others look for
		} {
			t.Run(test.name, func(t *testing.T) {
				own := *l
				own.t = t
				test.run(&own)
			})
		}
	})
}
