package admission

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// single is how many events of a network are reported one by one in a
	// window.
	single = 3
	// window is the period that a tally covers.
	window = time.Minute
	// maxTallied is how many networks are counted separately.
	maxTallied = 1000
)

// A Tally counts events that anyone can cause, so that a flood of them takes
// few log entries: the first of a minute of each network one by one, and the
// others as a sum.
type Tally struct {
	now func() time.Time

	mu     sync.Mutex
	began  time.Time
	told   map[netip.Prefix]int
	untold map[netip.Prefix]int
}

// NewTally returns a Tally.
func NewTally(now func() time.Time) *Tally {
	return &Tally{now: now, told: map[netip.Prefix]int{}, untold: map[netip.Prefix]int{}}
}

// Note counts an event and reports whether to report it by itself.
func (t *Tally) Note(from netip.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if age := now.Sub(t.began); age < 0 || age >= window {
		t.began = now
		clear(t.told)
	}
	network := Wide(from)
	if n, known := t.told[network]; n < single && (known || len(t.told) < maxTallied) {
		t.told[network]++
		return true
	}
	if _, known := t.untold[network]; !known && len(t.untold) >= maxTallied {
		network = netip.Prefix{} // all others
	}
	t.untold[network]++
	return false
}

// Take returns how many events of each network weren't reported, and resets the
// counts. The zero Prefix stands for all networks that aren't counted
// separately.
func (t *Tally) Take() map[netip.Prefix]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.untold
	t.untold = map[netip.Prefix]int{}
	return all
}
