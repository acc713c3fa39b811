package audit

import (
	"encoding/json"
	"fmt"
	"unsafe"
)

// An Entry is a parsed record: its leaf and the personal text beside it, which
// is empty if it has been erased.
type Entry struct {
	Leaf
	Personal Personal
}

// Read parses the record. If its content has been removed, the entry has only
// its place and time.
func (r Record) Read() (Entry, error) {
	var e Entry
	if err := r.readInto(&e, string(r.Leaf), string(r.Personal)); err != nil {
		return Entry{}, err
	}
	return e, nil
}

// borrow is Read into an empty entry whose texts are in the memory of the
// record: the entry is valid as long as that isn't changed. If it fails, it may
// leave parts there.
func (r *Record) borrow(e *Entry) error {
	text := func(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
	return r.readInto(e, text(r.Leaf), text(r.Personal))
}

// readInto parses the record, given its texts.
func (r *Record) readInto(e *Entry, leaf, personal string) error {
	if r.Leaf == nil {
		e.Seq, e.Time = r.Seq, r.At.UnixMilli()
		return nil
	}
	if !readSimpleLeaf(leaf, &e.Leaf) {
		e.Leaf = Leaf{}
		if err := json.Unmarshal(r.Leaf, &e.Leaf); err != nil {
			return fmt.Errorf("audit: leaf %d: %w", r.Seq, err)
		}
	}
	if r.Personal == nil {
		return nil
	}
	if !readSimplePersonal(personal, &e.Personal) {
		e.Personal = Personal{}
		if err := json.Unmarshal(r.Personal, &e.Personal); err != nil {
			return fmt.Errorf("audit: personal text of %d: %w", r.Seq, err)
		}
	}
	return nil
}
