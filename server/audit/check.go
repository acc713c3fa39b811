package audit

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Finding is what is wrong with a log: in the action First, or somewhere in
// First to Last.
type Finding struct {
	First, Last int64
	Detail      string
}

// Error says where it is and what.
func (f *Finding) Error() string {
	if f.Last > f.First {
		return fmt.Sprintf("actions %d to %d: %s", f.First, f.Last, f.Detail)
	}
	return fmt.Sprintf("action %d: %s", f.First, f.Detail)
}

// A Known is a state that the log must have had, and by whose word.
type Known struct {
	Tree
	By string // such as "the checkpoint"
}

// A Check goes through a log from its first action on and finds the first
// thing that was done to it behind the program's back. It holds no actions in
// memory: some fifty bytes for each day, as many for each action whose personal
// text was erased, and nothing else that grows with the log.
type Check struct {
	log   string
	key   note.Verifier // nil: no proof is believed
	known []Known       // not reached yet, in the order of sizes
	sound int64         // up to here the log is what it was, by the word of a Known
	edge  Edge
	at    int64
	// bare is the last action without content, and through how far signed
	// actions say that content was removed.
	bare, through int64
	// erased are the actions without personal text.
	erased  []erasedText
	days    []dayEnd
	setting Setting
}

// An erasedText is the text that an action has lost.
type erasedText struct {
	seq    int64
	hash   Hash
	reason Reason // empty until a signed action says that it was erased
}

// NewCheck returns a check of the account's log, whose public key is that of
// LogKey.Public. Without the key, no removal is believed; without a known
// state, the check finds only what doesn't fit together.
func NewCheck(account, public string, known ...Known) *Check {
	known = slices.Clone(known)
	slices.SortStableFunc(known, func(x, y Known) int { return cmp.Compare(x.Size, y.Size) })
	key, err := note.NewVerifier(public)
	if err != nil {
		key = nil
	}
	return &Check{log: account, key: key, known: known, setting: Setting{Days: DefaultRetention}}
}

// Report says what was learned, after the check has ended without a finding.
func (c *Check) Report() Report {
	r := Report{Size: c.Size(), Emptied: c.bare, Erased: map[Reason]int64{}, Setting: c.setting, days: slices.Clone(c.days)}
	for _, e := range c.erased {
		r.Erased[e.reason]++
	}
	if c.Size() > 0 {
		r.days = append(r.days, dayEnd{c.at, c.edge.Tree()})
	}
	return r
}

// Size is how many actions were looked at.
func (c *Check) Size() int64 { return c.edge.Size() }

// Run checks the rows that next returns, which are those after a sequence
// number, in order and some at a time, until there are no more. The error is a
// *Finding, or that of next.
func (c *Check) Run(next func(after int64) ([]Row, error)) error {
	for {
		rows, err := next(c.Size())
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return c.End()
		}
		for _, r := range rows {
			if err := c.AddRow(r); err != nil {
				return err
			}
		}
	}
}

// AddRow is Add, and looks at the row's columns too.
func (c *Check) AddRow(r Row) error {
	want := Columns{}
	e, err := c.add(r.Record)
	if err != nil {
		return err
	}
	if r.Leaf != nil {
		want = e.Columns()
	}
	if r.Columns != want {
		return c.finding(r.Seq, "the columns by which it is found say something else than the action")
	}
	return nil
}

// Add checks the next record of the log. The error is a *Finding, after which
// the check is over.
func (c *Check) Add(r Record) error {
	_, err := c.add(r)
	return err
}

func (c *Check) add(r Record) (Entry, error) {
	if err := c.place(r); err != nil {
		return Entry{}, err
	}
	at := r.At.UnixMilli()
	if c.Size() > 0 && !sameDay(c.at, at) {
		c.days = append(c.days, dayEnd{c.at, c.edge.Tree()})
	}
	e, err := c.content(r)
	if err == nil {
		err = c.explain(e)
	}
	if err != nil {
		return e, err
	}
	c.at = at
	c.edge.Append(Hash(r.Hash))
	return e, c.compare()
}

