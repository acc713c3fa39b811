package ledger_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func logKey(t *testing.T) *audit.LogKey {
	t.Helper()
	k, err := audit.NewLogKey(storetest.LogKey)
	must(t, err)
	return k
}

// sign stores a checkpoint of the log and returns its state.
func sign(t *testing.T, s *store.Store) audit.Known {
	t.Helper()
	tree, err := s.Checkpoint(t.Context(), account.Default)
	must(t, err)
	note, err := logKey(t).Checkpoint(account.Default, tree)
	must(t, err)
	must(t, s.KeepCheckpoint(t.Context(), account.Default, tree.Size, note))
	return audit.Known{Tree: tree, By: "the checkpoint"}
}

// download is an action with something in every column.
func download(i int) audit.Action {
	a := action(audit.ProfileDownload, id("lnk", i))
	a.Actor.ID, a.Actor.Name = id("key", i%7), "panel"
	a.Target = audit.Target{Kind: audit.TicketTarget, ID: id("tkt", i), Name: fmt.Sprintf("P%d@example.com", i%50)}
	a.Actor.IP = fmt.Sprintf("198.51.%d.%d", i/250%250, i%250)
	a.Profile, a.Identity = fmt.Sprintf("%064x", i), "bb22"
	a.Domain, a.Mailbox = "example.com", fmt.Sprintf("p%d@example.com", i%50)
	return a
}

// write records n downloads.
func write(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for i := range n {
		must(t, record(t.Context(), s, download(i)))
	}
}

func wantFinding(t *testing.T, what string, err error, seq int64) {
	t.Helper()
	f, ok := errors.AsType[*audit.Finding](err)
	if !ok || f.First != seq {
		t.Fatalf("%s: got %v, want a finding in action %d", what, err, seq)
	}
}

func TestTreeOfTheLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if tree, err := s.Checkpoint(t.Context(), account.Default); err != nil || tree.Size != 0 {
			t.Errorf("the empty log is %v, %v", tree, err)
		}
		for range 3 {
			write(t, s, 5)
			sign(t, s)
		}
		must(t, verify(t, s))
		var e audit.Edge
		for _, r := range actions(t, s) {
			e.Append(audit.HashLeaf(r.Leaf))
		}
		if tree, err := s.Checkpoint(t.Context(), account.Default); err != nil || tree != e.Tree() {
			t.Errorf("the log is %v, %v, want %v", tree, err, e.Tree())
		}
		_, err := s.Checkpoint(t.Context(), "acc_none")
		wantFault(t, err, fault.NotFound)
	})
}

// TestLogNeverForks lets two servers write at once, and signs the state of the
// log meanwhile: it only ever grows.
func TestLogNeverForks(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		end, done := make(chan struct{}), make(chan struct{})
		var states []audit.Known
		go func() {
			defer close(done)
			for {
				select {
				case <-end:
					return
				default:
				}
				if tree, err := s.Checkpoint(t.Context(), account.Default); err != nil {
					t.Error(err)
				} else {
					states = append(states, audit.Known{Tree: tree, By: "a state seen"})
				}
			}
		}()
		n := race(t, database, 200, fault.Internal, func(s *store.Store, i int) error { return record(t.Context(), s, download(i)) })
		close(end)
		<-done
		sizes := map[int64]bool{}
		for _, k := range states {
			sizes[k.Size] = true
		}
		if n != 200 || len(sizes) < 3 {
			t.Fatalf("%d actions, %d states were seen", n, len(sizes))
		}
		must(t, verify(t, s, states...))
		if tree, err := s.Checkpoint(t.Context(), account.Default); err != nil || tree.Size != 200 {
			t.Errorf("the log is %v, %v", tree, err)
		}
	})
}

// TestForgedCheckpoint puts notes beside the log.
func TestForgedCheckpoint(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		write(t, s, 3)
		sign(t, s)
		must(t, s.KeepCheckpoint(t.Context(), account.Default, 2, []byte("mobileconfig/another/acc_default\n2\n")))
		must(t, verify(t, s)) // of a replaced key
		storetest.Exec(t, database, `UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 2) WHERE size = 3`)
		must(t, verify(t, s))
		forged, err := logKey(t).Checkpoint(account.Default, audit.Tree{Size: 3})
		must(t, err)
		must(t, s.KeepCheckpoint(t.Context(), account.Default, 1, forged[:len(forged)-9]))
		wantFinding(t, "a broken note", verify(t, s), 1)
		storetest.Exec(t, database, `DELETE FROM checkpoints`)
		must(t, s.KeepCheckpoint(t.Context(), account.Default, 3, forged))
		wantFinding(t, "a note of another log", verify(t, s), 1)
	})
}

func TestKeptCheckpoints(t *testing.T) {
	clock := storetest.NewClock()
	storetest.EachWith(t, store.Config{Now: clock.Now}, func(t *testing.T, s *store.Store) {
		_, err := s.LatestCheckpoint(t.Context(), account.Default)
		wantFault(t, err, fault.NotFound)
		for _, size := range []int64{100, 9, 20} {
			must(t, s.KeepCheckpoint(t.Context(), account.Default, size, fmt.Appendf(nil, "note %d", size)))
		}
		must(t, s.KeepCheckpoint(t.Context(), account.Default, 100, []byte("another")))
		c, err := s.LatestCheckpoint(t.Context(), account.Default)
		if err != nil || c.Size != 100 || string(c.Note) != "note 100" || !c.Created.Equal(clock.Now()) {
			t.Errorf("the latest is %v, %v", c, err)
		}
		all, err := s.Checkpoints(t.Context(), account.Default)
		if err != nil || len(all) != 3 || all[0].Size != 9 || all[2].Size != 100 {
			t.Errorf("all are %v, %v", all, err)
		}
		if none, err := s.Checkpoints(t.Context(), account.Installation); err != nil || len(none) != 0 {
			t.Errorf("another log has %v, %v", none, err)
		}
	})
}

// TestHeadDoesNotFit changes the head of a log. After that, neither a
// checkpoint nor another action is possible.
func TestHeadDoesNotFit(t *testing.T) {
	for _, tt := range []struct {
		name, statement string
		first           int64
	}{
		{"older edge", `UPDATE logs SET edge = (SELECT edge FROM kept) WHERE account = 'acc_default'`, 8},
		{"smaller size", `UPDATE logs SET size = 7 WHERE account = 'acc_default'`, 8},
		{"no edge", `UPDATE logs SET edge = NULL WHERE account = 'acc_default'`, 1},
		{"unreadable edge", `UPDATE logs SET edge = (SELECT salt FROM actions WHERE seq = 1) WHERE account = 'acc_default'`, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			storetest.EachDatabase(t, func(t *testing.T, database string) {
				s := storetest.Open(t, store.Config{Database: database})
				write(t, s, 7)
				storetest.Exec(t, database, `CREATE TABLE kept AS SELECT edge FROM logs WHERE account = 'acc_default'`)
				write(t, s, 5)
				storetest.Exec(t, database, tt.statement)
				_, err := s.Checkpoint(t.Context(), account.Default)
				wantFinding(t, "checkpoint", err, tt.first)
				wantFinding(t, "record", record(t.Context(), s, download(13)), tt.first)
				wantFinding(t, "verify", verify(t, s), tt.first)
			})
		})
	}
}
