package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A keyFile is what servers read keys from: all of them the same file, or each its
// own.
type keyFile struct {
	mu    sync.Mutex
	seeds [][]byte
}

func newKeyFile() *keyFile { return &keyFile{seeds: [][]byte{storetest.LogKey}} }

func (f *keyFile) read() ([][]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seeds, nil
}

// prepare puts another key beside the one in the file, and place in its place.
func (f *keyFile) prepare(seed string) *audit.LogKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seeds = append(f.seeds[:1:1], bytes.Repeat([]byte(seed), audit.LogKeySize))
	return keyOf(seed)
}

func (f *keyFile) place() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seeds = f.seeds[1:]
}

func keyOf(seed string) *audit.LogKey {
	key, err := audit.NewLogKey(bytes.Repeat([]byte(seed), audit.LogKeySize))
	if err != nil {
		panic(err)
	}
	return key
}

// open is a server that reads its keys from the file.
func (f *keyFile) open(t *testing.T, database string) *store.Store {
	t.Helper()
	return storetest.Open(t, store.Config{Database: database, Signer: audit.NewKeyring(f.read)})
}

// pinned is the public key of an account's log that somebody has kept from before
// the key was replaced.
func pinned(t *testing.T, account string) string {
	t.Helper()
	public, err := logKey(t).Public(account)
	must(t, err)
	return public
}

// TestReplaceKey wants the keys of all logs replaced, twice, those of new accounts
// included: each verifies by the first key, each signed removal is believed, and
// each checkpoint is by the key of its time.
func TestReplaceKey(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		file := newKeyFile()
		s := file.open(t, database)
		secondAccount(t, database)
		spoil := func() {
			must(t, record(t.Context(), s, action(audit.LinkOpen, "lnk_1")))
			must(t, s.SetRetention(t.Context(), by, account.Default, 90+len(actions(t, s)), cleaner()))
		}
		sign := func() []byte {
			tree, note, err := s.SignCheckpoint(t.Context(), account.Default)
			must(t, err)
			must(t, s.KeepCheckpoint(t.Context(), account.Default, tree.Size, note))
			return note
		}
		spoil()
		notes := [][]byte{sign()}
		for i, seed := range []string{"m", "n"} {
			next := file.prepare(seed)
			if n, err := s.ReplaceKeys(t.Context(), by, next); err != nil || n != 3 {
				t.Fatalf("%d logs, %v", n, err)
			}
			notes = append(notes, sign())
			file.place()
			spoil()
			notes = append(notes, sign())
			if n, err := s.ReplaceKeys(t.Context(), by, next); err != nil || n != 0 {
				t.Errorf("again: %d logs, %v", n, err)
			}
			for _, id := range []string{account.Default, account.Installation, "acc_2"} {
				report, err := audit.Verify(t.Context(), s, id, pinned(t, id))
				if err != nil || len(report.Keys) != i+2 || report.Keys[i+1].ID != next.ID() {
					t.Errorf("%s: %+v, %v", id, report, err)
				}
				must(t, verifyExportOf(t, s, id, pinned(t, id)))
			}
		}
		chain, err := s.Chain(t.Context(), account.Default)
		must(t, err)
		ids := []string{logKey(t).ID(), keyOf("m").ID(), keyOf("m").ID(), keyOf("n").ID(), keyOf("n").ID()}
		for i, note := range notes {
			if point, err := chain.Open(note); err != nil || point.Key != ids[i] {
				t.Errorf("note %d: %+v, %v", i, point, err)
			}
		}
		if a := lastOf(t, s, audit.LogReplaceKey); a.Changes[0].Old != keyOf("m").ID() || a.Changes[0].New != keyOf("n").ID() || a.Actor.Kind != by.Actor.Kind {
			t.Errorf("the action is %+v", a)
		}
	})
}

// lastOf is the last action of the name in the default account's log.
func lastOf(t *testing.T, s *store.Store, name audit.Name) (last audit.Entry) {
	t.Helper()
	for _, r := range actions(t, s) {
		if e := entry(t, r); e.Name == name {
			last = e
		}
	}
	return last
}

