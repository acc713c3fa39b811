package background

import (
	"runtime"
	"syscall"
)

// The main goroutine keeps the first thread, so that no work lowers its
// priority: it never ends, and tools show its priority as that of the process.
func init() { runtime.LockOSThread() }

// lower sets the priority of the calling thread.
func lower() { _ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, Niceness) } // lowering is always allowed
