//go:build !race

package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A forger can read and write everything in the database and knows this
// program, but has no key of the log. The earlier state is known from a
// checkpoint that was stored elsewhere.
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

// other is a store that signs with the forger's own key.
func (f *forger) other() *store.Store {
	f.t.Helper()
	key, err := audit.NewLogKey(bytes.Repeat([]byte("x"), audit.LogKeySize))
	must(f.t, err)
	return storetest.Open(f.t, store.Config{Database: f.database, Now: f.clock.Now, Signer: key})
}

// settle makes the head of the log match its rows.
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

// last returns the place of the last action with the name.
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

// leaf returns the content of the action.
func (f *forger) leaf(seq int64) audit.Leaf {
	f.t.Helper()
	var l audit.Leaf
	must(f.t, json.Unmarshal(f.rows()[seq-1].Leaf, &l))
	return l
}

// rewrite changes an action and everything derived from it.
func (f *forger) rewrite(seq int64, change func(*audit.Leaf)) {
	f.t.Helper()
	l := f.leaf(seq)
	change(&l)
	leaf, err := json.Marshal(l)
	must(f.t, err)
	hash := audit.HashLeaf(leaf)
	f.exec(`UPDATE actions SET leaf = $2, hash = $3, at = $4 WHERE account = 'acc_default' AND seq = $1`, seq, leaf, hash[:], l.Time)
	f.settle()
}

// replace replaces an action with a removal, with its time, its text and
// matching columns.
func (f *forger) replace(seq int64, removal audit.Leaf, change func(*audit.Leaf)) {
	f.t.Helper()
	f.exec(`UPDATE actions SET name = $2, outcome = $3, actor_kind = $4, actor_id = $5, interface = $6, target_kind = $7, target_id = $8, link = ''
		WHERE account = 'acc_default' AND seq = $1`, seq, string(removal.Name), string(removal.Outcome), string(removal.Actor.Kind), removal.Actor.ID,
		string(removal.Actor.Interface), string(removal.Target.Kind), removal.Target.ID)
	f.rewrite(seq, func(l *audit.Leaf) {
		at, personal := l.Time, l.Personal
		*l = removal
		l.Seq, l.Time, l.Personal = seq, at, personal
		change(l)
	})
}

// blank removes the personal text of an action.
func (f *forger) blank(seq int64) {
	f.t.Helper()
	f.exec(`UPDATE actions SET personal = NULL, salt = NULL, mailbox = '', ip = NULL WHERE account = 'acc_default' AND seq = $1`, seq)
}

// strip removes the content of all actions up to one.
func (f *forger) strip(through int64) {
	f.t.Helper()
	f.exec(`UPDATE actions SET name = '', outcome = '', actor_kind = '', actor_id = '', interface = '', target_kind = '', target_id = '',
		link = '', profile = '', domain = '', mailbox = '', ip = NULL, leaf = NULL, personal = NULL, salt = NULL WHERE account = 'acc_default' AND seq <= $1`, through)
	f.exec(`UPDATE logs SET retained = $1 WHERE account = 'acc_default'`, through)
}

