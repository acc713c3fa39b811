package batch

// Limit makes the archives of a batch smaller.
func (b *Batch) Limit(files int) { b.limit = files }

// AppendCSV and Unmarked are those of manifests.
var (
	AppendCSV = appendCSV
	Unmarked  = unmarked
)
