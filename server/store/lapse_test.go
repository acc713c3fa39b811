package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestLapseLinks has several servers look for expired links. It checks that
// each link is reported once, and again only if it was extended since.
func TestLapseLinks(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		at := start.Add(30 * time.Minute)
		var all []setup.Link
		var actions []audit.Action
		for i := range 1203 {
			l := newLink(fmt.Sprintf("lnk_%04d", i))
			switch l.Expires = at.Add(-time.Duration(i) * time.Millisecond); i % 4 {
			case 1:
				l.Expires = at.Add(time.Millisecond)
			case 2:
				l.Tickets = l.MaxDownloads
			case 3:
				l.Revoked = start
			}
			all, actions = append(all, l), append(actions, action(audit.LinkCreate, l.ID))
		}
		must(t, s.CreateLinks(t.Context(), by, all, actions))
		lapse := func(l setup.Link) audit.Action { return setup.LapseAction(by, l) }
		stores := [2]*store.Store{s, storetest.Open(t, store.Config{Database: database})}
		var wg sync.WaitGroup
		totals := make([]int, 4)
		for i := range totals {
			wg.Go(func() {
				n, err := stores[i%2].LapseLinks(t.Context(), by, at, lapse)
				if err != nil {
					t.Error(err)
				}
				totals[i] = n
			})
		}
		wg.Wait()
		told := func() []string {
			return storetest.Column(t, database, `SELECT target_id FROM actions WHERE name = 'link.expire' ORDER BY target_id`)
		}
		var want []string
		for i := 0; i < len(all); i += 4 {
			want = append(want, all[i].ID)
		}
		if got := told(); !slices.Equal(got, want) || totals[0]+totals[1]+totals[2]+totals[3] != len(want) {
			t.Fatalf("%d links are reported, %v counted, want %d", len(got), totals, len(want))
		}
		extend := func(l setup.Link) (setup.Link, error) {
			l.Expires = at.Add(time.Minute)
			return l, nil
		}
		must(t, s.ChangeLink(t.Context(), by, account.Default, all[0].ID, extend, action(audit.LinkUpdate, all[0].ID)))
		for range 2 {
			if _, err := s.LapseLinks(t.Context(), by, at.Add(time.Minute), lapse); err != nil {
				t.Error(err)
			}
		}
		if got := told(); len(got) != len(want)+301+1 || got[0] != got[1] {
			t.Errorf("%d links are reported, the first %v", len(got), got[:3])
		}
		if got := storetest.Column(t, database, `SELECT DISTINCT events FROM actions WHERE name = 'link.expire'`); !slices.Equal(got, []string{string(notify.LinkExpired)}) {
			t.Errorf("it is the events %v", got)
		}
	})
}

// TestLastTicket checks that the ticket that uses a link up is reported as
// such.
func TestLastTicket(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withLink(t, s, newLink("lnk_1"))
		for i := range 3 {
			must(t, s.CreateTicket(t.Context(), by, newTicket(id("tkt", i), "lnk_1"), action(audit.LinkOpen, "lnk_1")))
		}
		got := storetest.Column(t, database, `SELECT events FROM actions WHERE name = 'link.open' ORDER BY seq`)
		if !slices.Equal(got, []string{"link.opened", "link.opened", "link.opened link.used"}) {
			t.Errorf("%q", got)
		}
	})
}
