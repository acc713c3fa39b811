//go:build soak

package mdm

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakDevices is TestDevices with a fleet.
func TestSoakDevices(t *testing.T) { manage(t, soak.Count(60, 300)) }

// TestSoakService is TestService with a fleet.
func TestSoakService(t *testing.T) { serve(t, soak.Count(60, 300)) }