func verifyExportOf(t *testing.T, s *store.Store, id, public string) error {
	t.Helper()
	check := audit.NewCheck(id, public)
	err := audit.Export(t.Context(), s, id, func(p audit.Part) error {
		if err := check.Follow(p.KeyChanges...); err != nil {
			return err
		}
		for _, r := range p.Records {
			if err := check.Add(r); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, check.End())
}

// TestReplaceKeyBrokenOff has a replacement end after some of the logs, as by kill
// -9: each log verifies, servers go on with both keys, and the next run does the
// rest. A new account begins with the new key.
func TestReplaceKeyBrokenOff(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		file := newKeyFile()
		s := file.open(t, database)
		secondAccount(t, database)
		next := file.prepare("m")
		others, err := s.SignedByOthers(t.Context(), next.ID())
		if err != nil || fmt.Sprint(others) != "[acc_installation acc_2 acc_default]" {
			t.Fatalf("%v, %v", others, err)
		}
		for i := range others {
			if i > 0 {
				must(t, s.ReplaceKey(t.Context(), by, others[i-1], next))
			}
			s := file.open(t, database) // as after a restart
			for _, id := range others {
				must(t, record(t.Context(), s, action(audit.LinkOpen, "lnk_1")))
				if _, err := audit.Verify(t.Context(), s, id, pinned(t, id)); err != nil {
					t.Errorf("%d replaced: %s: %v", i, id, err)
				}
				_, note, err := s.SignCheckpoint(t.Context(), id)
				must(t, err)
				if want := map[bool]string{true: next.ID(), false: logKey(t).ID()}[indexOf(others, id) < i]; !strings.Contains(string(note), "\nkey "+want+"\n") {
					t.Errorf("%d replaced: the note of %s is\n%s", i, id, note)
				}
			}
		}
		acc := account.Account{ID: "acc_new", Name: "New", RetentionDays: audit.DefaultRetention, Created: start}
		invitation := account.Invitation{ID: "inv_new", Account: "acc_new", Email: "new@example.com", Role: account.Owner, Created: start, Expires: start.Add(1 << 50)}
		of := func(name audit.Name) audit.Action {
			return audit.Action{Account: "acc_new", Name: name, Outcome: audit.Done, Target: audit.Target{Kind: audit.AccountTarget, ID: "acc_new"}}
		}
		must(t, s.CreateAccount(t.Context(), by, acc, invitation, of(audit.AccountCreate), of(audit.InvitationCreate)))
		must(t, s.SetRetention(t.Context(), by, "acc_new", 90, cleaner()))
		if n, err := s.ReplaceKeys(t.Context(), by, next); err != nil || n != 1 {
			t.Errorf("the rest: %d, %v", n, err)
		}
		file.place()
		s = file.open(t, database)
		for _, id := range []string{account.Default, account.Installation, "acc_2", "acc_new"} {
			public, err := s.PublicKey(t.Context(), id)
			must(t, err)
			if report, err := audit.Verify(t.Context(), s, id, public); err != nil || report.Keys[len(report.Keys)-1].ID != next.ID() {
				t.Errorf("%s: %v", id, err)
			}
			if !strings.HasPrefix(public, "mobileconfig/"+logKey(t).ID()+"/"+id+"+") {
				t.Errorf("the public key is %s", public)
			}
		}
		if err := s.ReplaceKey(t.Context(), by, account.Default, next); !fault.Is(err, fault.Conflict) {
			t.Errorf("a replacement by the same key: %v", err)
		}
	})
}

func indexOf(all []string, one string) int {
	for i, s := range all {
		if s == one {
			return i
		}
	}
	return len(all)
}

// TestServerWithoutTheNewKey wants a server that hasn't got the new key yet to
// change nothing that needs it, and to sign nothing with the old one, until its
// file has it. What needs no signature goes on.
func TestServerWithoutTheNewKey(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		here, there := newKeyFile(), newKeyFile()
		s, other := here.open(t, database), there.open(t, database)
		must(t, record(t.Context(), other, action(audit.LinkOpen, "lnk_1")))
		_, _, err := other.SignCheckpoint(t.Context(), account.Default)
		must(t, err)
		if n, err := s.ReplaceKeys(t.Context(), by, here.prepare("m")); err != nil || n != 2 {
			t.Fatalf("%d, %v", n, err)
		}
		here.place()
		before := len(actions(t, s))
		_, _, err1 := other.SignCheckpoint(t.Context(), account.Default)
		err2 := other.SetRetention(t.Context(), by, account.Default, 90, cleaner())
		_, err3 := other.ErasePersonal(t.Context(), by, account.Default, audit.Erasure{Seq: 1}, cleaner())
		_, err4 := other.ReplaceKeys(t.Context(), by, there.prepare("n"))
		for i, err := range []error{err1, err2, err3, err4} {
			if !fault.Is(err, fault.LogKeyUnavailable) || fault.Of(err).RetryAfter == 0 {
				t.Errorf("%d: %v", i+1, err)
			}
		}
		if n := len(actions(t, s)); n != before {
			t.Errorf("%d actions were added", n-before)
		}
		must(t, record(t.Context(), other, action(audit.LinkOpen, "lnk_1")))
		there.prepare("m")
		_, note, err := other.SignCheckpoint(t.Context(), account.Default)
		must(t, err)
		must(t, other.SetRetention(t.Context(), by, account.Default, 90, cleaner()))
		chain, err := other.Chain(t.Context(), account.Default)
		must(t, err)
		if _, err := chain.Open(note); err != nil {
			t.Error(err)
		}
		_, err = audit.Verify(t.Context(), s, account.Default, pinned(t, account.Default))
		must(t, err)
	})
}

