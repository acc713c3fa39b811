package ledger_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/ledger"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// pick returns one of the values.
func pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// randomAction returns an action with few different words, so that filters
// match some.
func randomAction(r *rand.Rand) audit.Action {
	return audit.Action{
		Account: account.Default,
		Name:    pick(r, audit.ProfileDownload, audit.LinkOpen, audit.SessionRevoke, audit.PolicyUpdate),
		Outcome: pick(r, audit.Done, audit.Done, audit.Refused),
		Reason:  pick(r, "", "gone"),
		Actor: audit.Actor{
			Kind: pick(r, audit.Visitor, audit.Member, audit.KeyActor), ID: pick(r, "", "mem_1", "mem_2"), Name: pick(r, "", "Ödegård", "ANN"),
			IP: pick(r, "", "192.0.2.1", "192.0.2.77", "2001:db8::1", "2001:db8:0:1::1"), Interface: pick(r, audit.Page, audit.Panel, audit.API),
		},
		Target:  audit.Target{Kind: pick(r, audit.TicketTarget, audit.LinkTarget, audit.MemberTarget), ID: pick(r, "x_1", "x_2"), Name: pick(r, "", `say "hi"`, "Jane@example.com")},
		Changes: pick(r, nil, []audit.Change{{Field: "policy", Old: "off", New: "Required"}}),
		Profile: pick(r, "", "aa", "bb"), Link: pick(r, "", "lnk_1", "lnk_2"), Domain: pick(r, "", "example.com", "example.org"),
		Mailbox: pick(r, "", "jane@example.com", "ann@example.com"),
	}
}

func randomFilter(r *rand.Rand, times []time.Time) audit.Filter {
	f := audit.Filter{Account: account.Default, Limit: 1 + r.IntN(30)}
	for range 1 + r.IntN(3) {
		switch r.IntN(15) {
		case 0:
			f.From = pick(r, times...)
		case 1:
			f.To = pick(r, times...)
		case 2:
			f.Actor = pick(r, "mem_1", "mem_2", "mem_none")
		case 3:
			f.ActorKind = pick(r, audit.Visitor, audit.Member, audit.System)
		case 4:
			f.Names = pick(r, []audit.Name{audit.SessionRevoke}, []audit.Name{audit.LinkOpen, audit.PolicyUpdate, audit.LinkOpen}, []audit.Name{audit.KeyCreate})
		case 5:
			f.Outcome = pick(r, audit.Done, audit.Refused)
		case 6:
			f.Interface = pick(r, audit.Page, audit.Panel, audit.CommandLine)
		case 7:
			f.TargetKind = pick(r, audit.TicketTarget, audit.MemberTarget)
		case 8:
			f.Target = pick(r, "x_1", "x_3")
		case 9:
			f.Mailbox = pick(r, "jane@example.com", "eve@example.com")
		case 10:
			f.Domain = pick(r, "example.com", "example.net")
		case 11:
			f.Network = netip.MustParsePrefix(pick(r, "192.0.2.1/32", "192.0.2.0/26", "2001:db8::/63", "2001:db8::1/128", "0.0.0.0/0", "::/0"))
		case 12:
			f.Link = pick(r, "lnk_1", "lnk_3")
		case 13:
			f.Profile = pick(r, "aa", "cc")
		case 14:
			f.Text = pick(r, "ödegård", "ann", "REQUIRED", "gone", `"HI"`, "none", " ", "personal", "policy", "%")
		}
	}
	return f
}

// fits is the definition of a filter.
func fits(f audit.Filter, r audit.Row) bool {
	e, err := r.Read()
	if err != nil {
		return false
	}
	is := func(want, have string) bool { return want == "" || want == have }
	if f.Network.IsValid() {
		ip, err := netip.ParseAddr(e.Personal.IP)
		if err == nil && f.Network.Addr().Is6() {
			ip = netip.AddrFrom16(ip.As16())
		}
		if err != nil || !f.Network.Contains(ip) {
			return false
		}
	}
	text := strings.ToLower(strings.TrimSpace(f.Text))
	in := e.Personal.ActorName + "\x00" + e.Personal.TargetName + "\x00" + e.Reason
	for _, c := range e.Changes {
		in += "\x00" + c.Field + "\x00" + c.Old + "\x00" + c.New
	}
	return (f.From.IsZero() || !r.At.Before(f.From)) && (f.To.IsZero() || r.At.Before(f.To)) &&
		is(f.Actor, e.Actor.ID) && is(string(f.ActorKind), string(e.Actor.Kind)) && is(string(f.Outcome), string(e.Outcome)) &&
		(len(f.Names) == 0 || slices.Contains(f.Names, e.Name)) && is(string(f.Interface), string(e.Actor.Interface)) &&
		is(string(f.TargetKind), string(e.Target.Kind)) && is(f.Target, e.Target.ID) && is(f.Mailbox, e.Personal.Mailbox) &&
		is(f.Domain, e.Domain) && is(f.Link, e.Link) && is(f.Profile, e.Profile) && strings.Contains(strings.ToLower(in), text)
}