// forgeries are applied to a log whose first day lost its content and in which
// a mailbox was erased.
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
	"emptied without an action": func(f *forger) {
		f.strip(1250)
	},
	"erased without an action": func(f *forger) { f.blank(1290) },
	"retain by another key": func(f *forger) {
		f.clock.Move(kept + 48*time.Hour)
		_, err := f.other().Retain(f.t.Context(), by, account.Default, storetest.Due(f.t, f.store, f.clock), cleaner())
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
		// A real erasure is presented as that of another mailbox.
		f.blank(1290)
		signed := f.leaf(f.last(audit.LogErase))
		must(f.t, record(f.t.Context(), f.store, action(audit.LinkOpen, "x")))
		f.replace(int64(len(f.rows())), signed, func(*audit.Leaf) {})
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
	"erasure of more": func(f *forger) {
		f.blank(1290)
		f.rewrite(f.last(audit.LogErase), func(l *audit.Leaf) {
			l.Changes[0].New += " 1290"
			l.Proof.Personal = append(l.Proof.Personal, f.leaf(1290).Personal)
		})
	},
	"erasure of another text": func(f *forger) {
		f.blank(1290)
		f.rewrite(f.last(audit.LogErase), func(l *audit.Leaf) { l.Changes[0].New = "1290" })
	},
	"retain signed for another range": func(f *forger) {
		// The second day is emptied too, with the signature for the first.
		f.strip(1300)
		signed := f.leaf(f.last(audit.LogRetain))
		must(f.t, record(f.t.Context(), f.store, action(audit.LinkOpen, "x")))
		f.replace(int64(len(f.rows())), signed, func(l *audit.Leaf) { l.Changes[0].New, l.Changes[1].New = "1201", "1300" })
	},
	"retain that exceeds the setting": func(f *forger) {
		f.strip(1300)
		f.rewrite(f.last(audit.LogRetain), func(l *audit.Leaf) {
			var all audit.Edge
			for _, r := range f.rows()[:1300] {
				all.Append(audit.Hash(r.Hash))
			}
			l.Changes[1].New, l.Proof.Root = "1300", all.Tree().Root.String()
		})
	},
	"retain that names another setting": func(f *forger) {
		f.rewrite(f.last(audit.LogRetain), func(l *audit.Leaf) { l.Proof.Days = 90 })
	},
	"duplicated action": func(f *forger) {
		must(f.t, record(f.t.Context(), f.store, action(audit.LinkOpen, "x")))
		end := int64(len(f.rows()))
		f.exec(`DELETE FROM actions WHERE account = 'acc_default' AND seq = $1`, end)
		f.exec(`INSERT INTO actions (account, seq, at, name, outcome, actor_kind, actor_id, interface, target_kind, target_id, link, profile, domain, mailbox, ip, leaf, personal, salt, hash)
			SELECT account, $1, at, name, outcome, actor_kind, actor_id, interface, target_kind, target_id, link, profile, domain, mailbox, ip, leaf, personal, salt, hash
			FROM actions WHERE account = 'acc_default' AND seq = $2`, end, end-1)
		f.settle()
	},
	"duplicated removal": func(f *forger) {
		signed := f.leaf(f.last(audit.LogRetain))
		must(f.t, record(f.t.Context(), f.store, action(audit.LinkOpen, "x")))
		f.replace(int64(len(f.rows())), signed, func(*audit.Leaf) {})
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
	"rewritten": func(f *forger) {
		f.exec(`DELETE FROM checkpoints`)
		f.exec(`DELETE FROM actions WHERE account = 'acc_default'`)
		f.exec(`UPDATE logs SET size = 0, retained = 0, edge = NULL WHERE account = 'acc_default'`)
		write(f.t, f.store, 1400)
	},
}

// onlyByACheckpoint are the forgeries that leave a consistent log: the daily
// check can't find them once the checkpoints beside the log are gone too, but a
// checkpoint that was stored elsewhere can.
var onlyByACheckpoint = map[string]bool{"checkpoints removed, and an edit": true, "rewritten": true}

// notInAnExport are the forgeries of what is stored beside the log. An export
// doesn't have that: it has the log as it was.
var notInAnExport = map[string]bool{"setting without an action": true, "less retained by the head": true, "head set back": true}

// verifyExport checks an export of the log offline.
func verifyExport(t *testing.T, s *store.Store, known ...audit.Known) error {
	t.Helper()
	check := audit.NewCheck(account.Default, publicKey(t), known...)
	err := audit.Export(t.Context(), s, account.Default, func(p audit.Part) error {
		lines, err := p.Lines()
		must(t, err)
		var statements [][]byte
		for line := range bytes.Lines(lines) {
			read, err := audit.ParseLine(line)
			must(t, err)
			if read.KeyChange != nil {
				statements = append(statements, read.KeyChange)
				continue
			}
			if err := errors.Join(check.Follow(statements...), check.Add(read.Record)); err != nil {
				return err
			}
			statements = nil
		}
		return nil
	})
	if err == nil {
		err = check.End()
	}
	return err
}

// TestForgeries forges the log with access only to the database. Verifying with
// a checkpoint finds each forgery, in the database and in an export. So does
// the daily check, which knows the checkpoints in the database, except for
// those named above. A checkpoint from before the removals is enough: then only
// their signatures vouch for them.
func TestForgeries(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s, clock := agedLog(t, database)
		early := sign(t, s)
		_, err := s.ErasePersonal(t.Context(), by, account.Default, audit.Erasure{Mailbox: "p30@example.com"}, cleaner())
		must(t, err)
		clock.Move(kept)
		if n, err := s.Retain(t.Context(), by, account.Default, storetest.Due(t, s, clock), cleaner()); err != nil || n != 1200 {
			t.Fatalf("retained %d, %v", n, err)
		}
		known := sign(t, s)
		must(t, verify(t, s, known))
		must(t, verifyExport(t, s, known))
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
				if err := verifyExport(t, f.store, known); audit.IsFinding(err) == notInAnExport[name] {
					t.Errorf("in an export: got %v, want a finding: %v", err, !notInAnExport[name])
				}
				if err := verify(t, f.store); audit.IsFinding(err) == onlyByACheckpoint[name] {
					t.Errorf("by the database alone: got %v, want a finding: %v", err, !onlyByACheckpoint[name])
				}
				f.exec(`DELETE FROM checkpoints`)
				if err := verify(t, f.store, early); !audit.IsFinding(err) {
					t.Errorf("with a checkpoint from before the removals: got %v, want a finding", err)
				}
			})
		}
	})
}

// TestErasureIsNotSteered changes the columns and texts that the program uses
// to find what to erase: it signs no erasure of anything but what was
// requested.
func TestErasureIsNotSteered(t *testing.T) {
	mailbox, single := audit.Erasure{Mailbox: "p3@example.com"}, audit.Erasure{Seq: 6}
	for name, tt := range map[string]struct {
		which  audit.Erasure
		change string
	}{
		"column":        {mailbox, `UPDATE actions SET mailbox = 'p3@example.com' WHERE seq = 6`},
		"text":          {single, `UPDATE actions SET personal = (SELECT personal FROM actions WHERE seq = 4), salt = (SELECT salt FROM actions WHERE seq = 4) WHERE seq = 6`},
		"leaf":          {single, `UPDATE actions SET leaf = (SELECT leaf FROM actions WHERE seq = 4), personal = (SELECT personal FROM actions WHERE seq = 4), salt = (SELECT salt FROM actions WHERE seq = 4) WHERE seq = 6`},
		"unreadable":    {single, `UPDATE actions SET leaf = salt WHERE seq = 6`},
		"text, mailbox": {mailbox, `UPDATE actions SET personal = salt WHERE seq = 4`},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.EachDatabase(t, func(t *testing.T, database string) {
				s := storetest.Open(t, store.Config{Database: database})
				write(t, s, 10)
				storetest.Exec(t, database, tt.change)
				wantUnchanged(t, database, func() {
					if n, err := s.ErasePersonal(t.Context(), by, account.Default, tt.which, cleaner()); !audit.IsFinding(err) {
						t.Errorf("erased %d, %v, want a finding", n, err)
					}
				})
			})
		})
	}
}