// TestReplaceKeyUnderLoad replaces the key four times while three servers write,
// sign and erase: no action and no checkpoint is lost, and each is by the key of
// its place in the log.
func TestReplaceKeyUnderLoad(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		file := newKeyFile()
		main := file.open(t, database)
		must(t, record(t.Context(), main, action(audit.LinkOpen, "lnk_1")))
		var working sync.WaitGroup
		var done, points [3]int
		stop := make(chan struct{})
		for i := range done {
			s := file.open(t, database)
			working.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					err := record(t.Context(), s, action(audit.LinkOpen, "lnk_1"))
					if err == nil && n%5 == i {
						err = s.SetRetention(t.Context(), by, account.Default, 100+(n*3+i)%1000, cleaner())
					}
					tree, note, signErr := s.SignCheckpoint(t.Context(), account.Default)
					if err = errors.Join(err, signErr); err == nil {
						err = s.KeepCheckpoint(t.Context(), account.Default, tree.Size, note)
					}
					if err != nil {
						t.Errorf("server %d: %v", i, err)
						return
					}
					done[i]++
					points[i]++
				}
			})
		}
		for _, seed := range []string{"m", "n", "o", "p"} {
			size := len(actions(t, main))
			storetest.Await(t, func() bool { return len(actions(t, main)) > size+20 })
			if _, err := main.ReplaceKeys(t.Context(), by, file.prepare(seed)); err != nil {
				t.Fatal(err)
			}
			file.place()
		}
		size := len(actions(t, main))
		storetest.Await(t, func() bool { return len(actions(t, main)) > size+20 })
		close(stop)
		working.Wait()
		report, err := audit.Verify(t.Context(), main, account.Default, pinned(t, account.Default))
		if err != nil || len(report.Keys) != 5 {
			t.Fatalf("%d keys, %v", len(report.Keys), err)
		}
		chain, err := main.Chain(t.Context(), account.Default)
		must(t, err)
		kept, err := main.Checkpoints(t.Context(), account.Default)
		must(t, err)
		by := map[string]int{}
		for _, k := range kept {
			point, err := chain.Open(k.Note)
			if err != nil {
				t.Errorf("the checkpoint of %d: %v", k.Size, err)
			}
			by[point.Key]++
		}
		if len(by) != 5 {
			t.Errorf("the checkpoints are by %v", by)
		}
		links := 0
		for _, r := range actions(t, main) {
			if entry(t, r).Name == audit.LinkOpen {
				links++
			}
		}
		if want := 1 + done[0] + done[1] + done[2]; links != want {
			t.Errorf("%d actions are there, %d were kept", links, want)
		}
	})
}

// TestSignedBetween replaces the key between any two statements of a server that
// signs a checkpoint: it's by the key of the state that it's of.
func TestSignedBetween(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		file := newKeyFile()
		s, other := file.open(t, database), file.open(t, database)
		must(t, record(t.Context(), s, action(audit.LinkOpen, "lnk_1")))
		seeds, replaced := "mnopq", 0
		s.Database().Watch(func(c db.Call) error {
			if c.Reads && strings.Contains(c.Query, "logs") && replaced < len(seeds) {
				next := file.prepare(seeds[replaced : replaced+1])
				replaced++
				must(t, other.ReplaceKey(t.Context(), by, account.Default, next))
				file.place()
			}
			return nil
		})
		var notes [][]byte
		for range 3 {
			_, note, err := s.SignCheckpoint(t.Context(), account.Default)
			must(t, err)
			notes = append(notes, note)
		}
		if replaced == 0 {
			t.Fatal("no statement was seen")
		}
		s.Database().Watch(nil)
		chain, err := other.Chain(t.Context(), account.Default)
		must(t, err)
		for _, note := range notes {
			if _, err := chain.Open(note); err != nil {
				t.Errorf("%v:\n%s", err, note)
			}
		}
	})
}

