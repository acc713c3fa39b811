package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/updatecase/mobileconfig/server/db"
)

// groupMax is how many calls are in one group.
const groupMax = 64

// errNotReached is the outcome of a call that its group didn't reach.
var errNotReached = errors.New("the group of this download ended early")

// A call of a method about a ticket waits for its group.
type call[T any] struct {
	ctx    context.Context
	ticket string
	what   T
	// err is the outcome, which can be read once done is closed. Inside the
	// transaction it is that of this call only.
	err  error
	done chan struct{}
}

func newCall[T any](ctx context.Context, ticket string, what T) *call[T] {
	return &call[T]{ctx: ctx, ticket: ticket, what: what, err: errNotReached, done: make(chan struct{})}
}

// groups are the waiting calls of a method. They collect while a group is at
// the database, and the one that has the next turn starts that of all. No
// caller waits for longer than its own context.
type groups[T any] struct {
	turn    chan struct{} // sending to it takes the turn
	mu      sync.Mutex
	waiting []*call[T]
}

func newGroups[T any]() *groups[T] { return &groups[T]{turn: make(chan struct{}, 1)} }

// wait returns the outcome of c, which do has decided with those of a group. It
// returns early when the context of c is done. If c is in a group by then, its
// outcome is unknown, as with any transaction.
func (g *groups[T]) wait(c *call[T], do func([]*call[T])) error {
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	g.mu.Unlock()
	for {
		select {
		case <-c.done:
			return c.err
		default:
		}
		select {
		case <-c.done:
		case <-c.ctx.Done():
			g.leave(c)
			return c.ctx.Err()
		case g.turn <- struct{}{}:
			go g.lead(do)
		}
	}
}

// lead does the work of a group. It notifies the calls in it and passes the
// turn on, even if do panics, which they then report.
func (g *groups[T]) lead(do func([]*call[T])) {
	runtime.Gosched() // callers that could run now join this group
	group := g.take()
	defer func() {
		if p := recover(); p != nil {
			for _, c := range group {
				c.err = fmt.Errorf("a panic: %v\n%s", p, debug.Stack())
			}
		}
		for _, c := range group {
			close(c.done)
		}
		<-g.turn
	}()
	if len(group) > 0 {
		do(group)
	}
}

// take returns the calls that have waited longest, sorted by ticket: two
// servers then lock them in the same order.
func (g *groups[T]) take() []*call[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), groupMax)
	group := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	slices.SortStableFunc(group, func(a, b *call[T]) int { return strings.Compare(a.ticket, b.ticket) })
	return group
}

func (g *groups[T]) leave(c *call[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(other *call[T]) bool { return other == c })
}

// whileAny returns a context that is done when those of all calls are: a caller
// that leaves doesn't affect the others.
func whileAny[T any](group []*call[T]) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(db.PerCall(context.WithoutCancel(group[0].ctx)))
	var gone atomic.Int64
	stops := make([]func() bool, 0, len(group))
	for _, c := range group {
		stops = append(stops, context.AfterFunc(c.ctx, func() {
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
