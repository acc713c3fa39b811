package ordered_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/updatecase/mobileconfig/server/ordered"
)

func numbers(n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
	}
}

// TestOrder checks that results arrive in the order of the values.
func TestOrder(t *testing.T) {
	const n = 1000
	var got []int
	err := ordered.Do(t.Context(), numbers(n), func(_ context.Context, i int) (int, error) {
		for range i % 7 {
			runtime.Gosched()
		}
		return i, nil
	}, func(i int) error {
		got = append(got, i)
		return nil
	})
	if err != nil || len(got) != n || !slices.IsSorted(got) {
		t.Errorf("%d results, sorted %v, error %v", len(got), slices.IsSorted(got), err)
	}
}

// TestWaitingTurn checks that waiting for a turn ends with the context.
func TestWaitingTurn(t *testing.T) {
	var all sync.WaitGroup
	ended := make(chan struct{})
	for range runtime.GOMAXPROCS(0) {
		started := make(chan struct{})
		all.Go(func() {
			ordered.Turn(t.Context(), func() error {
				close(started)
				<-ended
				return nil
			})
		})
		<-started
	}
	want := errors.New("no")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(want)
	if err := ordered.Turn(ctx, func() error { return errors.New("it got a turn") }); err != want {
		t.Errorf("error %v, want %v", err, want)
	}
	close(ended)
	all.Wait()
}

// TestErrors checks that an error of any part ends the sequence.
func TestErrors(t *testing.T) {
	want := errors.New("no")
	work := func(_ context.Context, i int) (int, error) { return i, nil }
	done := func(int) error { return nil }
	canceled, cancel := context.WithCancelCause(t.Context())
	cancel(want)
	for name, err := range map[string]error{
		"values":  ordered.Do(t.Context(), func(yield func(int, error) bool) { _ = yield(1, nil) && yield(0, want) }, work, done),
		"work":    ordered.Do(t.Context(), numbers(100), func(context.Context, int) (int, error) { return 0, want }, done),
		"done":    ordered.Do(t.Context(), numbers(100), work, func(int) error { return want }),
		"context": ordered.Do(canceled, numbers(100), work, done),
		"turn":    ordered.Turn(t.Context(), func() error { return want }),
	} {
		if err != want {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
	}
}

// TestShared checks that several sequences and single pieces of work together use
// no more than all cores, and that an error of one frees them for the others.
func TestShared(t *testing.T) {
	most := int64(runtime.GOMAXPROCS(0))
	var working, seen atomic.Int64
	step := func() {
		seen.Store(max(seen.Load(), working.Add(1)))
		defer working.Add(-1)
		for range 50 { // others could start meanwhile
			runtime.Gosched()
		}
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 100 {
				var want error
				if i%10 == 0 {
					want = context.Canceled
				}
				if err := ordered.Turn(t.Context(), func() error { step(); return want }); err != want {
					t.Errorf("error %v, want %v", err, want)
				}
			}
		})
		all.Go(func() {
			err := ordered.Do(t.Context(), numbers(200), func(_ context.Context, i int) (int, error) {
				step()
				if i == 150 {
					return 0, context.Canceled
				}
				return i, nil
			}, func(int) error { return nil })
			if err != context.Canceled {
				t.Errorf("error %v", err)
			}
		})
	}
	all.Wait()
	if n := seen.Load(); n > most {
		t.Errorf("%d values at a time, want at most %d", n, most)
	}
}
