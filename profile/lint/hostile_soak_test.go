//go:build soak && unix

package lint_test

import (
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
)

// TestSoakHostile measures what the files of TestHostile cost.
func TestSoakHostile(t *testing.T) {
	var slowest time.Duration
	var largest int64
	for _, tt := range hostiles(t) {
		_, took, memory := inChild(t, tt.data)
		slowest, largest = max(slowest, took), max(largest, memory)
	}
	soak.Figure(t, "processor time of the slowest hostile file", slowest, "2s")
	soak.Figure(t, "MiB of the largest hostile file", largest>>20, targetMemory>>20)
}
