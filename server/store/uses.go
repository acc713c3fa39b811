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
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
)

// groupMax is how many uses of tickets one transaction stores.
const groupMax = 64

// errNotKept is the outcome of a use that the group didn't reach.
var errNotKept = errors.New("the group of this download ended early")

// A use is one call of UseTicket.
type use struct {
	ctx    context.Context
	by     audit.Grant
	ticket string
	at     time.Time
	action audit.Action
	// err is the outcome, which can be read once done is closed. Inside the
	// transaction it is that of this use only.
	err  error
	done chan struct{}
}

// uses are the waiting calls of UseTicket. They collect while a transaction is
// running, and the one that has the next turn starts that of all. No caller
// waits for longer than its own context.
type uses struct {
	turn    chan struct{} // sending to it takes the turn
	mu      sync.Mutex
	waiting []*use
}

func newUses() *uses { return &uses{turn: make(chan struct{}, 1)} }

// wait returns the outcome of u, which do has decided in the transaction of a
// group. It returns early when the context of u is done. If u is in a group by
// then, its outcome is unknown, as with any transaction.
func (g *uses) wait(u *use, do func([]*use)) error {
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
			go g.lead(do)
		}
	}
}

// lead does the work of a group. It notifies the calls in it and passes the
// turn on, even if do panics, which they then report.
func (g *uses) lead(do func([]*use)) {
	runtime.Gosched() // callers that could run now join this group
	group := g.take()
	defer func() {
		if p := recover(); p != nil {
			for _, u := range group {
				u.err = fmt.Errorf("a panic: %v\n%s", p, debug.Stack())
			}
		}
		for _, u := range group {
			close(u.done)
		}
		<-g.turn
	}()
	if len(group) > 0 {
		do(group)
	}
}

// take returns the uses that have waited longest, sorted by ticket: two
// servers then lock them in the same order.
func (g *uses) take() []*use {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), groupMax)
	group := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	slices.SortStableFunc(group, func(a, b *use) int { return strings.Compare(a.ticket, b.ticket) })
	return group
}

func (g *uses) leave(u *use) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(other *use) bool { return other == u })
}

// whileAny returns a context that is done when those of all uses are: a caller
// that leaves doesn't affect the others.
func whileAny(group []*use) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(db.PerCall(context.WithoutCancel(group[0].ctx)))
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
