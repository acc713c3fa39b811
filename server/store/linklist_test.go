package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/replay"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// found returns the IDs that match the filter, over all pages of the list.
func found(t *testing.T, s *store.Store, f setup.Filter, at time.Time) []string {
	t.Helper()
	f.Account = account.Default
	var ids []string
	for {
		part, err := s.Links(t.Context(), f, at)
		must(t, err)
		if len(part.Links) > f.Limit {
			t.Fatalf("%d links with the limit %d", len(part.Links), f.Limit)
		}
		for _, l := range part.Links {
			ids = append(ids, l.ID)
		}
		next, err := setup.ParsePlace(part.Next.String())
		must(t, err)
		if next == (setup.Place{}) {
			return ids
		}
		f.After = next
	}
}

func TestLinksFilters(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		must(t, s.SetDomain(t.Context(), by, newDomain("example.org"), action("", "")))
		secondAccount(t, database)
		at := start.Add(30 * time.Minute)
		add := func(id string, change func(*setup.Link)) {
			l := newLink(id)
			l.Variant, l.ReturnURL = settings.Secure, "https://panel.example.com/x"
			change(&l)
			must(t, s.CreateLink(t.Context(), by, l, nil, action(audit.LinkCreate, id)))
			if got := linkOf(t, s, id); got != l {
				t.Errorf("got  %+v\nwant %+v", got, l)
			}
		}
		add("lnk_a", func(*setup.Link) {})
		add("lnk_b", func(l *setup.Link) { l.Tickets = 1 })
		add("lnk_c", func(l *setup.Link) { l.Tickets, l.Downloads = 2, 1 })
		add("lnk_d", func(l *setup.Link) { l.Tickets, l.Downloads = 3, 1 })
		add("lnk_e", func(l *setup.Link) { l.Expires = at })
		add("lnk_f", func(l *setup.Link) { l.Revoked, l.Expires = at, at })
		add("lnk_g", func(l *setup.Link) {
			l.Domain, l.Address, l.ExternalID, l.Created = "example.org", "Jörg@example.org", "mbx_1", start.Add(-time.Minute)
		})
		all := []string{"lnk_f", "lnk_e", "lnk_d", "lnk_c", "lnk_b", "lnk_a", "lnk_g"}
		for _, limit := range []int{1, 2, 3, 7, 50} {
			if got := found(t, s, setup.Filter{Limit: limit}, at); !slices.Equal(got, all) {
				t.Errorf("limit %d: %v", limit, got)
			}
		}
		for want, f := range map[string]setup.Filter{
			"lnk_a lnk_g": {States: []setup.State{setup.Waiting}}, "lnk_b": {States: []setup.State{setup.Opened}}, "lnk_c": {States: []setup.State{setup.Downloaded}},
			"lnk_d": {States: []setup.State{setup.Used}}, "lnk_e": {States: []setup.State{setup.Expired}}, "lnk_f": {States: []setup.State{setup.Revoked}},
			"lnk_g":                    {Mailbox: "jörg@example.org", Domain: "example.org", ExternalID: "mbx_1", Domains: []string{"example.org", "x.example"}},
			"":                         {Domains: []string{"example.com"}, Domain: "example.org"},
			strings.Join(all[:6], " "): {Mailbox: "ann@example.com"},
			strings.Join(all, " "):     {Domains: []string{"example.com", "example.org"}},
		} {
			f.Limit = 2
			if got := strings.Join(found(t, s, f, at), " "); got != want {
				t.Errorf("%+v: got %q, want %q", f, got, want)
			}
		}
		for _, id := range all { // the filter agrees with the link's own state
			state := linkOf(t, s, id).State(at)
			if got := found(t, s, setup.Filter{States: []setup.State{state}, Limit: 9}, at); !slices.Contains(got, id) {
				t.Errorf("%s is %s and not found as such", id, state)
			}
		}
		if part, err := s.Links(t.Context(), setup.Filter{Account: "acc_2", Limit: 9}, at); err != nil || len(part.Links) != 0 {
			t.Errorf("another account found %v, %v", part, err)
		}
	})
}

