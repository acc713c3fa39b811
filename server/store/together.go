package store

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// groupMax is how many calls are done together.
const groupMax = 64

// errNotKept is the outcome of a call that the group didn't reach.
var errNotKept = errors.New("the group of this call ended early")

// A call is one of several that are done together.
type call[T any] struct {
	ctx  context.Context
	what T
	// err is the outcome, which can be read once done is closed. Inside the
	// transaction it is that of this call only.
	err  error
	done chan struct{}
}

func newCall[T any](ctx context.Context, what T) *call[T] {
	return &call[T]{ctx: ctx, what: what, err: errNotKept, done: make(chan struct{})}
}

// groups are the waiting calls of one kind. They collect while a statement or
// transaction is running, and the one that has the next turn does the work of
// all. So there is no goroutine to start or stop.
type groups[T any] struct {
	turn    chan struct{} // sending to it takes the turn
	mu      sync.Mutex
	waiting []*call[T]
}

func newGroups[T any]() *groups[T] { return &groups[T]{turn: make(chan struct{}, 1)} }

// wait returns the outcome of u, which do has decided in the transaction of a
// group. It returns early when the context of u is done. If u is in a group by
// then, its outcome is unknown, as with any transaction.
func (g *groups[T]) wait(u *call[T], do func([]*call[T])) error {
	g.mu.Lock()
	g.waiting = append(g.waiting, u)
	g.mu.Unlock()
	for {
		select {
		case <-u.done:
			return u.err
		default:
		}
		select {
		case <-u.done:
		case <-u.ctx.Done():
			g.leave(u)
			return u.ctx.Err()
		case g.turn <- struct{}{}:
			g.lead(do)
		}
	}
}

// lead does the work of a group. It notifies the calls in it and passes the
// turn on, even if do panics.
func (g *groups[T]) lead(do func([]*call[T])) {
	runtime.Gosched() // callers that could run now join this group
	group := g.take()
	defer func() {
		for _, u := range group {
			close(u.done)
		}
		<-g.turn
	}()
	if len(group) > 0 {
		do(group)
	}
}

// take returns the calls that have waited longest.
func (g *groups[T]) take() []*call[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), groupMax)
	group := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return group
}

func (g *groups[T]) leave(u *call[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(other *call[T]) bool { return other == u })
}

// whileAny returns a context that is done when those of all calls are: a caller
// that leaves doesn't affect the others.
func whileAny[T any](group []*call[T]) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(group[0].ctx))
	var gone atomic.Int64
	stops := make([]func() bool, 0, len(group))
	for _, u := range group {
		stops = append(stops, context.AfterFunc(u.ctx, func() {
			if gone.Add(1) == int64(len(group)) {
				cancel()
			}
		}))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}
