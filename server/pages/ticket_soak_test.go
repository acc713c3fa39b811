//go:build soak

package pages_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakTicketRace is TestTicketRace with more clients.
func TestSoakTicketRace(t *testing.T) { ticketRace(t, soak.Count(200, 2000)) }