// idsOf returns the links that match the filter, in its order.
func idsOf(f setup.Filter, all []setup.Link, at time.Time) []string {
	all = slices.DeleteFunc(slices.Clone(all), func(l setup.Link) bool {
		return f.Domain != "" && l.Domain != f.Domain || len(f.Domains) > 0 && !slices.Contains(f.Domains, l.Domain) ||
			len(f.States) > 0 && !slices.Contains(f.States, l.State(at)) || f.Test != nil && l.Test != *f.Test ||
			!strings.Contains(strings.ToLower(l.Name), f.Name) || l.Created.Before(f.From) || !f.To.IsZero() && !l.Created.Before(f.To) ||
			f.Metadata != (settings.Pair{}) && !l.Metadata.Has(f.Metadata) || f.Mailbox != "" && !strings.EqualFold(f.Mailbox, l.Address)
	})
	slices.SortFunc(all, func(a, b setup.Link) int { return f.Sort.Compare(f.Sort.PlaceOf(a), f.Sort.PlaceOf(b)) })
	ids := []string{}
	for _, l := range all {
		ids = append(ids, l.ID)
	}
	return ids
}

func readWithin(t *testing.T, s *store.Store, f setup.Filter, at time.Time, reach int) []string {
	t.Helper()
	ids := []string{}
	for range 1000 {
		part, err := store.LinksWithin(t.Context(), s, f, at, reach)
		must(t, err)
		for _, l := range part.Links {
			ids = append(ids, l.ID)
		}
		if len(part.Links) > f.Limit {
			t.Fatalf("%d links with the limit %d", len(part.Links), f.Limit)
		}
		if f.After = part.Next; f.After == (setup.Place{}) {
			return ids
		}
	}
	t.Fatal("a list without end")
	return nil
}

func TestRevokeLink(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withTicket(t, s, newLink("lnk_1"), newTicket("tkt_1", "lnk_1"))
		wantUnchanged(t, database, func() {
			wantFault(t, s.RevokeLink(t.Context(), by, "acc_2", "lnk_1", start, action(audit.LinkRevoke, "lnk_1")), fault.NotFound)
			wantFault(t, s.RevokeLink(t.Context(), by, account.Default, "lnk_2", start, action(audit.LinkRevoke, "lnk_2")), fault.NotFound)
		})
		must(t, s.RevokeLink(t.Context(), by, account.Default, "lnk_1", start.Add(time.Second), action(audit.LinkRevoke, "lnk_1")))
		if got := linkOf(t, s, "lnk_1").Revoked; !got.Equal(start.Add(time.Second)) {
			t.Errorf("revoked at %v", got)
		}
		wantUnchanged(t, database, func() {
			must(t, s.RevokeLink(t.Context(), by, account.Default, "lnk_1", start.Add(time.Minute), action(audit.LinkRevoke, "lnk_1")))
			wantFault(t, s.UseTicket(t.Context(), by, "tkt_1", start, action(audit.ProfileDownload, "tkt_1")), fault.Gone)
		})
	})
}

func TestRevokeLinks(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		withDomain(t, s)
		for i := range 4 {
			l := newLink(id("lnk", i))
			if i == 3 {
				l.Address = "eve@example.com"
			}
			must(t, s.CreateLink(t.Context(), by, l, nil, action(audit.LinkCreate, l.ID)))
		}
		must(t, s.RevokeLink(t.Context(), by, account.Default, "lnk_0", start, action(audit.LinkRevoke, "lnk_0")))
		mailbox := setup.Group{Account: account.Default, Mailbox: "ann@example.com"}
		if n, err := s.CountLinks(t.Context(), mailbox, start); n != 2 || err != nil {
			t.Errorf("counted %d, %v", n, err)
		}
		if n, err := s.RevokeLinks(t.Context(), by, mailbox, start, action(audit.LinkRevoke, "")); n != 2 || err != nil {
			t.Errorf("revoked %d, %v", n, err)
		}
		records := actions(t, s)
		if e, err := records[len(records)-1].Read(); err != nil || len(e.Changes) != 1 || e.Changes[0].New != "2" {
			t.Errorf("%v, %v", e.Changes, err)
		}
		domain := setup.Group{Account: account.Default, Domain: "example.com"}
		wantUnchanged(t, database, func() {
			for _, g := range []setup.Group{mailbox, {Account: "acc_2", Domain: "example.com"}} {
				if n, err := s.RevokeLinks(t.Context(), by, g, start, action(audit.LinkRevoke, "")); n != 0 || err != nil {
					t.Errorf("%+v: revoked %d, %v", g, n, err)
				}
			}
			if _, err := s.RevokeLinks(t.Context(), by, setup.Group{Account: account.Default}, start, action(audit.LinkRevoke, "")); err == nil {
				t.Error("all links of an account were revoked")
			}
			late := start.Add(time.Hour + setup.TicketLife) // no link works by then
			if n, err := s.RevokeLinks(t.Context(), by, domain, late, action(audit.LinkRevoke, "")); n != 0 || err != nil {
				t.Errorf("revoked %d, %v", n, err)
			}
		})
		// The link has expired, but a ticket of it may still be valid.
		if n, err := s.RevokeLinks(t.Context(), by, domain, start.Add(time.Hour+time.Minute), action(audit.LinkRevoke, "")); n != 1 || err != nil {
			t.Errorf("revoked %d, %v", n, err)
		}
	})
}

