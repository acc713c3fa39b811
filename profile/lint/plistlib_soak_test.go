//go:build soak

package lint_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakPlistlib is TestPlistlib with many more documents.
func TestSoakPlistlib(t *testing.T) { differ(t, 2, soak.Count(5_000, 100_000)) }
