package ledger_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// cleaner is the actor that erases and removes.
func cleaner() audit.Action {
	return audit.Action{Outcome: audit.Done}
}

func entry(t *testing.T, r audit.Record) audit.Entry {
	t.Helper()
	e, err := r.Read()
	must(t, err)
	return e
}

// TestErasePersonal erases the text about one mailbox: none of it is left, not
// even in the file, everything else stays, and everything verifies.
func TestErasePersonal(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		write(t, s, 120)
		known := sign(t, s)
		before := actions(t, s)
		n, err := s.ErasePersonal(t.Context(), by, account.Default, audit.Erasure{Mailbox: "p7@example.com"}, cleaner())
		if err != nil || n != 3 {
			t.Fatalf("erased %d, %v", n, err)
		}
		must(t, verify(t, s, known))
		after := actions(t, s)
		last := entry(t, after[len(after)-1])
		if seqs, err := last.Erased(); last.Name != audit.LogErase || last.Target.ID != account.Default || !slices.Equal(seqs, []int64{8, 58, 108}) {
			t.Errorf("the last action is %+v, %v", last, err)
		}
		for i, r := range before {
			about := i%50 == 7
			if got := entry(t, after[i]).Personal; about && got != (audit.Personal{}) || !about && got != entry(t, r).Personal {
				t.Errorf("action %d says %+v", r.Seq, got)
			}
		}
		if dump := strings.ToLower(storetest.Dump(t, database)); strings.Contains(dump, "p7@example.com") || !strings.Contains(dump, "p8@example.com") {
			t.Error("the mailbox is still in the database")
		}
		if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
			storetest.Exec(t, database, `PRAGMA wal_checkpoint(TRUNCATE)`)
			data, err := os.ReadFile(path)
			must(t, err)
			if raw := strings.ToLower(string(data)); strings.Contains(raw, "p7@example.com") || !strings.Contains(raw, "p8@example.com") {
				t.Error("the mailbox is still in the file")
			}
		}
		_, err = s.ErasePersonal(t.Context(), by, account.Default, audit.Erasure{Mailbox: "p7@example.com"}, cleaner())
		wantFault(t, err, fault.NotFound)
	})
}

func TestErasePersonalOfOne(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		write(t, s, 3)
		known := sign(t, s)
		if n, err := s.ErasePersonal(t.Context(), by, account.Default, audit.Erasure{Seq: 2}, cleaner()); err != nil || n != 1 {
			t.Fatalf("erased %d, %v", n, err)
		}
		must(t, verify(t, s, known))
		if log := actions(t, s); len(log) != 4 || log[1].Personal != nil || log[1].Salt != nil || log[1].Leaf == nil || log[2].Personal == nil {
			t.Errorf("the log is %v", log)
		}
		for _, which := range []audit.Erasure{{}, {Seq: 2}, {Seq: 99}, {Mailbox: "nobody@example.com"}} {
			wantUnchanged(t, database, func() {
				_, err := s.ErasePersonal(t.Context(), by, account.Default, which, cleaner())
				wantFault(t, err, fault.NotFound)
			})
		}
		_, err := s.ErasePersonal(t.Context(), by, "acc_none", audit.Erasure{Seq: 2}, cleaner())
		wantFault(t, err, fault.NotFound)
	})
}

// TestEraseMany erases more than fits into one transaction.
func TestEraseMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a := download(1)
		for range 620 {
			must(t, record(t.Context(), s, a))
		}
		if n, err := s.ErasePersonal(t.Context(), by, account.Default, audit.Erasure{Mailbox: a.Mailbox}, cleaner()); err != nil || n != 620 {
			t.Fatalf("erased %d, %v", n, err)
		}
		must(t, verify(t, s))
		if n := len(actions(t, s)); n != 622 {
			t.Errorf("the log has %d entries", n)
		}
	})
}

// agedLog has 1,200 actions on one day and 100 on the next, a minute apart.
func agedLog(t *testing.T, database string) (*store.Store, *storetest.Clock) {
	t.Helper()
	clock := storetest.NewClock()
	clock.Move(24*time.Hour - time.Duration(clock.Now().UnixNano()%int64(24*time.Hour)))
	s := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
	for i := range 1300 {
		clock.Move(time.Minute)
		if i == 1200 {
			clock.Move(5 * time.Hour)
		}
		must(t, record(t.Context(), s, download(i)))
	}
	return s, clock
}

