package audit

import (
	"encoding/json"
	"fmt"
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
	if r.Leaf == nil {
		return Entry{Leaf: Leaf{Seq: r.Seq, Time: r.At.UnixMilli()}}, nil
	}
	var e Entry
	var simple bool
	if e.Leaf, simple = readSimpleLeaf(r.Leaf); !simple {
		e.Leaf = Leaf{}
		if err := json.Unmarshal(r.Leaf, &e.Leaf); err != nil {
			return Entry{}, fmt.Errorf("audit: leaf %d: %w", r.Seq, err)
		}
	}
	if r.Personal == nil {
		return e, nil
	}
	if e.Personal, simple = readSimplePersonal(r.Personal); !simple {
		e.Personal = Personal{}
		if err := json.Unmarshal(r.Personal, &e.Personal); err != nil {
			return Entry{}, fmt.Errorf("audit: personal text of %d: %w", r.Seq, err)
		}
	}
	return e, nil
}
