package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// A keyLog is a log of acc_1 whose key is replaced now and then.
type keyLog struct {
	t          testing.TB
	rows       []audit.Row
	edge       audit.Edge
	key        *audit.LogKey
	name       audit.KeyName
	statements [][]byte
	points     [][]byte // a checkpoint after each action
}

func newKeyLog(t testing.TB, seed string) *keyLog {
	l := &keyLog{t: t, key: logKey(t, seed)}
	l.points = append(l.points, checkpoint(t, l.key, "acc_1", l.edge.Tree()))
	return l
}

// add does what a ledger does with an action.
func (l *keyLog) add(a audit.Action) {
	l.t.Helper()
	l.rows = keep(l.t, l.rows, a.SignedBy(l.name))
	last := l.rows[len(l.rows)-1]
	l.edge.Append(audit.Hash(last.Hash))
	statement, name, ok, err := a.SignedBy(l.name).KeyChange(last.Leaf, &l.edge)
	if err != nil {
		l.t.Fatal(err)
	}
	if ok {
		l.statements, l.name = append(l.statements, statement), name
	}
	l.points = append(l.points, checkpoint(l.t, l.key.Named(l.name.Installation), "acc_1", l.edge.Tree()))
}

func (l *keyLog) some(n int) {
	l.t.Helper()
	for range n {
		l.add(someAction(len(l.rows)))
	}
}

func (l *keyLog) replace(seed string) {
	l.t.Helper()
	next := logKey(l.t, seed)
	a, err := audit.Action{Outcome: audit.Done}.RecordReplaceKey(l.key, "acc_1", next)
	if err != nil {
		l.t.Fatal(err)
	}
	l.key = next
	l.add(a)
}

// public is the public key of a seed in the log.
func (l *keyLog) public(seed string) string {
	l.t.Helper()
	return public(l.t, logKey(l.t, seed).Named(logKey(l.t, "a").ID()), "acc_1")
}

// erase has a text erased, by a signed action.
func (l *keyLog) erase(seq int64) {
	l.t.Helper()
	l.add(erase(l.t, l.key, l.rows, seq))
	l.rows[seq-1] = erased(l.rows[seq-1])
}

// check goes through the log by a public key.
func (l *keyLog) check(public string, known ...audit.Known) (audit.Report, error) {
	c := audit.NewCheck("acc_1", public, known...)
	if err := c.Follow(l.statements...); err != nil {
		return audit.Report{}, err
	}
	for _, r := range l.rows {
		if err := c.AddRow(&r); err != nil {
			return audit.Report{}, err
		}
	}
	return c.Report(), c.End()
}

// threeKeys is a log of 5 actions under the key a, one that replaces it, 3 under
// b, one that replaces that, and 3 under c; each key signs an erasure.
func threeKeys(t testing.TB) *keyLog {
	l := newKeyLog(t, "a")
	l.some(4)
	l.erase(1)
	l.replace("b")
	l.some(2)
	l.erase(2)
	l.replace("c")
	l.some(2)
	l.erase(3)
	return l
}

// TestChainOfKeys wants a log whose key was replaced twice to be good by any of
// its keys, also where retention has removed what said so, and each checkpoint
// by the key of its time.
func TestChainOfKeys(t *testing.T) {
	l := threeKeys(t)
	for _, seed := range []string{"a", "b", "c"} {
		r, err := l.check(l.public(seed))
		if err != nil {
			t.Fatalf("by the key %s: %v", seed, err)
		}
		var since []int64
		for i, k := range r.Keys {
			since = append(since, k.Since)
			if want := logKey(t, string("abc"[i])); k.ID != want.ID() || k.Public != l.public(string("abc"[i])) {
				t.Errorf("key %d is %+v", i, k)
			}
			if i > 0 && !k.At.Equal(l.rows[k.Since-1].At) {
				t.Errorf("key %d signs since %s", i, k.At)
			}
		}
		if fmt.Sprint(since) != "[0 6 10]" {
			t.Errorf("the keys sign since %v", since)
		}
		chain, err := audit.NewChain(l.public(seed), l.statements...)
		if err != nil {
			t.Fatal(err)
		}
		for size, point := range l.points {
			got, err := chain.Open(point)
			if err != nil || got.Size != int64(size) || got.Key != r.Keys[keyAt(size)].ID {
				t.Errorf("the checkpoint of %d is %+v, %v", size, got, err)
			}
		}
	}
	for i := range l.rows[:10] {
		l.rows[i] = bare(l.rows[i])
	}
	l.rows = l.rows[:10]
	if _, err := l.check(l.public("a")); err == nil || !strings.Contains(err.Error(), "their content was removed") {
		t.Errorf("without content: %v", err) // and not that a key is wrong
	}
}

