//go:build soak && unix

package lint_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakHostile measures the cost of the hostile files of TestHostile.
func TestSoakHostile(t *testing.T) {
	const goal = 2 * time.Second
	var slowest time.Duration
	var largest int64
	var slow, large string
	files := hostiles(t)
	for range soak.Count(1, 5) {
		for _, tt := range files {
			_, took, memory := inChild(t, tt.data)
			if took > slowest {
				slowest, slow = took, tt.name
			}
			if memory > largest {
				largest, large = memory, tt.name
			}
		}
	}
	t.Logf("%d hostile files", len(files))
	soak.Figure(t, "processor time for the slowest hostile file, "+slow, slowest.Round(time.Millisecond), goal)
	soak.Figure(t, "memory for the largest hostile file, "+large, fmt.Sprint(largest>>20, " MiB"), fmt.Sprint(targetMemory>>20, " MiB"))
}
