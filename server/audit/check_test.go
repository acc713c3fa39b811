package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
)

// logSize is the length of the logs that the tests tamper with.
const logSize = 1000

// keep stores an action as a store does.
func keep(t testing.TB, rows []audit.Row, a audit.Action) []audit.Row {
	t.Helper()
	return keepAt(t, rows, a, at.Add(time.Duration(len(rows)+1)*time.Second))
}

func keepAt(t testing.TB, rows []audit.Row, a audit.Action, at time.Time) []audit.Row {
	t.Helper()
	seq := int64(len(rows)) + 1
	at = at.Truncate(time.Millisecond).UTC()
	salt := fmt.Appendf(nil, "%016d", seq)
	leaf, personal, err := a.Encode(seq, at, salt)
	if err != nil {
		t.Fatal(err)
	}
	hash := audit.HashLeaf(leaf)
	return append(rows, audit.Row{
		Record:  audit.Record{Seq: seq, At: at, Leaf: leaf, Personal: personal, Salt: salt, Hash: hash[:]},
		Columns: a.Columns(),
	})
}

func someAction(i int) audit.Action {
	return audit.Action{
		Account: "acc_1", Name: audit.ProfileDownload, Outcome: audit.Done,
		Actor: audit.Actor{
			Kind: audit.KeyActor, ID: "key_" + strconv.Itoa(i), Name: "hosting panel", IP: "192.0.2." + strconv.Itoa(i%256),
			Client: "curl", Interface: audit.API, Request: "req_" + strconv.Itoa(i),
		},
		Target:  audit.Target{Kind: audit.TicketTarget, ID: "tkt_" + strconv.Itoa(i), Name: "Jane@example.com"},
		Changes: []audit.Change{{Field: "variant", New: "mail"}},
		Profile: fmt.Sprintf("%064x", i), Identity: "bb22", Link: "lnk_1", Domain: "example.com", Mailbox: "jane@example.com",
	}
}

func someLog(t testing.TB, n int) []audit.Row {
	t.Helper()
	var rows []audit.Row
	for i := range n {
		rows = keep(t, rows, someAction(i))
	}
	return rows
}

// known returns the state of the log after n of the rows.
func known(rows []audit.Row, n int) audit.Known {
	var e audit.Edge
	for _, r := range rows[:n] {
		e.Append(audit.Hash(r.Hash))
	}
	return audit.Known{Tree: e.Tree(), By: "the checkpoint"}
}

// signing returns the key of the logs in these tests.
func signing() *audit.LogKey {
	k, err := audit.NewLogKey(bytes.Repeat([]byte("k"), audit.LogKeySize))
	if err != nil {
		panic(err)
	}
	return k
}

func newCheck(states ...audit.Known) *audit.Check {
	public, err := signing().Public("acc_1")
	if err != nil {
		panic(err)
	}
	return audit.NewCheck("acc_1", public, states...)
}

// check checks the rows in batches.
func check(rows []audit.Row, states ...audit.Known) error {
	return newCheck(states...).Run(func(after int64, found func(*audit.Row) error) error {
		rows := rows[min(int(after), len(rows)):]
		return eachOf(rows[:min(7, len(rows))], found)
	})
}