func keyAt(size int) int {
	switch {
	case size < 6:
		return 0
	case size < 10:
		return 1
	}
	return 2
}

// TestBrokenChain breaks the chain in each way there is, and wants it refused.
func TestBrokenChain(t *testing.T) {
	good := threeKeys(t)
	other := newKeyLog(t, "a")
	other.some(5)
	other.replace("b")
	other.some(3)
	other.replace("c")
	for name, tt := range map[string]struct {
		change func(l *keyLog)
		by     string // the key that is trusted
		want   string
	}{
		"nothing":                     {func(*keyLog) {}, "a", ""},
		"no statement":                {func(l *keyLog) { l.statements = nil }, "a", "action 6: it replaced the log's key"},
		"the first is missing":        {func(l *keyLog) { l.statements = l.statements[1:] }, "a", "no chain of keys leads to"},
		"the first is missing, by b":  {func(l *keyLog) { l.statements = l.statements[1:] }, "b", "action 5: it is a forged log.erase"},
		"the second is missing":       {func(l *keyLog) { l.statements = l.statements[:1] }, "a", "action 10: it replaced the log's key"},
		"the wrong order":             {func(l *keyLog) { slices.Reverse(l.statements) }, "a", "action 6: a statement that the key was replaced is missing or in the wrong order"},
		"one twice":                   {func(l *keyLog) { l.statements = append(l.statements, l.statements[1]) }, "a", "action 10: a statement that the key was replaced is missing or in the wrong order"},
		"signed by the old key alone": {func(l *keyLog) { l.statements[0] = withoutLine(l.statements[0], -2) }, "a", "isn't signed by both keys"},
		"signed by the new key alone": {func(l *keyLog) { l.statements[0] = withoutLine(l.statements[0], -3) }, "a", "isn't signed by both keys"},
		"signed twice by one":         {func(l *keyLog) { l.statements[0] = repeated(l.statements[0]) }, "a", "isn't signed by both keys"},
		"another time": {func(l *keyLog) {
			l.statements[0] = bytes.Replace(l.statements[0], []byte(`"time":`), []byte(`"time":1`), 1)
		}, "a", "isn't signed by both keys"},
		"of another history": {func(l *keyLog) { l.statements = slices.Clone(other.statements) }, "a", "actions 1 to 6: one or more actions were changed"},
		"of another action": {func(l *keyLog) {
			leaf := bytes.Replace(l.rows[5].Leaf, []byte(`"time":1`), []byte(`"time":2`), 1)
			l.statements[0] = forge(t, l, "acc_1", "a", "b", leaf, known(l.rows, 6).Tree)
		}, "a", "action 6: it isn't the action by which the log's key was replaced"},
		"of another account": {func(l *keyLog) {
			l.statements[0] = forge(t, l, "acc_2", "a", "b", l.rows[5].Leaf, known(l.rows, 6).Tree)
		}, "a", "no statement that a key"},
		"of another tree": {func(l *keyLog) {
			l.statements[0] = forge(t, l, "acc_1", "a", "b", l.rows[5].Leaf, audit.Tree{Size: 6, Root: known(l.rows, 5).Root})
		}, "a", "actions 1 to 6: one or more actions were changed"},
		"by the old key and a stranger's": {func(l *keyLog) {
			l.statements[0] = forge(t, l, "acc_1", "a", "x", l.rows[5].Leaf, known(l.rows, 6).Tree)
		}, "a", "isn't signed by both keys"},
		"of an action that says something else": {func(l *keyLog) {
			l.statements[0] = forge(t, l, "acc_1", "a", "b", l.rows[4].Leaf, known(l.rows, 5).Tree)
		}, "a", "no statement that a key"},
		"a key of nobody": {func(*keyLog) {}, "x", "no chain of keys leads to"},
		"proof by the old key after the change": {func(l *keyLog) {
			l.rows[8] = keepAt(t, l.rows[:8:8], erase(t, logKey(t, "a"), good.rows, 2).SignedBy(audit.KeyName{Installation: logKey(t, "a").ID()}), l.rows[8].At)[8]
		}, "a", "action 9: it is a forged log.erase"},
	} {
		t.Run(name, func(t *testing.T) {
			l := *good
			l.rows, l.statements = slices.Clone(good.rows), slices.Clone(good.statements)
			tt.change(&l)
			_, err := l.check(l.public(tt.by))
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !audit.IsFinding(err) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a finding with %q", err, tt.want)
			}
		})
	}
}