// kept is the longest retention that removes the first day of an agedLog.
const kept = audit.DefaultRetention * 24 * time.Hour

// TestRetain removes content in several batches; numbers, times and hashes stay.
func TestRetain(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock := agedLog(t, database)
		known := sign(t, s)
		before := actions(t, s)
		clock.Move(kept)
		first := storetest.Due(t, s, clock)
		if n, err := s.Retain(t.Context(), by, account.Default, first, cleaner()); err != nil || n != 1200 {
			t.Fatalf("removed %d, %v", n, err)
		}
		must(t, verify(t, s, known))
		after := actions(t, s)
		if len(after) != 1301 {
			t.Fatalf("the log has %d entries", len(after))
		}
		for i, r := range before {
			a := after[i]
			if a.Seq != r.Seq || !a.At.Equal(r.At) || string(a.Hash) != string(r.Hash) || (a.Leaf == nil) != (i < 1200) || (a.Personal == nil) != (i < 1200) {
				t.Fatalf("action %d is %v, was %v", r.Seq, a, r)
			}
		}
		last := entry(t, after[1300])
		if last.Name != audit.LogRetain || last.Through() != 1200 {
			t.Errorf("the last action is %+v", last)
		}
		if e := entry(t, after[5]); e.Seq != 6 || e.Time != after[5].At.UnixMilli() || e.Name != "" {
			t.Errorf("an action without content is read as %+v", e)
		}
		if rows := rowsAfter(t, s, 1199, 1); rows[0].Columns != (audit.Columns{}) {
			t.Errorf("its columns are %+v", rows)
		}
		f, err := s.Search(t.Context(), audit.Filter{Account: account.Default, Before: 1204, Names: []audit.Name{audit.ProfileDownload}})
		if err != nil || len(f.Records) != 3 || f.Next != 0 {
			t.Errorf("a search finds %d, next %d, %v", len(f.Records), f.Next, err)
		}
		if recent, err := s.Recent(t.Context(), account.Default, []audit.Name{audit.ProfileDownload}, "", 2000); err != nil || len(recent) != 100 {
			t.Errorf("recent are %d, %v", len(recent), err)
		}
		wantUnchanged(t, database, func() {
			if n, err := s.Retain(t.Context(), by, account.Default, first, cleaner()); err != nil || n != 0 {
				t.Errorf("the second time it removed %d, %v", n, err)
			}
		})
		clock.Move(kept + 48*time.Hour)
		if n, err := s.Retain(t.Context(), by, account.Default, storetest.Due(t, s, clock), cleaner()); err != nil || n != 101 {
			t.Errorf("all the rest are %d, %v", n, err)
		}
		must(t, verify(t, s, known))
	})
}

// TestRetainGoesOn fails between two batches, and continues the next time.
func TestRetainGoesOn(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock := agedLog(t, database)
		known := sign(t, s)
		clock.Move(kept)
		r := storetest.Due(t, s, clock)
		var removed int64
		for call := 1; removed == 0; call++ {
			storetest.FailCalls(s, func(n int) bool { return n == call })
			var err error
			if removed, err = s.Retain(t.Context(), by, account.Default, r, cleaner()); err == nil {
				t.Fatalf("%d calls, and none failed between two batches", call)
			}
		}
		storetest.FailCalls(s, func(int) bool { return false })
		must(t, verify(t, s, known))
		if n, err := s.Retain(t.Context(), by, account.Default, storetest.Due(t, s, clock), cleaner()); err != nil || n != 1200-removed {
			t.Errorf("then it removed %d, %v", n, err)
		}
		must(t, verify(t, s, known))
		if log := actions(t, s); log[1199].Leaf != nil || log[1200].Leaf == nil || len(log) != 1302 {
			t.Errorf("the log has %d entries", len(log))
		}
	})
}