// TestReplacedWithinABatch has what follows a replacement in the same transaction
// signed by the new key.
func TestReplacedWithinABatch(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		file := newKeyFile()
		s, signer := file.open(t, database), audit.NewKeyring(file.read)
		next := file.prepare("m")
		must(t, s.Change(t.Context(), by, func(*db.Tx) ([]audit.Action, error) {
			replace, err1 := cleaner().RecordReplaceKey(signer, account.Default, next)
			retention, err2 := cleaner().RecordRetention(signer, account.Default, audit.DefaultRetention, audit.DefaultRetention)
			return []audit.Action{retention, replace, retention}, errors.Join(err1, err2)
		}))
		report, err := audit.Verify(t.Context(), s, account.Default, pinned(t, account.Default))
		if err != nil || report.Size != 3 || len(report.Keys) != 2 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

// TestVerifyWhileReplacing wants no finding in a log whose key is replaced while it
// is verified.
func TestVerifyWhileReplacing(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		file := newKeyFile()
		s, other := file.open(t, database), file.open(t, database)
		must(t, record(t.Context(), s, action(audit.LinkOpen, "lnk_1")))
		seeds, seen := "mnopqrst", 0
		s.Database().Watch(func(c db.Call) error {
			if seen++; c.Reads && seen%5 == 0 && len(seeds) > 0 {
				next := file.prepare(seeds[:1])
				seeds = seeds[1:]
				must(t, other.ReplaceKey(t.Context(), by, account.Default, next))
				file.place()
			}
			return nil
		})
		for len(seeds) > 0 {
			if _, err := audit.Verify(t.Context(), s, account.Default, pinned(t, account.Default)); audit.IsFinding(err) {
				t.Fatal(err)
			}
		}
	})
}

// TestForgedKeyChanges breaks what stands beside the log about its keys, and wants
// the daily check and the first key to find it.
func TestForgedKeyChanges(t *testing.T) {
	for name, statement := range map[string]string{
		"a statement is missing":          `DELETE FROM log_key_changes WHERE account = 'acc_default' AND seq = (SELECT MIN(seq) FROM log_key_changes WHERE account = 'acc_default')`,
		"all statements are missing":      `DELETE FROM log_key_changes WHERE account = 'acc_default'`,
		"the statement of another log":    `UPDATE log_key_changes SET statement = (SELECT statement FROM log_key_changes WHERE account = 'acc_installation' ORDER BY seq LIMIT 1) WHERE account = 'acc_default' AND seq = 2`,
		"the statement of another change": `UPDATE log_key_changes SET statement = (SELECT statement FROM log_key_changes WHERE account = 'acc_default' ORDER BY seq DESC LIMIT 1) WHERE account = 'acc_default'`,
		"the head names an older key":     `UPDATE logs SET key = 'OLDER' WHERE account = 'acc_default'`,
		"the head names no key":           `UPDATE logs SET key = '', installation = '' WHERE account = 'acc_default'`,
		"another name at the head":        `UPDATE logs SET installation = 'x' WHERE account = 'acc_default'`,
	} {
		t.Run(name, func(t *testing.T) {
			storetest.EachDatabase(t, func(t *testing.T, database string) {
				file := newKeyFile()
				s := file.open(t, database)
				must(t, record(t.Context(), s, action(audit.LinkOpen, "lnk_1")))
				for _, seed := range []string{"m", "n"} {
					_, err := s.ReplaceKeys(t.Context(), by, file.prepare(seed))
					must(t, err)
					file.place()
					must(t, record(t.Context(), s, action(audit.LinkOpen, "lnk_1")))
				}
				_, err := audit.Verify(t.Context(), s, account.Default, pinned(t, account.Default))
				must(t, err)
				storetest.Exec(t, database, strings.ReplaceAll(statement, "OLDER", keyOf("m").ID()))
				if _, err := audit.Verify(t.Context(), s, account.Default, pinned(t, account.Default)); !audit.IsFinding(err) {
					t.Errorf("by the first key: %v", err)
				}
			})
		})
	}
}
