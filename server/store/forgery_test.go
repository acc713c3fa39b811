package store_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A forger can read and write everything in the database and knows this
// program, but has no key of the log. What was known before is a checkpoint
// that was kept elsewhere.
type forger struct {
	t        *testing.T
	database string
	clock    *storetest.Clock
	store    *store.Store // of the program
}

// exec runs a statement.
func (f *forger) exec(statement string, args ...any) {
	f.t.Helper()
	storetest.Exec(f.t, f.database, statement, args...)
}

// other is a store that signs with a key of the forger's.
func (f *forger) other() *store.Store {
	f.t.Helper()
	key, err := audit.NewLogKey(bytes.Repeat([]byte("x"), audit.LogKeySize))
	must(f.t, err)
	return storetest.Open(f.t, store.Config{Database: f.database, Now: f.clock.Now, Signer: key})
}

// settle makes the head of the log fit its rows.
func (f *forger) settle() {
	f.t.Helper()
	var e audit.Edge
	for _, r := range f.rows() {
		e.Append(audit.Hash(r.Hash))
	}
	f.exec(`UPDATE logs SET size = $1, edge = $2 WHERE account = 'acc_default'`, e.Size(), e.Bytes())
}

func (f *forger) rows() []audit.Record {
	f.t.Helper()
	all, err := f.store.Actions(f.t.Context(), account.Default, 0, 1<<20)
	must(f.t, err)
	return all
}

// last is the place of the last action with the name.
func (f *forger) last(name audit.Name) int64 {
	f.t.Helper()
	seq := int64(0)
	for _, r := range f.rows() {
		if e, err := r.Read(); err == nil && e.Name == name {
			seq = r.Seq
		}
	}
	return seq
}

// rewrite changes an action and everything that follows from it.
func (f *forger) rewrite(seq int64, change func(*audit.Leaf)) {
	f.t.Helper()
	var l audit.Leaf
	must(f.t, json.Unmarshal(f.rows()[seq-1].Leaf, &l))
	change(&l)
	leaf, err := json.Marshal(l)
	must(f.t, err)
	hash := audit.HashLeaf(leaf)
	f.exec(`UPDATE actions SET leaf = $2, hash = $3, at = $4 WHERE account = 'acc_default' AND seq = $1`, seq, leaf, hash[:], l.Time)
	f.settle()
}