// TestReplay has two servers execute one request many times at once. Only one
// may do it.
func TestReplay(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		withDomain(t, s)
		must(t, s.CreateKey(t.Context(), by, account.Key{ID: "key_1", Account: account.Default, Scopes: account.Scopes(), Hash: []byte("h"), CreatedBy: account.Creator{Kind: audit.Operator}}, action(audit.KeyCreate, "key_1")))
		request := replay.Request{Key: "key_1", Name: []byte("name"), Fingerprint: []byte("print")}
		do := func(s *store.Store, id string) error {
			return s.CreateLink(replay.With(t.Context(), request), by, newLink(id), nil, action(audit.LinkCreate, id))
		}
		before := len(actions(t, s))
		stores := [2]*store.Store{s, storetest.Open(t, store.Config{Database: database, Now: clock.Now})}
		results := make(chan error, 16)
		for i := range cap(results) {
			go func() { results <- do(stores[i%2], fmt.Sprintf("lnk_%d", i)) }()
		}
		made := 0
		for range cap(results) {
			switch err := <-results; {
			case err == nil:
				made++
			case !strings.Contains(err.Error(), replay.ErrDone.Error()):
				t.Error(err)
			}
		}
		links := found(t, s, setup.Filter{Limit: 50}, start)
		if made != 1 || len(links) != 1 || len(actions(t, s)) != before+1 {
			t.Fatalf("done %d times, %d links, %d actions", made, len(links), len(actions(t, s))-before)
		}
		if done, err := s.Replayed(t.Context(), request); err != nil || len(done.Answer) > 0 {
			t.Errorf("got %+v, %v", done, err)
		}
		request.Answer = []byte("answer")
		must(t, s.KeepAnswer(t.Context(), request))
		if done, err := s.Replayed(t.Context(), request); err != nil || string(done.Answer) != "answer" {
			t.Errorf("got %+v, %v", done, err)
		}
		other := request
		other.Fingerprint = []byte("other")
		_, err := s.Replayed(t.Context(), other)
		wantFault(t, err, fault.RepeatDiffers)
		other.Key = "key_2"
		_, err = s.Replayed(t.Context(), other)
		wantFault(t, err, fault.NotFound)
		clock.Move(replay.Life)
		_, err = s.Replayed(t.Context(), request)
		wantFault(t, err, fault.NotFound)
		must(t, do(s, "lnk_again"))
		if err := s.Record(replay.With(t.Context(), request), by, action(audit.ProfileIssue, "")); err == nil || !strings.Contains(err.Error(), replay.ErrDone.Error()) {
			t.Errorf("an action of a request that was executed: %v", err)
		}
		clock.Move(replay.Life)
		must(t, s.Prune(t.Context()))
		if n := storetest.Column(t, database, `SELECT COUNT(*) FROM replays`); n[0] != "0" {
			t.Errorf("%s requests are kept after their time", n[0])
		}
	})
}

// TestWebhookKnowsLink checks that webhook calls contain the external ID of
// the link.
func TestWebhookKnowsLink(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		hook := notify.Webhook{ID: "whk_1", Account: account.Default, URL: "https://example.com/hook", Types: []notify.Type{notify.LinkOpened}, Secret: []byte("s"), Created: start, Updated: start}
		must(t, s.CreateWebhook(t.Context(), by, hook, action(audit.WebhookCreate, "whk_1")))
		l := newLink("lnk_1")
		l.ExternalID = "mbx_812"
		withTicket(t, s, l, newTicket("tkt_1", "lnk_1"))
		deliveries := storetest.Column(t, database, `SELECT id FROM deliveries WHERE webhook = 'whk_1'`)
		if len(deliveries) != 1 {
			t.Fatalf("%d deliveries", len(deliveries))
		}
		try, err := s.BeginTry(t.Context(), deliveries[0])
		must(t, err)
		if try.ExternalID != "mbx_812" {
			t.Errorf("got %q", try.ExternalID)
		}
	})
}
