// Package ordered processes a sequence on all cores and keeps its order.
package ordered

import (
	"context"
	"iter"
	"sync"

	"github.com/updatecase/mobileconfig/server/background"
)

// turns limits the work of all sequences of the process together to a value per
// core.
var turns = make(chan struct{}, background.Cores())

// Turn calls f when one of the cores is free. If ctx is done before, it returns
// the cause. f must not call Turn or Do.
func Turn(ctx context.Context, f func() error) error {
	select {
	case turns <- struct{}{}:
		defer func() { <-turns }()
		return f()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Do processes the values of a sequence on all cores, and calls done with the
// results in the order of the values. If there are other sequences, they share
// the cores: work must not call Do itself. It stops at the first error or when ctx
// is done, returning its cause, and returns after all of its goroutines have
// ended.
func Do[In, Out any](ctx context.Context, in iter.Seq2[In, error], work func(context.Context, In) (Out, error), done func(Out) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	workers := cap(turns)
	type job struct {
		in  In
		out chan<- Out
	}
	jobs := make(chan job)
	order := make(chan chan Out, 2*workers)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop(nil)
	wg.Go(func() {
		defer close(order)
		defer close(jobs)
		for value, err := range in {
			if err != nil {
				stop(err)
				return
			}
			out := make(chan Out, 1)
			select {
			case order <- out:
			case <-ctx.Done():
				return
			}
			select {
			case jobs <- job{value, out}:
			case <-ctx.Done():
				return
			}
		}
	})
	for range workers {
		wg.Add(1)
		background.Go(ctx, func() {
			defer wg.Done()
			for j := range jobs {
				var out Out
				err := Turn(ctx, func() (err error) {
					out, err = work(ctx, j.in)
					return err
				})
				if err != nil {
					stop(err)
					return
				}
				j.out <- out
			}
		})
	}
	for out := range order {
		select {
		case result := <-out:
			if err := done(result); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
