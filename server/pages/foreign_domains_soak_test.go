//go:build soak && !race

package pages_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakForeignDomains is TestForeignDomains with more domains.
func TestSoakForeignDomains(t *testing.T) { foreignDomains(t, soak.Count(1000, 50_000)) }
