package server

import (
	"os"
	"runtime"
	"runtime/debug"
)

// Settings of the garbage collector, unless the environment sets them. Texts
// and templates are most of the heap and permanent. Scanning them after each
// doubling costs a quarter of a download's time.
const (
	gcPercent   = 400
	memoryLimit = 384 << 20 // bytes; above this the collector runs more often
)

// TuneMemory lets this process use more memory for speed, up to a limit. GOGC
// and GOMEMLIMIT take precedence.
func TuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

// cores are counted before Tune raises GOMAXPROCS.
var cores = runtime.GOMAXPROCS(0)

// Tune is TuneMemory, and leaves requests a turn of Go's scheduler while
// background work uses all cores: the scheduler doesn't know that threads of
// low priority wait for a core. GOMAXPROCS takes precedence.
func Tune() {
	TuneMemory()
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2*cores + 4)
	}
}
