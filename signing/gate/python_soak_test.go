//go:build soak

package gate_test

import (
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakPython is TestPythonReadsTheSame for ten million mutants, with a new
// seed each time.
func TestSoakPython(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	n := soak.Count(200_000, 10_000_000)
	t.Logf("seed %d", seed)
	start := time.Now()
	readMutants(t, seed, n)
	soak.Figure(t, "mutated profiles a second", int(float64(n)/time.Since(start).Seconds()), "none")
}