// forgeries are done to a log whose first day lost its content and in which a
// mailbox was erased.
var forgeries = map[string]func(f *forger){
	"edit":             func(f *forger) { f.rewrite(1290, func(l *audit.Leaf) { l.Actor.ID = "mem_forged" }) },
	"edit, not hashed": func(f *forger) { f.exec(`UPDATE actions SET leaf = salt WHERE seq = 1290`) },
	"cut": func(f *forger) {
		f.exec(`DELETE FROM actions WHERE account = 'acc_default' AND seq > 1290`)
		f.settle()
	},
	"swap": func(f *forger) {
		f.exec(`UPDATE actions SET seq = 90000 WHERE seq = 1290`)
		f.exec(`UPDATE actions SET seq = 1290 WHERE seq = 1291`)
		f.exec(`UPDATE actions SET seq = 1291 WHERE seq = 90000`)
		f.settle()
	},
	"removed row": func(f *forger) { f.exec(`DELETE FROM actions WHERE seq = 1290`) },
	"emptied, and nobody says so": func(f *forger) {
		f.exec(`UPDATE actions SET name = '', outcome = '', actor_kind = '', actor_id = '', interface = '', target_kind = '', target_id = '',
			link = '', profile = '', domain = '', mailbox = '', ip = NULL, leaf = NULL, personal = NULL, salt = NULL WHERE account = 'acc_default' AND seq <= 1250`)
		f.exec(`UPDATE logs SET retained = 1250 WHERE account = 'acc_default'`)
	},
	"erased, and nobody says so": func(f *forger) {
		f.exec(`UPDATE actions SET personal = NULL, salt = NULL, mailbox = '', ip = NULL WHERE account = 'acc_default' AND seq = 1290`)
	},
	"retain by another key": func(f *forger) {
		f.clock.Move(kept + 48*time.Hour)
		_, err := f.other().Retain(f.t.Context(), by, account.Default, due(f.t, f.store, f.clock), cleaner())
		must(f.t, err)
	},
	"erase by another key": func(f *forger) {
		_, err := f.other().ErasePersonal(f.t.Context(), by, account.Default, audit.Erasure{Mailbox: "p31@example.com"}, cleaner())
		must(f.t, err)
	},
	"setting by another key": func(f *forger) {
		must(f.t, f.other().SetRetention(f.t.Context(), by, account.Default, 90, cleaner()))
	},
	"setting without an action": func(f *forger) { f.exec(`UPDATE accounts SET retention_days = 90 WHERE id = 'acc_default'`) },
	"older setting, retained by another key": func(f *forger) {
		other := f.other()
		must(f.t, other.SetRetention(f.t.Context(), by, account.Default, 90, cleaner()))
		f.clock.Move(100 * 24 * time.Hour)
		tree, err := f.store.Checkpoint(f.t.Context(), account.Default)
		must(f.t, err)
		r := audit.Retention{Through: 1300, Before: f.clock.Now().Add(-91 * 24 * time.Hour), Setting: audit.Setting{Seq: tree.Size, Days: 90}, Checked: tree.Size}
		_, err = other.Retain(f.t.Context(), by, account.Default, r, cleaner())
		must(f.t, err)
	},
	"replayed removal": func(f *forger) {
		// The erasure that was done is put behind a mailbox that wasn't.
		seq := f.last(audit.LogErase)
		f.exec(`UPDATE actions SET personal = NULL, salt = NULL, mailbox = '', ip = NULL WHERE account = 'acc_default' AND seq = 1290`)
		must(f.t, record(f.t.Context(), f.store, action(audit.LinkOpen, "x")))
		end := int64(len(f.rows()))
		var old audit.Leaf
		must(f.t, json.Unmarshal(f.rows()[seq-1].Leaf, &old))
		f.exec(`UPDATE actions SET name = 'log.erase', target_kind = 'log', target_id = 'acc_default', link = '' WHERE seq = $1`, end)
		f.rewrite(end, func(l *audit.Leaf) {
			at := l.Time
			*l = old
			l.Seq, l.Time = end, at
		})
	},
	"removal of another account": func(f *forger) {
		storetest.Exec(f.t, f.database, `INSERT INTO accounts (id, name, created) VALUES ('acc_2', 'Two', 0)`)
		storetest.Exec(f.t, f.database, `INSERT INTO logs (account, size, latest) VALUES ('acc_2', 0, 0)`)
		a := download(31)
		a.Account = "acc_2"
		must(f.t, record(f.t.Context(), f.store, a))
		_, err := f.store.ErasePersonal(f.t.Context(), by, "acc_2", audit.Erasure{Seq: 1}, cleaner())
		must(f.t, err)
		theirs, err := f.store.Actions(f.t.Context(), "acc_2", 1, 1)
		must(f.t, err)
		var proof audit.Leaf
		must(f.t, json.Unmarshal(theirs[0].Leaf, &proof))
		f.rewrite(f.last(audit.LogErase), func(l *audit.Leaf) { l.Proof = proof.Proof })
	},
	"range moved": func(f *forger) { f.rewrite(f.last(audit.LogRetain), func(l *audit.Leaf) { l.Changes[1].New = "1199" }) },
	"reason changed": func(f *forger) {
		f.rewrite(f.last(audit.LogErase), func(l *audit.Leaf) { l.Proof.Reason = audit.ForEntry })
	},
	"time changed": func(f *forger) { f.rewrite(f.last(audit.LogRetain), func(l *audit.Leaf) { l.Time++ }) },
	"removal made into something else": func(f *forger) {
		seq := f.last(audit.LogErase)
		f.exec(`UPDATE actions SET name = 'log.export' WHERE seq = $1`, seq)
		f.rewrite(seq, func(l *audit.Leaf) { l.Name, l.Proof = audit.LogExport, nil })
	},
	"removals cut off": func(f *forger) {
		f.exec(`DELETE FROM actions WHERE account = 'acc_default' AND seq > 1300`)
		f.settle()
	},
	"less retained by the head": func(f *forger) { f.exec(`UPDATE logs SET retained = 1199 WHERE account = 'acc_default'`) },
	"head set back":             func(f *forger) { f.exec(`UPDATE logs SET size = 1300 WHERE account = 'acc_default'`) },
	"checkpoints removed, and an edit": func(f *forger) {
		f.exec(`DELETE FROM checkpoints`)
		f.exec(`UPDATE actions SET actor_id = 'mem_forged' WHERE seq = 1290`)
		f.rewrite(1290, func(l *audit.Leaf) { l.Actor.ID = "mem_forged" })
	},
	"written anew": func(f *forger) {
		f.exec(`DELETE FROM checkpoints`)
		f.exec(`DELETE FROM actions WHERE account = 'acc_default'`)
		f.exec(`UPDATE logs SET size = 0, retained = 0, edge = NULL WHERE account = 'acc_default'`)
		write(f.t, f.store, 1400)
	},
}

// onlyByACheckpoint are the forgeries that leave a log without a contradiction:
// the nightly check can't find them once the checkpoints beside the log are gone
// too, a checkpoint that was kept elsewhere finds them.
var onlyByACheckpoint = map[string]bool{"checkpoints removed, and an edit": true, "written anew": true}

// TestForgeries forges the log with access to the database alone. Verifying
// with a checkpoint finds each forgery, and so does the nightly check, which
// knows the checkpoints in the database, but for those named above.
func TestForgeries(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock := agedLog(t, database)
		_, err := s.ErasePersonal(t.Context(), by, account.Default, audit.Erasure{Mailbox: "p30@example.com"}, cleaner())
		must(t, err)
		clock.Move(kept)
		if n, err := s.Retain(t.Context(), by, account.Default, due(t, s, clock), cleaner()); err != nil || n != 1200 {
			t.Fatalf("retained %d, %v", n, err)
		}
		known := sign(t, s)
		must(t, verify(t, s, known))
		s.Close()
		now := clock.Now()
		for name, forge := range forgeries {
			t.Run(name, func(t *testing.T) {
				clock := storetest.NewClock()
				clock.Move(time.Duration(now.UnixNano() - clock.Now().UnixNano()))
				copied := storetest.Copy(t, database)
				f := &forger{t, copied, clock, storetest.Open(t, store.Config{Database: copied, Now: clock.Now})}
				forge(f)
				if err := verify(t, f.store, known); !audit.IsFinding(err) {
					t.Errorf("with a checkpoint: got %v, want a finding", err)
				}
				if err := verify(t, f.store); audit.IsFinding(err) == onlyByACheckpoint[name] {
					t.Errorf("by the database alone: got %v, want a finding: %v", err, !onlyByACheckpoint[name])
				}
			})
		}
	})
}
