//go:build soak

package main

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakListenKilled is TestListenKilled with 100,000 events.
func TestSoakListenKilled(t *testing.T) {
	listenKilled(t, soak.Count(5000, 100_000), soak.Count(20, 200))
}