// searchAll reads all pages.
func searchAll(t *testing.T, s *store.Store, f audit.Filter, reach [2]int64) []int64 {
	t.Helper()
	var got []int64
	reached := time.Now().Add(time.Hour)
	for pages := 0; ; pages++ {
		found, err := ledger.SearchWithin(t.Context(), s.Ledger, f, reach[0], reach[1])
		must(t, err)
		if len(found.Records) > f.Limit || pages > 1000 {
			t.Fatalf("%d records on page %d of %+v", len(found.Records), pages, f)
		}
		for _, r := range found.Records {
			got = append(got, r.Seq)
			if r.At.Before(found.Reached) {
				t.Fatalf("reached %v, but has %v", found.Reached, r.At)
			}
		}
		if found.Reached.After(reached) || found.Next != 0 && found.Reached.IsZero() {
			t.Fatalf("reached %v and then %v", reached, found.Reached)
		}
		if found.Next == 0 {
			return got
		}
		f.Before, reached = found.Next, found.Reached
	}
}

func TestSearchLimits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if f, err := s.Search(t.Context(), audit.Filter{Account: account.Default}); err != nil || len(f.Records) != 0 || f.Next != 0 {
			t.Errorf("an empty log has %v, %v", f, err)
		}
		write(t, s, 510)
		for limit, want := range map[int]int{-1: 50, 0: 50, 7: 7, 9999: 500} {
			f, err := s.Search(t.Context(), audit.Filter{Account: account.Default, Limit: limit})
			if err != nil || len(f.Records) != want || f.Next != int64(511-want) {
				t.Errorf("a limit of %d gives %d, next %d, %v", limit, len(f.Records), f.Next, err)
			}
		}
		for _, other := range []string{account.Installation, "acc_none", ""} {
			if f, err := s.Search(t.Context(), audit.Filter{Account: other}); err != nil || len(f.Records) != 0 {
				t.Errorf("%q has %v, %v", other, f, err)
			}
		}
	})
}

