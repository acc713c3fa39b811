package audit

import "time"

// A Record is an action as its log keeps it.
type Record struct {
	// Seq is the place in the log: 1, 2, 3 … without a gap.
	Seq int64
	// At is the time of the action. It never runs backwards within a log.
	At time.Time
	// Leaf and Personal are what Encode returned, byte for byte. Where the
	// personal text has been erased, Personal and Salt are nil.
	Leaf     []byte
	Personal []byte
	Salt     []byte
}
