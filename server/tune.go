package server

import (
	"os"
	"runtime/debug"

	"github.com/updatecase/mobileconfig/server/background"
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

// Tune is TuneMemory, and makes room for background work.
func Tune() {
	TuneMemory()
	background.MakeRoom()
}