// TestRetainRace lets servers remove the same content, while the log is written
// to and verified.
func TestRetainRace(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock := agedLog(t, database)
		known := sign(t, s)
		clock.Move(kept)
		r := storetest.Due(t, s, clock)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var total int64
		for range 3 {
			other := storetest.Open(t, store.Config{Database: database, Now: clock.Now})
			wg.Go(func() {
				n, err := other.Retain(t.Context(), by, account.Default, r, cleaner())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				total += n
				mu.Unlock()
			})
			wg.Go(func() {
				for i := range 5 {
					if err := record(t.Context(), other, download(i)); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				if _, err := audit.Verify(t.Context(), other, account.Default, publicKey(t), known); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		must(t, verify(t, s, known))
		log := actions(t, s)
		if said := len(log) - 1300 - 15; total != 1200 || log[1199].Leaf != nil || log[1200].Leaf == nil || said < 1 || said > 3 {
			t.Errorf("%d were removed, %d actions say so", total, said)
		}
	})
}

func TestRetention(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		for _, id := range []string{account.Default, account.Installation} {
			if days, err := s.Retention(t.Context(), id); err != nil || days != audit.DefaultRetention {
				t.Errorf("at first %s has %v, %v", id, days, err)
			}
		}
		for _, n := range []int{audit.MinRetention, audit.MaxRetention, 0} {
			must(t, s.SetRetention(t.Context(), by, account.Default, n, cleaner()))
			if days, err := s.Retention(t.Context(), account.Default); err != nil || days != n {
				t.Errorf("set to %d it is %v, %v", n, days, err)
			}
		}
		last := entry(t, actions(t, s)[2])
		if want := []audit.Change{{Field: "retention_days", Old: strconv.Itoa(audit.MaxRetention), New: "0"}}; last.Name != audit.AccountUpdate || !slices.Equal(last.Changes, want) {
			t.Errorf("the last action is %+v", last)
		}
		wantUnchanged(t, database, func() {
			must(t, s.SetRetention(t.Context(), by, account.Default, 0, cleaner()))
			for _, n := range []int{-1, 1, audit.MinRetention - 1, audit.MaxRetention + 1} {
				wantFault(t, s.SetRetention(t.Context(), by, account.Default, n, cleaner()), fault.Invalid)
			}
			wantFault(t, s.SetRetention(t.Context(), by, "acc_none", 90, cleaner()), fault.NotFound)
		})
	})
}

// TestSearchFindsTheTime tries every limit of a log in which times repeat.
func TestSearchFindsTheTime(t *testing.T) {
	clock := storetest.NewClock()
	storetest.EachWith(t, store.Config{Now: clock.Now}, func(t *testing.T, s *store.Store) {
		first := clock.Now()
		for i := range 12 {
			must(t, record(t.Context(), s, download(i)))
			if i%3 == 2 {
				clock.Move(time.Second)
			}
		}
		for i := range 5 {
			from := first.Add(time.Duration(i) * time.Second)
			for _, d := range []time.Duration{0, time.Nanosecond, -time.Nanosecond} {
				f, err := s.Search(t.Context(), audit.Filter{Account: account.Default, To: from.Add(d)})
				must(t, err)
				want := 3 * min(i, 4)
				if d > 0 {
					want = 3 * min(i+1, 4)
				}
				if len(f.Records) != want {
					t.Errorf("%d are before second %d and %v, want %d", len(f.Records), i, d, want)
				}
			}
		}
	})
}

// TestExportWhileRetaining checks that removing content between two batches
// doesn't make an export look tampered with.
func TestExportWhileRetaining(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock := agedLog(t, database)
		count := func(meanwhile func()) (n int, err error) {
			err = audit.Export(t.Context(), s, account.Default, func(p audit.Part) error {
				meanwhile()
				n += len(p.Records)
				return nil
			})
			return n, err
		}
		whole, err := count(func() {})
		if err != nil || whole != len(actions(t, s)) {
			t.Errorf("%d of %d, %v", whole, len(actions(t, s)), err)
		}
		clock.Move(kept)
		r := storetest.Due(t, s, clock)
		if _, err := count(func() { _, _ = s.Retain(t.Context(), by, account.Default, r, cleaner()) }); err == nil || !strings.Contains(err.Error(), "try again") {
			t.Errorf("got %v, want advice to try again", err)
		}
		if _, err := count(func() {}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
