// Package background runs work that should leave the processor to requests.
package background

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// Niceness is that of the threads of background work: beside a busy thread, one
// gets a quarter of a core. With less, work that holds a lock of the database
// would stand still on a machine with other busy programs. See setpriority(2).
const Niceness = 5

// Cores is GOMAXPROCS before MakeRoom raises it: how much work can be done at a
// time.
func Cores() int { return cores }

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

// Do runs f as background work, and waits for it. A panic of f becomes one of
// Do.
func Do(ctx context.Context, f func(context.Context) error) (err error) {
	ctx = context.WithValue(ctx, key{}, true)
	var panicked string
	done := make(chan struct{})
	Go(ctx, func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				panicked = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
		}()
		err = f(ctx)
	})
	<-done
	if panicked != "" {
		panic(panicked)
	}
	return err
}

// Go runs f in a goroutine: on a thread of low priority, where the system has
// that, if ctx is that of background work.
func Go(ctx context.Context, f func()) {
	if ctx.Value(key{}) != nil {
		go slowly(f)
	} else {
		go f()
	}
}

// Yield lets other threads run first, if ctx is that of background work. Without
// it, a request waits until the system interrupts the work, which takes
// milliseconds.
func Yield(ctx context.Context) {
	if ctx.Value(key{}) != nil {
		yield()
	}
}