// forge signs a statement by the keys of two seeds.
func forge(t testing.TB, l *keyLog, account, old, next string, leaf []byte, tree audit.Tree) []byte {
	t.Helper()
	installation := logKey(t, "a").ID()
	signed, err := audit.SignKeyChange(account, logKey(t, old).Named(installation), logKey(t, next).Named(installation), leaf, tree)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// withoutLine leaves out a line, counted from the end.
func withoutLine(signed []byte, i int) []byte {
	lines := bytes.SplitAfter(signed, []byte("\n"))
	return bytes.Join(slices.Delete(lines, len(lines)+i, len(lines)+i+1), nil)
}

// repeated has the first of the two signatures twice, and not the second.
func repeated(signed []byte) []byte {
	lines := bytes.SplitAfter(signed, []byte("\n"))
	lines[len(lines)-2] = lines[len(lines)-3]
	return bytes.Join(lines, nil)
}

// TestReturnToOldKey wants a key that was replaced never to come back: it may
// have leaked.
func TestReturnToOldKey(t *testing.T) {
	l := threeKeys(t)
	l.replace("a")
	if _, err := l.check(l.public("a")); !audit.IsFinding(err) || !strings.Contains(err.Error(), "returns to") {
		t.Errorf("got %v", err)
	}
}

// TestCheckpointByTheWrongKey wants a checkpoint to be refused that a key signed
// after it was replaced, or before it signed.
func TestCheckpointByTheWrongKey(t *testing.T) {
	l := threeKeys(t)
	chain, err := audit.NewChain(l.public("a"), l.statements...)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		seed, want string
		size       int
	}{
		{"a", "which was replaced by action 6", 6},
		{"a", "which was replaced by action 6", 12},
		{"b", "which was replaced by action 10", 10},
		{"b", "only signs from action 6 on", 5},
		{"c", "only signs from action 10 on", 9},
		{"x", "isn't signed by", 3},
	} {
		key := logKey(t, tt.seed).Named(logKey(t, "a").ID())
		note := checkpoint(t, key, "acc_1", known(l.rows, tt.size).Tree)
		if _, err := chain.Open(note); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d actions by %s: got %v, want %q", tt.size, tt.seed, err, tt.want)
		}
	}
	liar := resign(t, logKey(t, "k").Origin("acc_1")+"\n42\n"+someTree().Root.String()+"\nkey "+logKey(t, "a").ID()+"\n")
	if _, err := audit.OpenCheckpoint(liar, public(t, logKey(t, "k"), "acc_1")); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("a note that names another key: %v", err)
	}
}

// TestVerifyFollowsKeys wants Verify to follow the chain, to open notes by the
// key of their time, and to hold the chain against the head.
func TestVerifyFollowsKeys(t *testing.T) {
	l := threeKeys(t)
	for _, seed := range []string{"a", "b", "c"} {
		if _, err := audit.Verify(t.Context(), keyKeeper{l}, "acc_1", l.public(seed)); err != nil {
			t.Errorf("by %s: %v", seed, err)
		}
	}
	l.points[12] = checkpoint(t, logKey(t, "a"), "acc_1", known(l.rows, 12).Tree)
	if _, err := audit.Verify(t.Context(), keyKeeper{l}, "acc_1", l.public("c")); !audit.IsFinding(err) || !strings.Contains(err.Error(), "replaced by action 6") {
		t.Errorf("with a note by the old key after the change: %v", err)
	}
	l = threeKeys(t)
	l.name.ID = logKey(t, "b").ID()
	if _, err := audit.Verify(t.Context(), keyKeeper{l}, "acc_1", l.public("c")); !audit.IsFinding(err) || !strings.Contains(err.Error(), "no chain of keys leads there") {
		t.Errorf("with another key at the head: %v", err)
	}
}

// A keyKeeper keeps a keyLog.
type keyKeeper struct{ *keyLog }

