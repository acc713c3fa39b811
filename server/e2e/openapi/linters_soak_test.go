//go:build soak

package openapi

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakLinters is TestLinters for the other document, or both.
func TestSoakLinters(t *testing.T) { lint(t, names[len(names)-soak.Count(1, len(names)):]) }