// eachOf calls found with a copy of each row that is overwritten afterwards: a
// row is only valid during the call.
func eachOf(rows []audit.Row, found func(*audit.Row) error) error {
	for _, r := range rows {
		for _, b := range []*[]byte{&r.Leaf, &r.Personal, &r.Salt, &r.Hash} {
			*b = bytes.Clone(*b)
		}
		err := found(&r)
		for _, b := range [][]byte{r.Leaf, r.Personal, r.Salt, r.Hash} {
			clear(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checks returns the state of a check before each of the rows.
func checks(t *testing.T, rows []audit.Row, states ...audit.Known) []audit.Check {
	t.Helper()
	c := newCheck(states...)
	var before []audit.Check
	for _, r := range rows {
		before = append(before, *c)
		if err := c.AddRow(&r); err != nil {
			t.Fatal(err)
		}
	}
	return append(before, *c)
}

// rest continues with the rows.
func rest(c audit.Check, rows ...audit.Row) error {
	for _, r := range rows {
		if err := c.AddRow(&r); err != nil {
			return err
		}
	}
	return c.End()
}

// wantFinding expects a finding that names an action from first to last.
func wantFinding(t *testing.T, what string, err error, first, last int64) {
	t.Helper()
	f, ok := errors.AsType[*audit.Finding](err)
	if !ok || f.First < first || f.First > last || !strings.Contains(err.Error(), strconv.FormatInt(f.First, 10)) {
		t.Fatalf("%s: got %v, want a finding in %d to %d", what, err, first, last)
	}
}

func TestCheckOfAGoodLog(t *testing.T) {
	rows := someLog(t, logSize)
	for _, states := range [][]audit.Known{
		nil,
		{known(rows, logSize)},
		{known(rows, 700), known(rows, 0), known(rows, 700), known(rows, logSize), known(rows, 1)},
	} {
		if err := check(rows, states...); err != nil {
			t.Error(err)
		}
	}
	if err := check(nil, known(nil, 0)); err != nil {
		t.Error(err)
	}
	broken := errors.New("broken")
	err := audit.NewCheck("acc_1", "").Run(func(int64, func(*audit.Row) error) error { return broken })
	if !errors.Is(err, broken) || audit.IsFinding(err) {
		t.Errorf("got %v", err)
	}
}

// TestEveryRemovedRow removes each row of a log.
func TestEveryRemovedRow(t *testing.T) {
	rows := someLog(t, logSize)
	before := checks(t, rows, known(rows, logSize))
	for i := range rows {
		wantFinding(t, "removed", rest(before[i], rows[i+1:]...), int64(i+1), int64(i+1))
	}
}

// TestEveryCutTail cuts the log after each row. Without a checkpoint it is a
// shorter log.
func TestEveryCutTail(t *testing.T) {
	rows := someLog(t, logSize)
	before, blind := checks(t, rows, known(rows, logSize)), checks(t, rows)
	for i := range rows {
		wantFinding(t, "cut", rest(before[i]), int64(i+1), int64(i+1))
		if err := rest(blind[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEverySwappedRow swaps each row with the next, and with another one: whole
// rows, and only the leaves.
func TestEverySwappedRow(t *testing.T) {
	rows := someLog(t, logSize)
	before := checks(t, rows, known(rows, logSize))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range rows[:logSize-1] {
		for _, j := range []int{i + 1, i + 1 + random.IntN(logSize-i-1)} {
			one, two := rows[i], rows[j]
			one.Seq, two.Seq = two.Seq, one.Seq
			one.At, two.At = two.At, one.At
			wantFinding(t, "swapped", rest(before[i], two), rows[i].Seq, rows[i].Seq)
			one = rows[i]
			one.Leaf = rows[j].Leaf
			wantFinding(t, "leaf swapped", rest(before[i], one), rows[i].Seq, rows[i].Seq)
		}
	}
}

// TestEveryInsertedRow inserts a row before each: a copy of it, and a new one
// that shifts all others without changing them.
func TestEveryInsertedRow(t *testing.T) {
	rows := someLog(t, logSize)
	before := checks(t, rows, known(rows, logSize))
	for i, r := range rows {
		wantFinding(t, "copied", rest(before[i], r, r), r.Seq, r.Seq+1)
		made := keep(t, rows[:i:i], someAction(7))[i]
		moved := r
		moved.Seq++
		first := r.Seq
		if i == logSize-1 { // it is last, so only the checkpoint shows it
			first = 1
		}
		wantFinding(t, "inserted", rest(before[i], made, moved), first, r.Seq+1)
	}
	made := keep(t, rows, someAction(7))
	if err := rest(before[logSize], made[logSize]); err != nil {
		t.Errorf("one more at the end is no finding, but %v", err)
	}
}

// TestEveryFlippedBit flips a bit in each column of each row.
func TestEveryFlippedBit(t *testing.T) {
	rows := someLog(t, logSize)
	before := checks(t, rows, known(rows, logSize))
	random := rand.New(rand.NewPCG(3, 4))
	flip := func(b []byte) []byte {
		b = slices.Clone(b)
		b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		return b
	}
	text := func(s *string) { *s = string(flip([]byte(*s))) }
	columns := []func(r *audit.Row){
		func(r *audit.Row) { r.Seq ^= 1 << random.IntN(63) },
		func(r *audit.Row) { r.At = time.UnixMilli(r.At.UnixMilli() ^ 1<<random.IntN(48)).UTC() },
		func(r *audit.Row) { r.Leaf = flip(r.Leaf) },
		func(r *audit.Row) { r.Personal = flip(r.Personal) },
		func(r *audit.Row) { r.Salt = flip(r.Salt) },
		func(r *audit.Row) { r.Hash = flip(r.Hash) },
		func(r *audit.Row) { text((*string)(&r.Columns.Name)) },
		func(r *audit.Row) { text((*string)(&r.Columns.Outcome)) },
		func(r *audit.Row) { text((*string)(&r.Columns.ActorKind)) },
		func(r *audit.Row) { text(&r.Columns.Actor) },
		func(r *audit.Row) { text((*string)(&r.Columns.Interface)) },
		func(r *audit.Row) { text((*string)(&r.Columns.TargetKind)) },
		func(r *audit.Row) { text(&r.Columns.Target) },
		func(r *audit.Row) { text(&r.Columns.Link) },
		func(r *audit.Row) { text(&r.Columns.Profile) },
		func(r *audit.Row) { text(&r.Columns.Domain) },
		func(r *audit.Row) { text(&r.Columns.Mailbox) },
		func(r *audit.Row) { text(&r.Columns.IP) },
		// Bits of the markers for missing values.
		func(r *audit.Row) { r.Personal = nil },
		func(r *audit.Row) { r.Salt = nil },
		func(r *audit.Row) { r.Hash = nil },
	}
	for i := range rows {
		for n, change := range columns {
			r := rows[i]
			change(&r)
			wantFinding(t, fmt.Sprintf("column %d", n), rest(before[i], r), int64(i+1), int64(i+1))
		}
	}
}

// TestEveryRewrittenRow edits each row and everything derived from it, as the
// program itself would. Only a checkpoint shows that.
func TestEveryRewrittenRow(t *testing.T) {
	rows := someLog(t, logSize)
	states := []audit.Known{known(rows, 300), known(rows, 600), known(rows, logSize)}
	bounds := []int64{0, 300, 600, logSize}
	before := checks(t, rows, states...)
	for i := range rows {
		other := keep(t, rows[:i:i], someAction(i+1_000_000))[i]
		err := rest(before[i], append([]audit.Row{other}, rows[i+1:]...)...)
		which, _ := slices.BinarySearch(bounds, int64(i+1))
		f, ok := errors.AsType[*audit.Finding](err)
		if !ok || f.First != bounds[which-1]+1 || f.Last != bounds[which] {
			t.Fatalf("action %d: got %v, want it in %d to %d", i+1, err, bounds[which-1]+1, bounds[which])
		}
	}
	all := checks(t, rows[:1])[0]
	if err := rest(all, append([]audit.Row{keep(t, nil, someAction(5))[0]}, rows[1:]...)...); err != nil {
		t.Errorf("without a checkpoint it was found: %v", err)
	}
}

func TestAnotherLog(t *testing.T) {
	rows := someLog(t, 3)
	wantFinding(t, "another log", audit.NewCheck("acc_2", "").AddRow(&rows[0]), 1, 1)
	foreign := []audit.Known{known(keep(t, nil, someAction(9)), 1)}
	wantFinding(t, "an older checkpoint of another tree", check(rows, append(foreign, known(rows, 3))...), 1, 1)
}

// erased removes the personal text of a row, as a store does.
func erased(r audit.Row) audit.Row {
	r.Personal, r.Salt, r.Columns.Mailbox, r.Columns.IP = nil, nil, "", ""
	return r
}

func bare(r audit.Row) audit.Row {
	r.Leaf, r.Personal, r.Salt, r.Columns = nil, nil, nil, audit.Columns{}
	return r
}

func TestEraseListsAreBounded(t *testing.T) {
	for _, text := range []string{"0", "2-1", "-1", "1-", "x", "3 3", "4 2", "1-9223372036854775807", "1-60000 60001-120000"} {
		e := audit.Entry{Leaf: audit.Leaf{Changes: []audit.Change{{Field: "actions", New: text}}}}
		if seqs, err := e.Erased(); err == nil {
			t.Errorf("%q is a list of %d", text, len(seqs))
		}
	}
}
