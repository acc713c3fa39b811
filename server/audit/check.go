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

// Error says where and what.
func (f *Finding) Error() string {
	if f.Last > f.First {
		return fmt.Sprintf("actions %d to %d: %s", f.First, f.Last, f.Detail)
	}
	return fmt.Sprintf("action %d: %s", f.First, f.Detail)
}

// A Known is a state that the log must have had, and where that is known from.
type Known struct {
	Tree
	By string // such as "the checkpoint"
}

// A Check checks a log from its first action and finds the first place where
// something other than this program changed it. It holds no actions in memory,
// only about fifty bytes for each day and for each action whose personal text
// was erased.
type Check struct {
	log   string
	chain *Chain  // nil: no proof is trusted
	known []Known // not reached yet, sorted by size
	sound int64   // confirmed up to here by a Known
	edge  Edge
	at    int64
	// bare is the last action without content. Signed actions say that content
	// was removed up to through.
	bare, through int64
	// erased are the actions without personal text.
	erased  []erasedText
	days    []dayEnd
	setting Setting
	scratch Entry
}

// An erasedText is the erased text of an action.
type erasedText struct {
	seq    int64
	hash   Hash
	reason Reason // empty until a signed action says that it was erased
}

// NewCheck returns a check of the account's log, one of whose public keys is that
// of LogKey.Public; Follow finds the others. Without the key, no removal is
// trusted; without a known state, the check finds only inconsistencies.
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

// Report returns what the check learned, after it has ended without a finding.
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

// Size returns how many actions have been checked.
func (c *Check) Size() int64 { return c.edge.Size() }

// Run checks the rows that each calls its function with: those after a sequence
// number, in order and in batches, until there are no more. The error is a
// *Finding, or that of each.
func (c *Check) Run(each func(after int64, found func(*Row) error) error) error {
	for {
		before := c.Size()
		if err := each(before, c.AddRow); err != nil {
			return err
		}
		if c.Size() == before {
			return c.End()
		}
	}
}

// AddRow is Add and also checks the row's columns.
func (c *Check) AddRow(r *Row) error { return c.take(lookAtRow(c.log, r, &c.scratch)) }

// Add checks the next record of the log. The error is a *Finding, which ends
// the check.
func (c *Check) Add(r Record) error {
	return c.take(lookAt(c.log, &r, &c.scratch))
}

// take checks the next action, given what it shows by itself.
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
		return c.finding(l.seq, "its indexed columns differ from the action")
	}
	return nil
}

// place detects removed, inserted or moved actions.
func (c *Check) place(l look) error {
	next := c.Size() + 1
	if next == 1 {
		if err := c.compare(); err != nil { // with the empty log
			return err
		}
	}
	if l.seq > next {
		return c.finding(next, fmt.Sprintf("it is missing; the next action is %d", l.seq))
	}
	if l.seq < next {
		return c.finding(next, fmt.Sprintf("action %d is in its place: one was inserted or swapped", l.seq))
	}
	if !l.hashed {
		return c.finding(next, "it has no hash")
	}
	return nil
}

// content detects edited content, and tracks removed content.
func (c *Check) content(l look) error {
	if l.bare && c.bare != l.seq-1 {
		return c.finding(l.seq, "its content is missing, but that of older actions isn't")
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

// compare compares the log with the states that it must have had.
func (c *Check) compare() error {
	sound := c.sound
	for len(c.known) > 0 && c.known[0].Size == c.Size() {
		k := c.known[0]
		if c.edge.Tree() != k.Tree {
			return &Finding{sound + 1, k.Size, "one or more actions were changed together with their hashes: " + k.By + " is from another log"}
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
		return &Finding{c.through + 1, c.bare, "their content was removed without a signed action that says so"}
	}
	if i := slices.IndexFunc(c.erased, func(e erasedText) bool { return e.reason == "" }); i >= 0 {
		return c.finding(c.erased[i].seq, "its personal text was erased without a signed action that says so")
	}
	return nil
}

func (c *Check) finding(seq int64, detail string) error { return &Finding{seq, seq, detail} }

// IsFinding reports whether err says that something is wrong with a log, and
// not that it couldn't be read.
func IsFinding(err error) bool {
	_, ok := errors.AsType[*Finding](err)
	return ok
}
