package admission

import (
	"context"
	"errors"
	"net/netip"
	"sync"
)

// A Budget limits work that takes much memory and time, for example hashing
// passwords. Some places are for everyone, and some are reserved for known
// guests, so that strangers can't take them all.
type Budget struct {
	all, kept chan struct{}
	most      int // the maximum of waiting and working strangers, and of known guests
	perNet    int // the maximum of waiting and working strangers of one network

	mu        sync.Mutex
	known     int
	strangers int
	networks  map[netip.Prefix]int
}

// NewBudget returns a budget with all places for everyone and kept reserved
// ones. Of strangers, and of known guests, at most most can wait or work at a
// time; of the strangers of one network, perNet.
func NewBudget(all, kept, most, perNet int) *Budget {
	return &Budget{all: make(chan struct{}, all), kept: make(chan struct{}, kept), most: most, perNet: perNet, networks: map[netip.Prefix]int{}}
}

// ErrCrowded says that too many wait already.
var ErrCrowded = errors.New("admission: too many wait")

// A Guest is someone who wants a place.
type Guest struct {
	Known   bool
	Network netip.Addr // of a stranger
}

// Enter waits for a place; leave frees it. If too many wait, the error is
// ErrCrowded.
func (b *Budget) Enter(ctx context.Context, g Guest) (leave func(), err error) {
	from := Wide(g.Network)
	if !b.queue(g, from) {
		return nil, ErrCrowded
	}
	kept := b.kept
	if !g.Known {
		kept = nil // never receives
	}
	var place chan struct{}
	select {
	case b.all <- struct{}{}:
		place = b.all
	case kept <- struct{}{}:
		place = b.kept
	case <-ctx.Done():
		b.unqueue(g, from)
		return nil, ctx.Err()
	}
	return func() {
		<-place
		b.unqueue(g, from)
	}, nil
}

func (b *Budget) queue(g Guest, from netip.Prefix) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g.Known {
		if b.known >= b.most {
			return false
		}
		b.known++
		return true
	}
	if b.strangers >= b.most || b.networks[from] >= b.perNet {
		return false
	}
	b.strangers++
	b.networks[from]++
	return true
}

func (b *Budget) unqueue(g Guest, from netip.Prefix) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g.Known {
		b.known--
		return
	}
	b.strangers--
	decrease(b.networks, from)
}
