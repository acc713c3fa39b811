package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// tells reports whether the entry says what was removed, how long actions are
// kept, or which key signs.
func (e *Entry) tells() bool {
	_, sets := e.setting()
	return sets || e.Outcome == Done && (e.Name == LogRetain || e.Name == LogErase || e.Name == LogReplaceKey)
}

// explain processes an action that says what was removed from earlier actions,
// or how long content is kept. One that isn't signed with the log's key is a
// finding: anyone who can write to the database could have created it.
func (c *Check) explain(e Entry) error {
	if e.Name == LogReplaceKey {
		if _, ok := c.chain.changeAt(e.Seq); !ok {
			return c.finding(e.Seq, "it replaced the log's key, and the statement that both keys have signed is missing")
		}
		return nil
	}
	setting, _ := e.setting()
	if c.chain == nil || !e.provenBy(c.chain.at(e.Seq).verifier) {
		return c.finding(e.Seq, fmt.Sprintf("it is a forged %s: the log's key hasn't signed it as it stands", e.Name))
	}
	var wrong string
	switch e.Name {
	case LogRetain:
		wrong = c.retained(e)
	case LogErase:
		wrong = c.erasedBy(e)
	default:
		c.setting = setting
	}
	if wrong != "" {
		return c.finding(e.Seq, wrong)
	}
	return nil
}

// retained processes a signed LogRetain, or says what is wrong with it.
func (c *Check) retained(e Entry) string {
	through, first := e.Through(), e.number(firstField)
	i, found := slices.BinarySearchFunc(c.days, through, func(d dayEnd, size int64) int { return cmp.Compare(d.Size, size) })
	if !found || first < 1 || first > through || c.through > 0 && first > c.through+1 {
		return fmt.Sprintf("the range that it removed content from, %d to %d, isn't one of this log", first, through)
	}
	if root, err := tlog.ParseHash(e.Proof.Root); err != nil || root != c.days[i].Root {
		return "it removed the content of actions other than those in the log"
	}
	named := Setting{e.Proof.Setting, e.Proof.Days}
	// A setting whose own content was removed can't be read. Then the signature
	// has to vouch for it.
	if named != c.setting && (named.Seq <= c.setting.Seq || named.Seq > c.bare) {
		return fmt.Sprintf("it names a retention of %d days from action %d, but the log says %d days, set by action %d",
			named.Days, named.Seq, c.setting.Days, c.setting.Seq)
	}
	c.setting = named
	before := e.before()
	if named.Days <= 0 || c.days[i].at >= before.UnixMilli() || before.After(retentionLimit(time.UnixMilli(e.Time), named.Days)) {
		return fmt.Sprintf("it removed content that should be kept for %d days", named.Days)
	}
	c.through = max(c.through, through)
	return ""
}

// erasedBy processes a signed LogErase, or says what is wrong with it.
func (c *Check) erasedBy(e Entry) string {
	seqs, err := e.Erased()
	if err != nil || len(seqs) != len(e.Proof.Personal) {
		return "its list of erased texts can't be read"
	}
	for i, seq := range seqs {
		at, found := slices.BinarySearchFunc(c.erased, seq, func(t erasedText, seq int64) int { return cmp.Compare(t.seq, seq) })
		if !found {
			continue // its content has been removed since
		}
		if hash, err := tlog.ParseHash(e.Proof.Personal[i]); err != nil || hash != c.erased[at].hash {
			return fmt.Sprintf("it erased a text that isn't the one of action %d", seq)
		}
		c.erased[at].reason = cmp.Or(e.Proof.Reason, ForEntry)
	}
	return ""
}