// place finds what was removed, inserted or moved.
func (c *Check) place(r Record) error {
	next := c.Size() + 1
	if next == 1 {
		if err := c.compare(); err != nil { // with the empty log
			return err
		}
	}
	if r.Seq > next {
		return c.finding(next, fmt.Sprintf("it is missing; the next that is there is %d", r.Seq))
	}
	if r.Seq < next {
		return c.finding(next, fmt.Sprintf("in its place stands action %d: one was inserted or swapped", r.Seq))
	}
	if len(r.Hash) != len(Hash{}) {
		return c.finding(next, "it has no hash")
	}
	return nil
}

// content finds what was edited.
func (c *Check) content(r Record) (Entry, error) {
	if r.Leaf == nil {
		if c.bare != r.Seq-1 {
			return Entry{}, c.finding(r.Seq, "its content is missing, and that of older actions is there")
		}
		c.bare = r.Seq
		if r.Personal != nil || r.Salt != nil {
			return Entry{}, c.finding(r.Seq, "its content is missing, but not its personal text")
		}
		return Entry{}, nil
	}
	if HashLeaf(r.Leaf) != Hash(r.Hash) {
		return Entry{}, c.finding(r.Seq, "it was edited: its content does not have its hash")
	}
	e, err := r.Read()
	if err != nil {
		return e, c.finding(r.Seq, "it cannot be read")
	}
	switch {
	case e.Log != c.log:
		return e, c.finding(r.Seq, fmt.Sprintf("it belongs to the log of %q", e.Log))
	case e.Seq != r.Seq:
		return e, c.finding(r.Seq, fmt.Sprintf("it was swapped or inserted: its content is that of action %d", e.Seq))
	case e.Time != r.At.UnixMilli():
		return e, c.finding(r.Seq, "its time was changed")
	case (r.Personal == nil) != (r.Salt == nil):
		return e, c.finding(r.Seq, "its personal text or the salt of it is missing, but not both")
	case r.Personal == nil:
		hash, err := tlog.ParseHash(e.Leaf.Personal)
		if err != nil {
			return e, c.finding(r.Seq, "the hash of its personal text can't be read")
		}
		c.erased = append(c.erased, erasedText{seq: r.Seq, hash: hash})
	case PersonalHash(r.Salt, r.Personal) != e.Leaf.Personal:
		return e, c.finding(r.Seq, "its personal text was changed")
	}
	return e, nil
}

// compare holds the log against the states that it must have had.
func (c *Check) compare() error {
	sound := c.sound
	for len(c.known) > 0 && c.known[0].Size == c.Size() {
		k := c.known[0]
		if c.edge.Tree() != k.Tree {
			return &Finding{sound + 1, k.Size, "one or more were changed together with their hashes: " + k.By + " is of another log"}
		}
		c.known, c.sound = c.known[1:], k.Size
	}
	return nil
}

// End says that there are no more records. The error is a *Finding.
func (c *Check) End() error {
	if err := c.compare(); err != nil {
		return err
	}
	if len(c.known) > 0 {
		last := c.known[len(c.known)-1]
		return &Finding{c.Size() + 1, last.Size, fmt.Sprintf("the end of the log is missing: it has %d actions, and had %d by %s", c.Size(), last.Size, last.By)}
	}
	if c.bare > c.through {
		return &Finding{c.through + 1, c.bare, "their content was removed, and no signed action says so"}
	}
	if i := slices.IndexFunc(c.erased, func(e erasedText) bool { return e.reason == "" }); i >= 0 {
		return c.finding(c.erased[i].seq, "its personal text was erased, and no signed action says so")
	}
	return nil
}

func (c *Check) finding(seq int64, detail string) error { return &Finding{seq, seq, detail} }

// IsFinding reports whether err says that something is wrong with a log, and
// not that it could not be read.
func IsFinding(err error) bool {
	_, ok := errors.AsType[*Finding](err)
	return ok
}
