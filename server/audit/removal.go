package audit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Fields of the changes in which LogErase and LogRetain say what they did,
// AccountUpdate how long content is kept, and LogCheckFailed what it found.
const (
	erasedField    = "actions"
	firstField     = "first"
	throughField   = "through"
	beforeField    = "before"
	retentionField = "retention_days"
	findingField   = "finding"
)

// An Erasure says which personal text to erase: that of the actions about a
// mailbox, by its folded address, or that of one action. Only one is set.
type Erasure struct {
	Mailbox string
	Seq     int64
}

// Reason returns why the text is erased.
func (e Erasure) Reason() Reason {
	if e.Mailbox != "" {
		return ForMailbox
	}
	return ForEntry
}

// Text identifies the record's personal text by the hash in its leaf. If the
// leaf can't be read, the hash is empty.
func (r Record) Text() Text {
	e, _ := Record{Seq: r.Seq, Leaf: r.Leaf}.Read()
	return Text{r.Seq, e.Leaf.Personal}
}

// Check returns a *Finding if erasing the record's personal text would erase
// something other than e says. Records are found by columns beside the leaf,
// and someone who changed those must not decide what a signed LogErase is
// about.
func (e Erasure) Check(r Record) error {
	if HashLeaf(r.Leaf) != Hash(r.Hash) {
		return &Finding{r.Seq, r.Seq, "it was edited: its content doesn't match its hash"}
	}
	entry, err := r.Read()
	switch {
	case err != nil:
		return &Finding{r.Seq, r.Seq, "it can't be read"}
	case PersonalHash(r.Salt, r.Personal) != entry.Leaf.Personal:
		return &Finding{r.Seq, r.Seq, "its personal text was changed"}
	case e.Mailbox != "" && entry.Personal.Mailbox != e.Mailbox:
		return &Finding{r.Seq, r.Seq, "its indexed columns differ from the action"}
	}
	return nil
}

// Failed returns the changes of a LogCheckFailed: what was found.
func Failed(f *Finding) []Change { return []Change{{Field: findingField, New: f.Error()}} }

// Finding returns what a LogCheckFailed says was found.
func (e Entry) Finding() string { return e.change(findingField) }

// Erased returns the sequence numbers that a LogErase names.
func (e Entry) Erased() ([]int64, error) { return splitSeqs(e.change(erasedField)) }

// Through returns up to which action a LogRetain removed content, or 0.
func (e Entry) Through() int64 { return e.number(throughField) }

// before returns the time before which a LogRetain removed all content, or the
// zero time.
func (e Entry) before() time.Time {
	at, err := time.Parse(time.RFC3339, e.change(beforeField))
	if err != nil {
		return time.Time{}
	}
	return at
}

func (e Entry) number(field string) int64 {
	n, err := strconv.ParseInt(e.change(field), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (e Entry) change(field string) string {
	for _, c := range e.Changes {
		if c.Field == field {
			return c.New
		}
	}
	return ""
}

// joinSeqs writes 3, 7, 8, 9 as "3 7-9".
func joinSeqs(seqs []int64) string {
	var b strings.Builder
	for i := 0; i < len(seqs); i++ {
		first := i
		for i+1 < len(seqs) && seqs[i+1] == seqs[i]+1 {
			i++
		}
		fmt.Fprintf(&b, " %d", seqs[first])
		if i > first {
			fmt.Fprintf(&b, "-%d", seqs[i])
		}
	}
	return strings.TrimPrefix(b.String(), " ")
}

// maxSeqs is the maximum number of sequence numbers in a text.
const maxSeqs = 100_000

// splitSeqs parses what joinSeqs wrote.
func splitSeqs(text string) ([]int64, error) {
	var seqs []int64
	for part := range strings.FieldsSeq(text) {
		low, high, ranged := strings.Cut(part, "-")
		if !ranged {
			high = low
		}
		first, err1 := strconv.ParseInt(low, 10, 64)
		last, err2 := strconv.ParseInt(high, 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		if first < 1 || last < first || last-first >= int64(maxSeqs-len(seqs)) || len(seqs) > 0 && first <= seqs[len(seqs)-1] {
			return nil, errors.New("audit: not a list of sequence numbers")
		}
		for seq := first; seq <= last; seq++ {
			seqs = append(seqs, seq)
		}
	}
	return seqs, nil
}
