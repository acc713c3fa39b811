//go:build !race

package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestLinksOrders reads lists of links in every order, in pages of every size,
// with any number of links checked per page. Each link must appear once, in
// order.
func TestLinksOrders(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		must(t, s.SetDomain(t.Context(), by, newDomain("example.org"), action("", "")))
		random := rand.New(rand.NewPCG(1, 2))
		var all []setup.Link
		for i := range 60 {
			l := newLink(fmt.Sprintf("lnk_%02d", i))
			l.Created = start.Add(time.Duration(random.IntN(6)) * time.Minute)
			l.Expires = start.Add(time.Duration(20+random.IntN(20)) * time.Minute)
			l.Test, l.Tickets = random.IntN(3) == 0, random.IntN(4)
			l.Name = []string{"Ann Ödman", "Bo", "Cleo ÖDIN"}[random.IntN(3)]
			if random.IntN(2) == 0 {
				l.Metadata = settings.Metadata([]string{`{"customer":"4711","plan":"a"}`, `{"customer":"4712"}`}[random.IntN(2)])
			}
			if random.IntN(4) == 0 {
				l.Domain, l.Address = "example.org", "ann@example.org"
			}
			all = append(all, l)
		}
		actions := make([]audit.Action, len(all))
		for i, l := range all {
			actions[i] = action(audit.LinkCreate, l.ID)
		}
		must(t, s.CreateLinks(t.Context(), by, all, actions))
		at, tests, live := start.Add(30*time.Minute), true, false
		filters := []setup.Filter{
			{}, {Test: &tests}, {Test: &live, Name: "öd"}, {Domain: "example.org"}, {Domains: []string{"example.org", "example.com"}, Name: "bo"},
			{States: []setup.State{setup.Waiting, setup.Expired}}, {States: setup.States(), Domain: "example.com", Test: &tests},
			{From: start.Add(time.Minute), To: start.Add(3 * time.Minute)}, {Mailbox: "ann@example.com", Test: &live},
			{Metadata: settings.Pair{Name: "customer", Value: "4711"}}, {Metadata: settings.Pair{Name: "plan", Value: "b"}},
			{Metadata: settings.Pair{Name: "customer", Value: "4712"}, States: []setup.State{setup.Waiting, setup.Opened}, Domains: []string{"example.com", "example.org"}, Test: &tests},
			{Metadata: settings.Pair{Name: "customer", Value: "4711"}, Mailbox: "ann@example.com", From: start.Add(time.Minute)},
		}
		for _, f := range filters {
			for _, order := range append(setup.Orders(), "") {
				f.Account, f.Sort = account.Default, order
				want := idsOf(f, all, at)
				for _, sizes := range [][2]int{{1, 1}, {3, 7}, {7, 2}, {60, 1000}, {500, 13}} {
					f.Limit = sizes[0]
					if got := readWithin(t, s, f, at, sizes[1]); !slices.Equal(got, want) {
						t.Fatalf("%+v, %d looked at:\ngot  %v\nwant %v", f, sizes[1], got, want)
					}
				}
			}
		}
	})
}
