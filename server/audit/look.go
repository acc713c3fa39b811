package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A look is what an action shows by itself, without earlier ones.
type look struct {
	seq, at int64
	hash    Hash
	hashed  bool // it has a hash
	bare    bool // its content was removed
	// wrong says how its content was edited; empty if it wasn't.
	wrong string
	// misplaced says that its columns don't match its content.
	misplaced bool
	erased    *Hash  // of its personal text, if that was erased
	tells     *Entry // what it says, if the check needs it
}

// lookAtRow examines a row of the log. It uses e as memory.
func lookAtRow(log string, r *Row, e *Entry) look {
	l := lookAt(log, &r.Record, e)
	want := Columns{}
	if r.Leaf != nil {
		want = e.Columns()
	}
	l.misplaced = r.Columns != want
	return l
}

// lookAt examines a record of the log, and parses it into e, which is then valid
// as long as the record is.
func lookAt(log string, r *Record, e *Entry) look {
	l := look{seq: r.Seq, at: r.At.UnixMilli(), hashed: len(r.Hash) == len(Hash{}), bare: r.Leaf == nil}
	*e = Entry{Leaf: Leaf{Changes: e.Changes[:0]}}
	if !l.hashed {
		return l
	}
	l.hash = Hash(r.Hash)
	if l.bare {
		if r.Personal != nil || r.Salt != nil {
			l.wrong = "its content is missing, but not its personal text"
		}
		return l
	}
	if HashLeaf(r.Leaf) != l.hash {
		l.wrong = "it was edited: its content doesn't match its hash"
		return l
	}
	if r.borrow(e) != nil {
		l.wrong = "it can't be read"
		return l
	}
	l.wrong = l.compare(log, r, e)
	if l.wrong == "" && e.tells() {
		kept, _ := r.Read() // the entry of before is only borrowed
		l.tells = &kept
	}
	return l
}

// compare says what is wrong with the content of a record that was parsed.
func (l *look) compare(log string, r *Record, e *Entry) string {
	switch {
	case e.Log != log:
		return fmt.Sprintf("it belongs to the log of %q", e.Log)
	case e.Seq != r.Seq:
		return fmt.Sprintf("it was swapped or inserted: its content is that of action %d", e.Seq)
	case e.Time != l.at:
		return "its time was changed"
	case (r.Personal == nil) != (r.Salt == nil):
		return "only one of its personal text and its salt is missing"
	case r.Personal == nil:
		hash, err := tlog.ParseHash(e.Leaf.Personal)
		if err != nil {
			return "the hash of its personal text can't be read"
		}
		l.erased = &hash
	default:
		if hash := personalHash(r.Salt, r.Personal); string(hash[:]) != e.Leaf.Personal {
			return "its personal text was changed"
		}
	}
	return ""
}
