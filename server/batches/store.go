package batches

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batch"
)

// A Store keeps batches. *store.Store is one.
type Store interface {
	// CreateBatch keeps b and a, and enqueues what is to be done.
	CreateBatch(ctx context.Context, by audit.Grant, b Batch, a audit.Action) error
	// ChangeBatch keeps what change makes of the batch of the account as it is,
	// with the actions that it returns. Without actions nothing is kept. If the
	// round has risen, it enqueues what is to be done. A batch that isn't there
	// is a NotFound fault.
	ChangeBatch(ctx context.Context, by audit.Grant, account, id string, change Change) error
	// DeleteBatch deletes the batch with its chunks and problems, and keeps a.
	DeleteBatch(ctx context.Context, by audit.Grant, account, id string, a audit.Action) error
	// Batch returns the batch of the account, or a NotFound fault.
	Batch(ctx context.Context, account, id string) (Batch, error)
	// Batches returns the batches that the filter finds, the newest first.
	Batches(ctx context.Context, account string, f Filter) ([]Batch, error)
	// BatchProblems returns problems of the batch after the number.
	BatchProblems(ctx context.Context, account, id string, after, limit int) ([]Problem, error)
	// BatchLinks returns up to limit links of the batch whose rows come after the
	// line, in the order of the list.
	BatchLinks(ctx context.Context, account, id string, after, limit int) ([]Link, error)
	// CountBatchLinks counts the links of the batch and their mails.
	CountBatchLinks(ctx context.Context, account, id string) (LinkCounts, error)
	// Record keeps an action that goes with no other change.
	Record(ctx context.Context, by audit.Grant, a audit.Action) error
}

// A Change changes a batch. It may be called more than once.
type Change func(*Batch) ([]audit.Action, error)

// A WorkStore is what the jobs of batches need beside a [Store].
type WorkStore interface {
	// AnyBatch returns the batch, whosever it is, or a NotFound fault.
	AnyBatch(ctx context.Context, id string) (Batch, error)
	// StepBatch is ChangeBatch for a step of the work, which is kept also
	// without actions.
	StepBatch(ctx context.Context, by audit.Grant, account, id string, change Change) error
	// KeepPlan is StepBatch that replaces chunks and problems of the batch, if
	// change returns no error.
	KeepPlan(ctx context.Context, by audit.Grant, account, id string, chunks []Chunk, problems []Problem, change Change) error
	// Chunks returns the chunks of the batch from first on, last excluded.
	Chunks(ctx context.Context, id string, first, last int) ([]Chunk, error)
	// FinishChunk keeps what was made of a chunk, unless something was kept
	// before. It reports whether what was made counts.
	FinishChunk(ctx context.Context, by audit.Grant, id string, number int, made Made) (bool, error)
	// ForgetMailbox forgets that batches of the account have made something for
	// the mailbox.
	ForgetMailbox(ctx context.Context, by audit.Grant, account, mailbox string) error
	// RequeueBatches enqueues once more what is to be done for batches that
	// something happens to. Jobs of a server that died are found by it.
	RequeueBatches(ctx context.Context) error
	// OverBatches returns batches that expire by the time and whose files are
	// still there.
	OverBatches(ctx context.Context, at time.Time) ([]Batch, error)
}

// A Chunk is a run of rows of the list.
type Chunk struct {
	batch.Chunk
	Number  int // counted from 0
	Archive int // that it goes to, counted from 1
	// Part is the name of the files that were made; empty: none yet.
	Part string
}

// Made is what was made of a chunk.
type Made struct {
	Part      string   // the name of the files
	Links     []Link   // of the rows
	Mailboxes []string // that something was made for
}

// The queues of the jobs. Archives have one of their own: they wait for files that
// jobs of the other make.
const (
	Queue        = "batch"
	ArchiveQueue = "batch-archive"
)

// A CheckJob reads the list of a batch.
type CheckJob struct {
	Batch string `json:"batch"`
	Round int    `json:"round"`
}

// Kind names the job in the queue.
func (CheckJob) Kind() string { return "batch.check" }

// A ChunkJob makes the files of a chunk. There is one for each chunk of a batch,
// and again after a server has started.
type ChunkJob struct {
	Batch  string `json:"batch"`
	Number int    `json:"number"`
	Round  int    `json:"round"`
}

// Kind names the job in the queue.
func (ChunkJob) Kind() string { return "batch.chunk" }

// An ArchiveJob puts the files that are made into an archive. There is one for each
// archive from the start, and again after a server has started.
type ArchiveJob struct {
	Batch  string `json:"batch"`
	Number int    `json:"number"`
	Round  int    `json:"round"`
}

// Kind names the job in the queue.
func (ArchiveJob) Kind() string { return "batch.archive" }
