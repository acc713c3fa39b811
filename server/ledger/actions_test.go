package ledger_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func TestActionIsKeptAsEncoded(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	storetest.EachWith(t, store.Config{Now: clock.Now}, func(t *testing.T, s *store.Store) {
		a := action(audit.LinkCreate, "lnk_1")
		a.Changes = []audit.Change{{Field: "policy", Old: "off", New: "<&>"}}
		must(t, s.Record(t.Context(), storetest.As(a.Actor), a))
		r := actions(t, s)[0]
		if !r.At.Equal(clock.Now()) || r.At.Location() != time.UTC {
			t.Errorf("the time is %v, want %v", r.At, clock.Now())
		}
		leaf, personal, err := a.Encode(r.Seq, r.At, r.Salt)
		must(t, err)
		if !bytes.Equal(r.Leaf, leaf) {
			t.Errorf("the leaf is\n%s\nwant\n%s", r.Leaf, leaf)
		}
		if !bytes.Equal(r.Personal, personal) {
			t.Errorf("the personal text is\n%s\nwant\n%s", r.Personal, personal)
		}
		var held audit.Leaf
		must(t, json.Unmarshal(r.Leaf, &held))
		if held.Personal != audit.PersonalHash(r.Salt, r.Personal) {
			t.Error("the leaf does not hold the hash of the salt and the personal text")
		}
	})
}

func TestActionColumns(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		a := action(audit.ProfileDownload, "tkt_1")
		a.Actor.ID = "mem_1"
		a.Link = "lnk_1"
		must(t, s.Record(t.Context(), storetest.As(a.Actor), a))
		dump := storetest.Dump(t, database)
		for _, line := range []string{
			"account=acc_default", "seq=1", "name=profile.download", "outcome=done", "actor_kind=visitor",
			"actor_id=mem_1", "target_kind=link", "target_id=tkt_1", "link=lnk_1",
		} {
			if !strings.Contains(dump, "actions."+line+"\n") {
				t.Errorf("%s is not in:\n%s", line, dump)
			}
		}
	})
}

func TestSaltsDiffer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for range 2 {
			must(t, s.Record(t.Context(), by, action(audit.LinkCreate, "lnk_1")))
		}
		log := actions(t, s)
		if len(log[0].Salt) != audit.SaltSize || bytes.Equal(log[0].Salt, log[1].Salt) {
			t.Errorf("the salts are %x and %x", log[0].Salt, log[1].Salt)
		}
	})
}

// TestLogTime checks that the log has the clock's time, in order as long as the
// clocks of several servers differ only a little. A clock that was once ahead
// has no lasting effect.
func TestLogTime(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		first := clock.Now()
		s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
		for _, d := range []time.Duration{0, -4 * time.Minute, 400 * 24 * time.Hour, -400 * 24 * time.Hour, time.Hour} {
			clock.Move(d)
			must(t, s.Record(t.Context(), by, action(audit.LinkCreate, "lnk_1")))
		}
		at := first.Add(-4 * time.Minute)
		want := []time.Time{first, first, at.AddDate(0, 0, 400), at, at.Add(time.Hour)}
		for i, r := range actions(t, s) {
			if !r.At.Equal(want[i]) {
				t.Errorf("entry %d has the time %v, want %v", i+1, r.At, want[i])
			}
			var leaf audit.Leaf
			must(t, json.Unmarshal(r.Leaf, &leaf))
			if leaf.Seq != r.Seq || leaf.Time != r.At.UnixMilli() || leaf.Log != account.Default {
				t.Errorf("entry %d has the leaf %s", i+1, r.Leaf)
			}
		}
	})
}

func TestActionsPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for range 5 {
			must(t, s.Record(t.Context(), by, action(audit.LinkCreate, "lnk_1")))
		}
		tests := []struct {
			account string
			after   int64
			limit   int
			want    []int64
		}{
			{account.Default, 0, 2, []int64{1, 2}},
			{account.Default, 2, 2, []int64{3, 4}},
			{account.Default, 4, 2, []int64{5}},
			{account.Default, 5, 2, nil},
			{account.Default, 0, 0, nil},
			{account.Default, 0, -1, nil},
			{"acc_other", 0, 9, nil},
		}
		for _, tt := range tests {
			records, err := s.Actions(t.Context(), tt.account, tt.after, tt.limit)
			must(t, err)
			var got []int64
			for _, r := range records {
				got = append(got, r.Seq)
			}
			if len(got) != len(tt.want) || len(got) > 0 && got[0] != tt.want[0] {
				t.Errorf("Actions(%s, %d, %d) = %v, want %v", tt.account, tt.after, tt.limit, got, tt.want)
			}
		}
	})
}

// 50 writers on two stores, half of whose changes fail, leave a log without
// gaps and with times in order. The clocks of the stores differ.
func TestLogOfManyWriters(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		withDomain(t, storetest.Open(t, store.Config{Database: database}))
		n := race(t, database, 100, fault.NotFound, func(s *store.Store, i int) error {
			if i%4 > 1 {
				return s.CreateTicket(t.Context(), by, newTicket(id("tkt", i), "lnk_unknown"), action(audit.LinkOpen, "lnk_unknown"))
			}
			return s.CreateLink(t.Context(), by, newLink(id("lnk", i)), nil, action(audit.LinkCreate, id("lnk", i)))
		})
		log := actions(t, storetest.Open(t, store.Config{Database: database}))
		if n != 50 || len(log) != n+3 { // a domain and its two servers come first
			t.Errorf("%d changes left %d actions", n+3, len(log))
		}
		for i := 1; i < len(log); i++ {
			if log[i].At.Before(log[i-1].At) {
				t.Errorf("entry %d is older than the one before it", i+1)
			}
		}
	})
}
