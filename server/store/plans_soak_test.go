//go:build soak

package store_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakListPlans is TestListPlans for an installation that has grown for
// years.
func TestSoakListPlans(t *testing.T) {
	testListPlans(t, soak.Count(20_000, 300_000), soak.Count(100_000, 2_000_000))
}
