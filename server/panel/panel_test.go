//go:build !race

package panel_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestPanel runs the tests that share one installation with one of everything.
// Creating it takes time, because every member's password is hashed.
func TestPanel(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		h := build(t, database)
		for _, test := range []struct {
			name string
			run  func(h *installation)
		}{
			{"looking changes nothing", testLookingChangesNothing},
			{"typed values", testTypedValues},
			{"typed values of visitors", testPublicForms},
			{"other sites", testOtherSites},
			{"other account", testOtherAccount},
			{"roles", testRoles},
			{"same answer", testSameAnswer},
			{"redirects stay inside", testRedirects},
			{"canaries", testCanaries},
			{"account of a customer", testAccountPeople},
			{"visit", testVisit},
			{"guesses", testGuesses},
		} {
			t.Run(test.name, func(t *testing.T) {
				own := *h
				own.t = t
				test.run(&own)
			})
		}
	})
}
