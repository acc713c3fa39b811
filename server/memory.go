package server

import (
	"os"
	"runtime/debug"
)

// What the collector is told unless the environment says otherwise. The texts
// and templates are most of what lives, and stay: looking at them again after
// each doubling costs a quarter of the time of a download.
const (
	gcPercent   = 400
	memoryLimit = 384 << 20 // bytes; from here on the collector runs more often
)

// TuneMemory lets this process trade memory for speed up to a bound. GOGC and
// GOMEMLIMIT go before.
func TuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
