// Package background runs work that should leave the processor to requests.
package background

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// Niceness is that of the threads of background work: beside a busy thread,
// one gets a thirtieth of a core. See setpriority(2).
const Niceness = 15

// cores are counted before MakeRoom raises GOMAXPROCS.
var cores = runtime.GOMAXPROCS(0)

// MakeRoom raises GOMAXPROCS, unless the environment sets it, so that requests
// get a turn of Go's scheduler while background work uses all cores: the
// scheduler doesn't know that threads of low priority wait for a core.
func MakeRoom() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2*cores + 4)
	}
}

type key struct{}

// Do runs f on a thread of low priority, where the system has that, and waits
// for it. Goroutines that f starts call Join. A panic of f becomes one of Do.
func Do(ctx context.Context, f func(context.Context) error) (err error) {
	ctx = context.WithValue(ctx, key{}, true)
	var panicked string
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				panicked = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
		}()
		Join(ctx)
		err = f(ctx)
	}()
	<-done
	if panicked != "" {
		panic(panicked)
	}
	return err
}

// Join makes the calling goroutine part of background work if ctx is of such
// work. It must be its first call: the goroutine keeps its thread, which has
// low priority from then on, and the thread ends with it.
func Join(ctx context.Context) {
	if ctx.Value(key{}) != nil {
		runtime.LockOSThread()
		lower()
	}
}
