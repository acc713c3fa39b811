//go:build soak

package panel_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakCodeRace is TestCodeRace with more clients.
func TestSoakCodeRace(t *testing.T) { codeRace(t, soak.Count(200, 1000)) }