// hardFilters are the searches that may take long: each filter by itself, for
// much, little and nothing, and pairs that each match much.
var hardFilters = map[string]audit.Filter{
	"nothing":            {},
	"last page":          {Before: 40},
	"time":               {From: bigStart.Add(time.Hour), To: bigStart.Add(2 * time.Hour)},
	"since":              {From: bigStart.Add(time.Hour), Names: []audit.Name{audit.PolicyUpdate}},
	"member":             {Actor: "mem_1"},
	"no member":          {Actor: "mem_none"},
	"visitors":           {ActorKind: audit.Visitor},
	"members":            {ActorKind: audit.Member},
	"systems":            {ActorKind: audit.System},
	"downloads":          {Names: []audit.Name{audit.ProfileDownload}},
	"policies":           {Names: []audit.Name{audit.PolicyUpdate}},
	"all names":          {Names: audit.Names()},
	"no such name":       {Names: []audit.Name{audit.AccountResume}},
	"done":               {Outcome: audit.Done},
	"refused":            {Outcome: audit.Refused},
	"page":               {Interface: audit.Page},
	"panel":              {Interface: audit.Panel},
	"command line":       {Interface: audit.CommandLine},
	"tickets":            {TargetKind: audit.TicketTarget},
	"target policies":    {TargetKind: audit.PolicyTarget},
	"target accounts":    {TargetKind: audit.AccountTarget},
	"target":             {Target: "pol_1"},
	"mailbox":            {Mailbox: "p77@example.com"},
	"no mailbox":         {Mailbox: "nobody@example.com"},
	"domain":             {Domain: "example.com"},
	"no domain":          {Domain: "example.net"},
	"address":            {Network: netip.MustParsePrefix("198.51.100.7/32")},
	"network":            {Network: netip.MustParsePrefix("198.51.100.0/24")},
	"no network":         {Network: netip.MustParsePrefix("203.0.113.0/24")},
	"all networks":       {Network: netip.MustParsePrefix("0.0.0.0/0")},
	"link":               {Link: "lnk_77"},
	"profile":            {Profile: fmt.Sprintf("%064x", 77)},
	"text":               {Text: "p77@"},
	"no text":            {Text: "nowhere to be found"},
	"text of a member":   {Text: "nowhere to be found", Actor: "mem_1"},
	"text of visitors":   {Text: "nowhere to be found", ActorKind: audit.Visitor},
	"members, downloads": {ActorKind: audit.Member, Names: []audit.Name{audit.ProfileDownload}},
	"refused downloads":  {Outcome: audit.Refused, Names: []audit.Name{audit.ProfileDownload}, Domain: "example.com"},
	"domain, no network": {Domain: "example.com", Network: netip.MustParsePrefix("203.0.113.0/24")},
	"domain, interface":  {Domain: "example.com", Interface: audit.CommandLine},
	"domain, visitors":   {Domain: "example.com", ActorKind: audit.Visitor, Outcome: audit.Refused},
	"names, no network":  {Names: []audit.Name{audit.ProfileDownload, audit.LinkOpen}, Network: netip.MustParsePrefix("203.0.113.0/24")},
	"mailbox, downloads": {Mailbox: "p77@example.com", Names: []audit.Name{audit.ProfileDownload}, Outcome: audit.Done},
	"rare, no network":   {Names: []audit.Name{audit.PolicyUpdate}, Network: netip.MustParsePrefix("203.0.113.0/24")},
	"all names, no text": {Names: audit.Names(), Text: "nowhere to be found"},
	"all, no network":    {Names: audit.Names(), Network: netip.MustParsePrefix("203.0.113.0/24")},
	"refused, no text":   {Outcome: audit.Refused, Text: "nowhere to be found"},
	"domain, no text":    {Domain: "example.com", Text: "nowhere to be found"},
	"domain, no mailbox": {Domain: "example.com", Mailbox: "nobody@example.com"},
	"domain, profile":    {Domain: "example.com", Profile: fmt.Sprintf("%064x", 78)},
	"times, no text":     {From: bigStart.Add(time.Hour), To: bigStart.Add(600 * time.Hour), Text: "nowhere to be found"},
	"times, no network":  {From: bigStart.Add(time.Hour), To: bigStart.Add(600 * time.Hour), Network: netip.MustParsePrefix("203.0.113.0/24")},
	"times, members":     {From: bigStart.Add(500 * time.Hour), To: bigStart.Add(900 * time.Hour), ActorKind: audit.Member, Domain: "example.com"},
	"members, done":      {ActorKind: audit.Member, Outcome: audit.Done, Interface: audit.CommandLine},
	"member, no network": {Actor: "mem_1", Network: netip.MustParsePrefix("203.0.113.0/24")},
	"everything":         {Mailbox: "p77@example.com", Domain: "example.com", ActorKind: audit.Visitor, Text: "x", From: bigStart, Outcome: audit.Done},
}

// TestSearchPlans checks that every statement of a search uses an index in the
// order of the log: none scans all actions or sorts them.
func TestSearchPlans(t *testing.T) {
	database := storetest.SQLite(t)
	storetest.Open(t, store.Config{Database: database}).Close()
	fillLog(t, database, 20_000)
	storetest.Exec(t, database, `UPDATE logs SET edge = $1 WHERE account = 'acc_default'`, someEdge(20_000))
	s := storetest.Open(t, store.Config{Database: database})
	var heard []db.Call
	s.Database().Watch(func(c db.Call) error {
		if c.Reads {
			heard = append(heard, c)
		}
		return nil
	})
	for name, f := range hardFilters {
		f.Account = account.Default
		_, err := ledger.SearchWithin(t.Context(), s.Ledger, f, 1000, 300)
		must(t, err)
		if len(heard) == 0 {
			t.Errorf("%s: no statement", name)
		}
	}
	file, err := sql.Open("sqlite", strings.TrimPrefix(database, "sqlite:"))
	must(t, err)
	defer file.Close()
	seen := map[string]bool{}
	for _, st := range heard {
		if !seen[st.Query] {
			wantPlan(t, file, st)
		}
		seen[st.Query] = true
	}
	if len(seen) < 40 {
		t.Errorf("%d statements were looked at", len(seen))
	}
}

func wantPlan(t *testing.T, on *sql.DB, st db.Call) {
	t.Helper()
	rows, err := on.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+st.Query, st.Args...)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var id, parent, none int
		var step string
		must(t, rows.Scan(&id, &parent, &none, &step))
		good := strings.HasPrefix(step, "SEARCH actions USING") || strings.HasPrefix(step, "SEARCH logs USING") ||
			step == "SCAN probed" || strings.HasPrefix(step, "CO-ROUTINE")
		if !good {
			t.Errorf("%s\nin\n%s", step, st.Query)
		}
	}
	must(t, rows.Err())
}
