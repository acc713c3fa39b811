package audit

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
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
	chain *Chain  // nil: no proof is believed
	known []Known // not reached yet, in the order of sizes
	sound int64   // up to here the log is what it was, by the word of a Known
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

// NewCheck returns a check of the account's log, one of whose public keys is that
// of LogKey.Public; Follow finds the others. Without the key, no removal is
// believed; without a known state, the check finds only what doesn't fit together.
func NewCheck(account, public string, known ...Known) *Check {
	known = slices.Clone(known)
	slices.SortStableFunc(known, func(x, y Known) int { return cmp.Compare(x.Size, y.Size) })
	chain, err := NewChain(public)
	if err != nil {
		chain = nil
	}
	return &Check{log: account, chain: chain, known: known, setting: Setting{Days: DefaultRetention}}
}

// Follow takes in statements that the key of the log was replaced, the oldest
// first. Those up to and with the next action have to be there before it. The
// error is a *Finding.
func (c *Check) Follow(statements ...[]byte) error {
	if len(statements) == 0 {
		return nil
	}
	if c.chain == nil {
		return c.finding(c.Size()+1, "the key of the log was replaced, and none of its keys is known")
	}
	had := len(c.chain.keys)
	if err := c.chain.extend(statements); err != nil {
		return err
	}
	for _, k := range c.chain.keys[had:] {
		c.Know(Known{k.change.Tree, "the statement that the key was replaced by " + k.ID})
	}
	return nil
}

// Know takes in a state that the log must have had. One that is behind says
// nothing any more.
func (c *Check) Know(k Known) {
	at, _ := slices.BinarySearchFunc(c.known, k.Size, func(k Known, size int64) int { return cmp.Compare(k.Size, size+1) })
	if k.Size > c.Size() || c.Size() == 0 {
		c.known = slices.Insert(c.known, at, k)
	}
}

// Chain is the keys of the log that are known so far; nil if none is.
func (c *Check) Chain() *Chain { return c.chain }

// Report says what was learned, after the check has ended without a finding.
func (c *Check) Report() Report {
	r := Report{Size: c.Size(), Emptied: c.bare, Erased: map[Reason]int64{}, Setting: c.setting, days: slices.Clone(c.days)}
	if c.chain != nil {
		r.Keys = c.chain.Keys()
	}
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
func (c *Check) AddRow(r Row) error { return c.take(lookAtRow(c.log, r)) }

// Add checks the next record of the log. The error is a *Finding, after which
// the check is over.
func (c *Check) Add(r Record) error {
	l, _ := lookAt(c.log, r)
	return c.take(l)
}

// take checks the next action, by what was seen of it alone.
func (c *Check) take(l look) error {
	if err := c.place(l); err != nil {
		return err
	}
	if c.Size() > 0 && !sameDay(c.at, l.at) {
		c.days = append(c.days, dayEnd{c.at, c.edge.Tree()})
	}
	if err := c.content(l); err != nil {
		return err
	}
	c.at = l.at
	c.edge.Append(l.hash)
	if err := c.compare(); err != nil {
		return err
	}
	if l.misplaced {
		return c.finding(l.seq, "the columns by which it is found say something else than the action")
	}
	return nil
}

// place finds what was removed, inserted or moved.
func (c *Check) place(l look) error {
	next := c.Size() + 1
	if next == 1 {
		if err := c.compare(); err != nil { // with the empty log
			return err
		}
	}
	if l.seq > next {
		return c.finding(next, fmt.Sprintf("it is missing; the next that is there is %d", l.seq))
	}
	if l.seq < next {
		return c.finding(next, fmt.Sprintf("in its place stands action %d: one was inserted or swapped", l.seq))
	}
	if !l.hashed {
		return c.finding(next, "it has no hash")
	}
	return nil
}

// content finds what was edited, and takes in what was removed.
func (c *Check) content(l look) error {
	if l.bare && c.bare != l.seq-1 {
		return c.finding(l.seq, "its content is missing, and that of older actions is there")
	}
	if l.wrong != "" {
		return c.finding(l.seq, l.wrong)
	}
	if change, ok := c.chain.changeAt(l.seq); ok && change.leaf != l.hash {
		return c.finding(l.seq, "it isn't the action by which the log's key was replaced, as both keys have signed it")
	}
	if l.bare {
		c.bare = l.seq
	}
	if l.erased != nil {
		c.erased = append(c.erased, erasedText{seq: l.seq, hash: *l.erased})
	}
	if l.tells == nil {
		return nil
	}
	return c.explain(*l.tells)
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
