//go:build soak

package panel_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestSoakCodeRace is TestCodeRace with more clients.
func TestSoakCodeRace(t *testing.T) { codeRace(t, soak.Count(200, 1000)) }

// TestSoakGuesses guesses a password more often than testGuesses, and checks the
// memory that takes. make test collects garbage too seldom to judge it.
func TestSoakGuesses(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		if mib := build(t, database).guesses(soak.Count(2000, 10_000)) >> 20; mib > 512 {
			t.Errorf("%d MiB in use", mib)
		}
	})
}
