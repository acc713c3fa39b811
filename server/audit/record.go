package audit

import "time"

// A Record is an action in the form in which its log stores it.
type Record struct {
	// Seq is the place in the log: 1, 2, 3 … without a gap.
	Seq int64
	// At is the time of the action. It never decreases within a log.
	At time.Time
	// Leaf and Personal are what Encode returned, byte for byte. If the
	// personal text has been erased, Personal and Salt are nil. If the content
	// has been removed because of its age, Leaf is nil too.
	Leaf     []byte
	Personal []byte
	Salt     []byte
	// Hash is HashLeaf of the leaf. It stays when the content is removed.
	Hash []byte
}

// A Row is a record with its indexed columns.
type Row struct {
	Record
	Columns Columns
}
