package background

import (
	"os"
	"runtime"
	"syscall"
)

// slowly runs f on a thread of low priority, which ends with the goroutine that
// calls it. It spares the first thread of the process, which never ends, and
// whose priority tools show as that of the process: while that waits, another
// goroutine can't get it.
func slowly(f func()) {
	runtime.LockOSThread()
	if syscall.Gettid() != os.Getpid() {
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, Niceness) // lowering is always allowed
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		slowly(f)
	}()
	<-done
	runtime.UnlockOSThread()
}

func yield() { syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }
