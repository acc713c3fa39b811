package store_test

import (
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func TestCreateLink(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		want := newLink("lnk_1")
		withLink(t, s, want)
		if got := linkOf(t, s, "lnk_1"); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if n := len(actions(t, s)); n != 2 {
			t.Errorf("the log has %d entries, want 2", n)
		}
		wantUnchanged(t, database, func() {
			err := s.CreateLink(t.Context(), by, newLink("lnk_1"), []admission.Limit{{Key: "k", Max: 1, Window: time.Hour}}, action(audit.LinkCreate, "lnk_1"))
			wantFault(t, err, fault.Conflict)
		})
	})
}

func TestLinkInWhateverState(t *testing.T) {
	want := newLink("lnk_1")
	want.Name, want.Login, want.Locale = "", "", ""
	want.Revoked = start.Add(time.Minute)
	want.Tickets, want.Downloads = 3, 2
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		withLink(t, s, want)
		if got := linkOf(t, s, "lnk_1"); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

func TestLinkIsNotFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l, err := s.Link(t.Context(), "lnk_none")
		wantFault(t, err, fault.NotFound)
		if l != (setup.Link{}) {
			t.Errorf("got %+v with the fault", l)
		}
	})
}

func TestLinkOfUnknownDomain(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		wantUnchanged(t, database, func() {
			if err := s.CreateLink(t.Context(), by, newLink("lnk_1"), nil, action(audit.LinkCreate, "lnk_1")); err == nil {
				t.Error("it was kept")
			}
		})
	})
}

// create creates a link at the time and returns its error.
func create(t *testing.T, s *store.Store, link string, at time.Time, limits ...admission.Limit) error {
	t.Helper()
	l := newLink(link)
	l.Created, l.Expires = at, at.Add(time.Hour)
	return s.CreateLink(t.Context(), by, l, limits, action(audit.LinkCreate, link))
}

func wantLimited(t *testing.T, err error, wait time.Duration) {
	t.Helper()
	wantFault(t, err, fault.Limited)
	if f := fault.Of(err); f.RetryAfter != wait {
		t.Errorf("wait %v, want %v", f.RetryAfter, wait)
	}
}

func TestLimitWindow(t *testing.T) {
	limit := admission.Limit{Key: "address", Max: 2, Window: 10 * time.Minute}
	other := admission.Limit{Key: "other", Max: 1, Window: 10 * time.Minute}
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		must(t, create(t, s, "lnk_1", start, limit))
		must(t, create(t, s, "lnk_2", start.Add(9*time.Minute), limit))
		must(t, create(t, s, "lnk_o", start.Add(9*time.Minute), other))
		wantUnchanged(t, database, func() {
			wantLimited(t, create(t, s, "lnk_3", start.Add(9*time.Minute), limit), time.Minute)
			wantLimited(t, create(t, s, "lnk_3", start.Add(10*time.Minute-time.Millisecond), limit), time.Millisecond)
		})
		must(t, create(t, s, "lnk_4", start.Add(10*time.Minute), limit))
		must(t, create(t, s, "lnk_5", start.Add(11*time.Minute), limit))
		// The new window began with lnk_4.
		wantLimited(t, create(t, s, "lnk_6", start.Add(12*time.Minute), limit), 8*time.Minute)
	})
}

// A refusal by one limit doesn't count on the others, and the fault has the
// longest wait, no matter in which order the limits are given.
func TestLimitsTogether(t *testing.T) {
	wide := admission.Limit{Key: "z", Max: 5, Window: time.Hour}
	narrow := admission.Limit{Key: "b", Max: 1, Window: 10 * time.Minute}
	full := admission.Limit{Key: "c", Max: 1, Window: 30 * time.Minute}
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		must(t, create(t, s, "lnk_1", start, full, narrow, wide))
		wantUnchanged(t, database, func() {
			wantLimited(t, create(t, s, "lnk_2", start, wide, narrow), 10*time.Minute)
			wantLimited(t, create(t, s, "lnk_2", start, narrow, wide), 10*time.Minute)
			wantLimited(t, create(t, s, "lnk_2", start, full, narrow, wide), 30*time.Minute)
			wantLimited(t, create(t, s, "lnk_2", start, wide, narrow, full), 30*time.Minute)
		})
		for i := range 4 {
			must(t, create(t, s, id("more", i), start, wide))
		}
		wantLimited(t, create(t, s, "lnk_3", start, wide), time.Hour)
	})
}

func TestLimitOfNone(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		wantUnchanged(t, database, func() {
			for _, n := range []int{0, -1} {
				wantLimited(t, create(t, s, "lnk_1", start, admission.Limit{Key: "k", Max: n, Window: time.Minute}), time.Minute)
				wantLimited(t, create(t, s, "lnk_1", start, admission.Limit{Key: "k", Max: n}), time.Millisecond)
			}
		})
	})
}

// A clock that was wrong for a while doesn't block anybody for longer.
func TestLimitAfterAWrongClock(t *testing.T) {
	limit := admission.Limit{Key: "k", Max: 1, Window: 10 * time.Minute}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		withDomain(t, s)
		must(t, create(t, s, "lnk_1", start.Add(400*24*time.Hour), limit))
		must(t, create(t, s, "lnk_2", start, limit))
		wantLimited(t, create(t, s, "lnk_3", start, limit), 10*time.Minute)
		// Two servers whose clocks differ by less than a window share the
		// window.
		wantLimited(t, create(t, s, "lnk_4", start.Add(-90*time.Second), limit), 11*time.Minute+30*time.Second)
	})
}

// Many links at once, with two limits in different orders.
func TestLimitRace(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		withDomain(t, storetest.Open(t, store.Config{Database: database}))
		a := admission.Limit{Key: "a", Max: 20, Window: time.Hour}
		b := admission.Limit{Key: "b", Max: 1000, Window: time.Hour}
		n := race(t, database, 200, fault.Limited, func(s *store.Store, i int) error {
			if i%3 == 0 {
				return create(t, s, id("lnk", i), start, b, a)
			}
			return create(t, s, id("lnk", i), start, a, b)
		})
		s := storetest.Open(t, store.Config{Database: database})
		if log := len(actions(t, s)); n != 20 || log != 21 {
			t.Errorf("%d links and %d actions, want 20 and 21", n, log)
		}
	})
}
