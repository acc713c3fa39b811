package batch

import "github.com/updatecase/mobileconfig/server/batch/format"

// Limit makes the archives of a batch smaller.
func (b *Batch) Limit(files int) { b.limit = files }

// AppendCSV and Unmarked are those of manifests.
var (
	AppendCSV = format.AppendCSV
	Unmarked  = format.Unmarked
)
