package background_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/updatecase/mobileconfig/server/background"
)

// niceness returns that of the calling thread.
func niceness(t *testing.T) int {
	t.Helper()
	n, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	return 20 - n // the system call's way to avoid negative results
}

// TestPriority checks that background work and the goroutines that it starts
// have low priority, and nothing else does, not even what uses the threads afterwards.
func TestPriority(t *testing.T) {
	const many = 50
	usual := niceness(t)
	failed := errors.New("the work failed")
	low := 0
	for range many {
		err := background.Do(t.Context(), func(ctx context.Context) error {
			if niceness(t) == background.Niceness {
				low++
			}
			joined := make(chan int)
			background.Go(ctx, func() { joined <- niceness(t) })
			if n := <-joined; n == background.Niceness {
				low++
			}
			return failed
		})
		if err != failed {
			t.Fatal(err)
		}
		other := make(chan int)
		background.Go(t.Context(), func() { other <- niceness(t) })
		if n := <-other; n != usual {
			t.Errorf("a goroutine beside background work has niceness %d, want %d", n, usual)
		}
	}
	if n, err := syscall.Getpriority(syscall.PRIO_PROCESS, os.Getpid()); err != nil || 20-n != usual {
		t.Errorf("the process has niceness %d, error %v", 20-n, err)
	}
	if low != 2*many {
		t.Errorf("%d goroutines had low priority, want %d", low, 2*many)
	}
}

// TestPanic checks that a panic of the work can be recovered by the caller.
func TestPanic(t *testing.T) {
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), "an invented fault") {
			t.Errorf("recovered %v", p)
		}
	}()
	_ = background.Do(t.Context(), func(context.Context) error { panic("an invented fault") })
	t.Error("the panic was lost")
}
