package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
)

// erase returns the LogErase of rows, signed with the key.
func erase(t testing.TB, key audit.Signer, rows []audit.Row, seqs ...int64) audit.Action {
	t.Helper()
	var texts []audit.Text
	for _, seq := range seqs {
		texts = append(texts, rows[seq-1].Text())
	}
	a, err := audit.Action{Outcome: audit.Done}.RecordErase(key, "acc_1", audit.ForMailbox, texts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestErasedText(t *testing.T) {
	rows := someLog(t, 20)
	state := known(rows, 20)
	for _, seq := range []int64{3, 7, 8, 9} {
		rows[seq-1] = erased(rows[seq-1])
	}
	wantFinding(t, "erased without an action that says so", check(rows, state), 3, 3)
	some := keep(t, rows, erase(t, signing(), rows, 3, 7, 9))
	wantFinding(t, "one too many erased", check(some, state), 8, 8)
	all := keep(t, rows, erase(t, signing(), rows, 9, 8, 7, 3))
	if err := check(all, state, known(all, 21)); err != nil {
		t.Error(err)
	}
	left := slices.Clone(all)
	left[2].Columns.Mailbox = "jane@example.com"
	wantFinding(t, "a column forgotten", check(left, state), 3, 3)
	left[2] = all[2]
	left[2].Salt = []byte("salt")
	wantFinding(t, "a salt forgotten", check(left, state), 3, 3)
	early := append(someLog(t, 5), rows[5:7]...)
	later := keep(t, keep(t, someLog(t, 5), erase(t, signing(), early, 7)), someAction(1))
	later[6] = erased(later[6])
	wantFinding(t, "erased by an action before it", check(later), 7, 7)
}

// daysPerLog is how many days agedRows has, with an action at noon of each.
const daysPerLog = 120

var firstDay = time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)

// noon returns the time of an action in agedRows.
func noon(seq int64) time.Time { return firstDay.AddDate(0, 0, int(seq-1)) }

// setTo returns the AccountUpdate that sets the retention.
func setTo(t testing.TB, key audit.Signer, days int) audit.Action {
	t.Helper()
	a, err := audit.Action{Outcome: audit.Done}.RecordRetention(key, "acc_1", audit.DefaultRetention, days)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// agedRows has an action a day; the second sets the retention to 90 days.
func agedRows(t testing.TB) []audit.Row {
	t.Helper()
	var rows []audit.Row
	for seq := int64(1); seq <= daysPerLog; seq++ {
		a := someAction(int(seq))
		if seq == 2 {
			a = setTo(t, signing(), 90)
		}
		rows = keepAt(t, rows, a, noon(seq))
	}
	return rows
}

// report returns the report of a check that must find nothing.
func report(t testing.TB, rows []audit.Row) audit.Report {
	t.Helper()
	c := newCheck()
	for _, r := range rows {
		if err := c.AddRow(&r); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.End(); err != nil {
		t.Fatal(err)
	}
	return c.Report()
}

// retain removes what is too old from a log, with a signed action on the next
// day.
func retain(t testing.TB, key audit.Signer, rows []audit.Row, r audit.Retention, first int64) []audit.Row {
	t.Helper()
	a, err := audit.Action{Outcome: audit.Done}.RecordRetain(key, "acc_1", first, r)
	if err != nil {
		t.Fatal(err)
	}
	rows = keepAt(t, slices.Clone(rows), a, noon(int64(len(rows)+1)))
	for i := first - 1; i < r.Through; i++ {
		rows[i] = bare(rows[i])
	}
	return rows
}

// due returns what is due for removal on the day after the last action.
func due(t testing.TB, rows []audit.Row) audit.Retention {
	t.Helper()
	r, ok := report(t, rows).Retention(noon(int64(len(rows) + 1)))
	if !ok {
		t.Fatal("nothing is due")
	}
	return r
}

func TestRemovedContent(t *testing.T) {
	rows := agedRows(t)
	state := known(rows, daysPerLog)
	r := due(t, rows)
	// 121 is May 1; 90 days before is January 31, the day of action 31.
	if want := (audit.Setting{Seq: 2, Days: 90}); r.Through != 30 || r.Setting != want || !r.Before.Equal(time.Date(2025, 1, 31, 0, 0, 0, 0, time.UTC)) {
		t.Fatalf("due is %+v", r)
	}
	all := retain(t, signing(), rows, r, 1)
	if err := check(all, state, known(all, daysPerLog+1)); err != nil {
		t.Fatal(err)
	}
	if got := report(t, all); got.Emptied != 30 || got.Setting != r.Setting {
		t.Errorf("the report is %+v", got)
	}
	none := slices.Delete(slices.Clone(all), daysPerLog, daysPerLog+1)
	wantFinding(t, "removed without an action that says so", check(none, state), 1, 1)
	hole := slices.Clone(all)
	hole[45] = bare(hole[45])
	wantFinding(t, "removed in the middle", check(hole, state), 46, 46)
	more := slices.Clone(all)
	more[30] = bare(more[30])
	wantFinding(t, "more removed than said", check(more, state), 31, 31)
	half := slices.Clone(all)
	half[4].Salt = []byte("salt")
	wantFinding(t, "half removed", check(half, state), 5, 5)
	older := slices.Clone(all)
	older[45].At = older[45].At.Add(-time.Millisecond)
	wantFinding(t, "a time changed", check(older, state), 46, 46)
	flipped := slices.Clone(all)
	flipped[4].Hash = slices.Clone(flipped[4].Hash)
	flipped[4].Hash[0]++
	wantFinding(t, "a hash changed", check(flipped), daysPerLog+1, daysPerLog+1)
}

// TestNothingDue checks logs where nothing is due for removal.
func TestNothingDue(t *testing.T) {
	rows := agedRows(t)
	got := report(t, rows)
	for _, seq := range []int64{1, 91} { // 91 is April 1; 90 days before is January 1
		if r, ok := got.Retention(noon(seq)); ok {
			t.Errorf("on day %d %+v is due", seq, r)
		}
	}
	if r, ok := got.Retention(noon(92)); !ok || r.Through != 1 {
		t.Errorf("on day 92 %+v is due", r)
	}
	if r, ok := report(t, nil).Retention(noon(1000)); ok {
		t.Errorf("of an empty log %+v is due", r)
	}
	first := report(t, rows[:1])
	if r, ok := first.Retention(noon(401)); ok {
		t.Errorf("by the default %+v is due after 400 days", r)
	}
	if r, ok := first.Retention(noon(402)); !ok || r.Through != 1 || r.Days != audit.DefaultRetention || r.Seq != 0 {
		t.Errorf("by the default %+v is due after 401 days", r)
	}
}

// TestForgedProofs checks removals and settings that the key didn't sign as
// they are, and signed ones that contradict the log.
func TestForgedProofs(t *testing.T) {
	rows := agedRows(t)
	good := due(t, rows)
	other, err := audit.NewLogKey(bytes.Repeat([]byte("x"), audit.LogKeySize))
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func(*audit.Retention)) []audit.Row {
		r := good
		change(&r)
		return retain(t, signing(), rows, r, 1)
	}
	edited := func(change func(*audit.Leaf)) []audit.Row {
		all := retain(t, signing(), rows, good, 1)
		return append(all[:daysPerLog:daysPerLog], rewritten(t, all[daysPerLog], change))
	}
	for name, log := range map[string][]audit.Row{
		"another key":     retain(t, other, rows, good, 1),
		"no proof":        edited(func(l *audit.Leaf) { l.Proof = nil }),
		"no signature":    edited(func(l *audit.Leaf) { l.Proof.Signature = "" }),
		"no base64":       edited(func(l *audit.Leaf) { l.Proof.Signature = "?" }),
		"range":           edited(func(l *audit.Leaf) { l.Changes[1].New = "29" }),
		"first":           edited(func(l *audit.Leaf) { l.Changes[0].New = "2" }),
		"before":          edited(func(l *audit.Leaf) { l.Changes[2].New = "2025-01-30T00:00:00Z" }),
		"reason":          edited(func(l *audit.Leaf) { l.Proof.Reason = audit.ForMailbox }),
		"root":            edited(func(l *audit.Leaf) { l.Proof.Root = l.Personal }),
		"setting":         edited(func(l *audit.Leaf) { l.Proof.Setting = 3 }),
		"days":            edited(func(l *audit.Leaf) { l.Proof.Days = 91 }),
		"actor":           edited(func(l *audit.Leaf) { l.Actor.ID = "mem_1" }),
		"time":            edited(func(l *audit.Leaf) { l.Time++ }),
		"moved":           append(rows[:daysPerLog:daysPerLog], rewritten(t, keepAt(t, rows, someAction(1), noon(daysPerLog+1))[daysPerLog], func(*audit.Leaf) {}), rewritten(t, retain(t, signing(), rows, good, 1)[daysPerLog], func(l *audit.Leaf) { l.Seq++ })),
		"root signed":     changed(func(r *audit.Retention) { r.Root[0]++ }),
		"setting signed":  changed(func(r *audit.Retention) { r.Seq = 0; r.Days = audit.DefaultRetention }),
		"days signed":     changed(func(r *audit.Retention) { r.Days = 91 }),
		"unknown setting": changed(func(r *audit.Retention) { r.Seq = 50 }),
		"too new":         changed(func(r *audit.Retention) { r.Through = 31; r.Root = known(rows, 31).Root }),
		"exceeding": changed(func(r *audit.Retention) {
			r.Through = 31
			r.Root = known(rows, 31).Root
			r.Before = r.Before.AddDate(0, 0, 1)
		}),
	} {
		err := check(log)
		if f, ok := errors.AsType[*audit.Finding](err); !ok || f.First < daysPerLog+1 {
			t.Errorf("%s: got %v, want a finding at the removal", name, err)
		}
	}
	hasty := someLog(t, 20)
	half := audit.Retention{Through: 10, Root: known(hasty, 10).Root, Before: noon(1), Setting: audit.Setting{Days: audit.DefaultRetention}}
	hasty = retain(t, signing(), hasty, half, 1)
	wantFinding(t, "a part of a day", check(hasty), 21, 21)
	forged := slices.Clone(rows)
	forged[1] = keepAt(t, rows[:1:1], setTo(t, other, 90), noon(2))[1]
	wantFinding(t, "a setting by another key", check(forged), 2, 2)
	one, two := someLog(t, 5), someLog(t, 5)
	two[2].Leaf = rewritten(t, two[2], func(l *audit.Leaf) { l.Personal = l.Personal[:4] + "AAAA" + l.Personal[8:] }).Leaf
	another := keep(t, one, erase(t, signing(), two, 3))
	another[2] = erased(another[2])
	wantFinding(t, "another text erased", check(another), 6, 6)
}

// rewritten changes the leaf of a row, and what is derived from it.
func rewritten(t testing.TB, r audit.Row, change func(*audit.Leaf)) audit.Row {
	t.Helper()
	var l audit.Leaf
	if err := json.Unmarshal(r.Leaf, &l); err != nil {
		t.Fatal(err)
	}
	change(&l)
	leaf, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	hash := audit.HashLeaf(leaf)
	r.Seq, r.At, r.Leaf, r.Hash = l.Seq, time.UnixMilli(l.Time).UTC(), leaf, hash[:]
	r.Columns.Actor = l.Actor.ID
	return r
}

// TestNoSigner checks that nothing is removed without a key.
func TestNoSigner(t *testing.T) {
	var a audit.Action
	_, err1 := a.RecordErase(nil, "acc_1", audit.ForEntry, []audit.Text{{Seq: 1}})
	_, err2 := a.RecordRetain(nil, "acc_1", 1, audit.Retention{})
	_, err3 := a.RecordRetention(nil, "acc_1", 0, 90)
	for _, err := range []error{err1, err2, err3} {
		if !errors.Is(err, audit.ErrNoSigner) {
			t.Errorf("got %v", err)
		}
	}
}

func TestCheckRetention(t *testing.T) {
	for days, good := range map[int]bool{0: true, audit.MinRetention: true, audit.MaxRetention: true, -1: false, 1: false, audit.MinRetention - 1: false, audit.MaxRetention + 1: false} {
		if err := audit.CheckRetention(days); (err == nil) != good {
			t.Errorf("%s days: %v", strconv.Itoa(days), err)
		}
	}
}
