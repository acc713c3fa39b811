//go:build soak

package server_test

import (
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestSoakSignerKilled is TestSignerKilled a hundred times, with the service's
// own timeouts.
func TestSoakSignerKilled(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		var mu sync.Mutex
		var slowest time.Duration
		killSigner(t, database, soak.Count(10, 100), 0, func(download func()) {
			begun := time.Now()
			download()
			mu.Lock()
			defer mu.Unlock()
			slowest = max(slowest, time.Since(begun))
		})
		soak.Figure(t, "slowest answer while the signer is killed", slowest.Round(time.Millisecond), 2*time.Second)
	})
}