func (k keyKeeper) EachRow(ctx context.Context, account string, after int64, limit int, found func(*audit.Row) error) error {
	return keeper(k.rows).EachRow(ctx, account, after, limit, found)
}
func (k keyKeeper) Checkpoint(context.Context, string) (audit.Tree, error) { return k.edge.Tree(), nil }
func (k keyKeeper) Checkpoints(context.Context, string) (all []audit.KeptCheckpoint, err error) {
	for size, note := range k.points {
		all = append(all, audit.KeptCheckpoint{Size: int64(size), Note: note, Created: at})
	}
	return all, nil
}
func (k keyKeeper) Retained(context.Context, string) (int64, error) { return 0, nil }
func (k keyKeeper) Retention(context.Context, string) (int, error) {
	return audit.DefaultRetention, nil
}
func (k keyKeeper) KeyChanges(context.Context, string) ([][]byte, error) {
	return k.statements, nil
}
func (k keyKeeper) SigningKey(context.Context, string) (audit.KeyName, error) { return k.name, nil }
func (k keyKeeper) Actions(_ context.Context, _ string, after int64, limit int) (all []audit.Record, err error) {
	for _, r := range k.rows[after:min(int(after)+limit, len(k.rows))] {
		all = append(all, r.Record)
	}
	return all, nil
}

// TestExportHasKeys wants an export to be enough to verify a log by its first key
// alone, also if the key is replaced while it is written.
func TestExportHasKeys(t *testing.T) {
	l := newKeyLog(t, "a")
	l.some(1200)
	l.replace("b")
	l.some(100)
	for name, during := range map[string]func(){"": func() {}, "replaced meanwhile": func() { l.replace("c"); l.erase(7) }} {
		c, parts := audit.NewCheck("acc_1", l.public("a")), 0
		err := audit.Export(t.Context(), keyKeeper{l}, "acc_1", func(p audit.Part) error {
			if parts++; parts == 1 {
				during()
			}
			lines, err := p.Lines()
			if err != nil {
				return err
			}
			for data := range bytes.Lines(lines) {
				line, err := audit.ParseLine(data)
				if err == nil && line.KeyChange != nil {
					err = c.Follow(line.KeyChange)
				} else if err == nil {
					err = c.Add(line.Record)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = c.End()
		}
		if err != nil || parts < 2 || len(c.Report().Keys) != len(l.statements)+1 {
			t.Errorf("%s: %d parts, %d keys, %v", name, parts, len(c.Report().Keys), err)
		}
		l.rows[6] = someLog(t, 7)[6]
	}
}

func TestKeyring(t *testing.T) {
	seeds, loads := [][]byte{bytes.Repeat([]byte("a"), audit.LogKeySize)}, 0
	var broken error
	ring := audit.NewKeyring(func() ([][]byte, error) { loads++; return seeds, broken })
	a, b := logKey(t, "a").ID(), logKey(t, "b").ID()
	want := func(id, found string) {
		t.Helper()
		if k, err := ring.Key(id); found == "" && !fault.Is(err, fault.LogKeyUnavailable) || found != "" && (err != nil || k.ID() != found) {
			t.Errorf("%q: got %v, %v", id, k, err)
		}
	}
	want("", a)
	want(a, a)
	if loads != 1 {
		t.Errorf("%d loads", loads)
	}
	want(b, "")
	seeds = append(seeds, bytes.Repeat([]byte("b"), audit.LogKeySize))
	want(b, b)
	seeds = seeds[1:] // the old file is gone, and logs may still wait for their replacement
	want("", a)
	want(a, a)
	want(b, b)
	broken = context.Canceled
	if _, err := ring.Key("c"); err == nil || fault.Is(err, fault.LogKeyUnavailable) {
		t.Errorf("with files that can't be read: %v", err)
	}
}

// FuzzChain puts anything in the place of the first statement of a log: whatever
// is believed says what the real one says.
func FuzzChain(f *testing.F) {
	l := threeKeys(f)
	f.Add(l.statements[0])
	f.Add(l.statements[1])
	f.Add([]byte("mobileconfig/x/acc_1\nreplace-key\n\n{}\n\n— a b\n"))
	public, second, want := l.public("a"), l.statements[1], audit.NewCheck("acc_1", l.public("a"))
	if err := want.Follow(l.statements...); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := audit.ParseKeyChange(data); err == nil && (c.Size < 1 || c.Old == c.New) {
			t.Errorf("%q was read as %+v", data, c)
		}
		chain, err := audit.NewChain(public, data, second)
		if err != nil {
			return
		}
		for i, k := range chain.Keys() {
			if real := want.Chain().Keys()[i]; k.Since != real.Since || k.Public != real.Public || !k.At.Equal(real.At) {
				t.Errorf("%q was followed to %+v", data, k)
			}
		}
	})
}
