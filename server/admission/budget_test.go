package admission_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/admission"
)

func from(i int) admission.Guest {
	return admission.Guest{Network: netip.MustParseAddr(fmt.Sprintf("198.51.100.%d", i))}
}

// TestBudget lets strangers take and queue for all that they may. A known guest
// gets a place at once, one network gets no more than its share, and a freed
// place goes to the next in the queue.
func TestBudget(t *testing.T) {
	b := admission.NewBudget(2, 1, 10, 3)
	var leaves []func()
	for i := range 2 {
		leave, err := b.Enter(t.Context(), from(i))
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leave)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	results := make(chan error, 100)
	for i := range 60 {
		waiting.Go(func() {
			leave, err := b.Enter(ctx, from(i%4))
			if err == nil {
				leave()
			}
			results <- err
		})
	}
	for range 52 { // 10 strangers work or wait
		if err := <-results; !errors.Is(err, admission.ErrCrowded) {
			t.Fatalf("got %v", err)
		}
	}
	for range 5 {
		leave, err := b.Enter(t.Context(), admission.Guest{Known: true})
		if err != nil {
			t.Fatalf("who is known: %v", err)
		}
		leave()
	}
	leaves[0]() // everyone who waits passes through it
	for range 8 {
		if err := <-results; err != nil {
			t.Errorf("who waits: %v", err)
		}
	}
	waiting.Wait()
	leaves[1]()
	cancel()
	if _, err := b.Enter(ctx, from(1)); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestBudgetNetwork checks that one network holds its share and no more.
func TestBudgetNetwork(t *testing.T) {
	b := admission.NewBudget(5, 1, 10, 3)
	for i := range 5 {
		g := admission.Guest{Network: netip.MustParseAddr(fmt.Sprintf("2001:db8:1:%x::1", i))}
		if _, err := b.Enter(t.Context(), g); (err != nil) != (i >= 3) {
			t.Errorf("stranger %d of one /48: %v", i, err)
		}
	}
	if _, err := b.Enter(t.Context(), from(1)); err != nil {
		t.Errorf("another network: %v", err)
	}
}

// TestTally checks that the first events of each network are reported one by
// one, and all others counted.
func TestTally(t *testing.T) {
	at := time.UnixMilli(1_000_000)
	tally := admission.NewTally(func() time.Time { return at })
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	told := 0
	note := func(ip netip.Addr, times int) {
		for range times {
			if tally.Note(ip) {
				told++
			}
		}
	}
	note(one, 1000)
	note(other, 2)
	note(netip.MustParseAddr("2001:db8:0:ffff::2"), 500)
	if told != 6 {
		t.Errorf("%d were told", told)
	}
	sums := tally.Take()
	if len(sums) != 2 || sums[admission.Wide(one)] != 997 || sums[admission.Wide(other)] != 499 {
		t.Errorf("got %v", sums)
	}
	if len(tally.Take()) != 0 {
		t.Error("told twice")
	}
	at = at.Add(time.Minute)
	if !tally.Note(one) {
		t.Error("the next minute is not told")
	}
	told, at = 0, at.Add(time.Hour)
	for i := range 5000 {
		note(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 4)
	}
	sum := 0
	sums = tally.Take()
	for _, n := range sums {
		sum += n
	}
	if told != 3000 || told+sum != 20_000 || len(sums) > 1001 {
		t.Errorf("%d told, %d in %d sums", told, sum, len(sums))
	}
}
