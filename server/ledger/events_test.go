package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestEvents lets two servers write at once, actions with no event, one, or
// two, while events are read in pages of every size: none is missed, none comes
// twice, and they come in order.
func TestEvents(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		stores := [2]*store.Store{storetest.Open(t, store.Config{Database: database}), storetest.Open(t, store.Config{Database: database})}
		const each = 150
		kinds := []audit.Action{
			storetest.Action(audit.LinkCreate, "lnk_1"), storetest.Action(audit.LinkUpdate, "lnk_1"), storetest.Action(audit.LinkOpen, "lnk_1"), storetest.Action(audit.DomainUpdate, "dom_1"),
		}
		used := storetest.Action(audit.LinkOpen, "lnk_1")
		used.Changes = []audit.Change{notify.UsedField}
		kinds = append(kinds, used)
		var writers sync.WaitGroup
		for i, s := range stores {
			writers.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(i)))
				for range each {
					if err := s.Record(t.Context(), storetest.By, kinds[random.IntN(len(kinds))]); err != nil {
						t.Error(err)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() {
			writers.Wait()
			close(done)
		}()
		random := rand.New(rand.NewPCG(2, 2))
		var got []string
		var after notify.Place
		for last := false; ; {
			part, err := stores[0].Events(t.Context(), account.Default, after, 1+random.IntN(7))
			storetest.Must(t, err)
			for _, e := range part.Events {
				got = append(got, e.String()+" "+string(e.Type))
				if m := e.Message(); m.Data.Sequence != e.Seq || m.Data.Action == "" {
					t.Errorf("%+v", m)
				}
			}
			if after, err = notify.ParsePlace("after", part.Next.String()); err != nil || after != part.Next {
				t.Fatalf("%v is read as %v, %v", part.Next, after, err)
			}
			if part.More {
				continue
			}
			if last {
				break
			}
			select {
			case <-done:
				last = true
			default:
			}
		}
		var want []string
		for _, r := range storetest.Entries(t, stores[0]) {
			e, err := r.Read()
			storetest.Must(t, err)
			types := map[audit.Name][]notify.Type{
				audit.LinkCreate: {notify.LinkCreated}, audit.LinkOpen: {notify.LinkOpened}, audit.DomainUpdate: {notify.DomainChanged},
			}[e.Name]
			if len(e.Changes) > 0 {
				types = append(types, notify.LinkUsed)
			}
			for i, kind := range types {
				want = append(want, fmt.Sprintf("%s %s", notify.Place{Seq: r.Seq, Number: i}, kind))
			}
		}
		if !slices.Equal(got, want) || len(want) < each {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		_, err := stores[0].Events(t.Context(), account.Default, notify.Place{Seq: 10_000}, 5)
		storetest.WantFault(t, err, fault.Invalid)
		end, err := stores[0].LastEvent(t.Context(), account.Default)
		storetest.Must(t, err)
		if part, err := stores[0].Events(t.Context(), account.Default, end, 5); err != nil || len(part.Events) > 0 || part.More {
			t.Errorf("after the last: %v, %v", part, err)
		}
	})
}

func TestEventPlaces(t *testing.T) {
	for _, text := range []string{"", "-1", "1.0", "1.10", "1.", ".1", "01", "+1", "1.01", "x", "1.1.1", "99999999999999999999", " 1"} {
		if p, err := notify.ParsePlace("after", text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is %v, %v", text, p, err)
		}
	}
	for _, text := range []string{"0", "1", "41.1", "41.9"} {
		if p, err := notify.ParsePlace("after", text); err != nil || p.String() != text {
			t.Errorf("%q is %v, %v", text, p, err)
		}
	}
}
