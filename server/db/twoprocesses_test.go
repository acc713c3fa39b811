//go:build !race

package db_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestTwoProcesses lets two processes open a new database at the same time:
// both succeed.
func TestTwoProcesses(t *testing.T) { twoProcesses(t, 4) }

func twoProcesses(t *testing.T, rounds int) {
	t.Helper()
	openers := [2]*opener{startOpener(t), startOpener(t)}
	for name, create := range map[string]func(testing.TB) string{"sqlite": storetest.EmptySQLite, "postgres": storetest.EmptyPostgres} {
		t.Run(name, func(t *testing.T) {
			for range rounds {
				database := create(t)
				for _, o := range openers {
					o.tell(t, database)
				}
				for i, o := range openers {
					if answer := o.answer(t); answer != "ok" {
						t.Errorf("process %d: %s", i, answer)
					}
				}
			}
		})
	}
}
