package batches

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batch"
)

// A Store stores batches. *store.Store is one.
type Store interface {
	// CreateBatch stores b, records a, and enqueues the work.
	CreateBatch(ctx context.Context, by audit.Grant, b Batch, a audit.Action) error
	// ChangeBatch applies change to the batch of the account, saves the result
	// and records the actions that it returns. Without actions nothing is
	// saved. If the round has increased, it enqueues the work. A missing batch
	// is a NotFound fault.
	ChangeBatch(ctx context.Context, by audit.Grant, account, id string, change Change) error
	// DeleteBatch deletes the batch with its chunks and problems, and records
	// a.
	DeleteBatch(ctx context.Context, by audit.Grant, account, id string, a audit.Action) error
	// Batch returns the batch of the account, or a NotFound fault.
	Batch(ctx context.Context, account, id string) (Batch, error)
	// Batches returns the batches that match the filter, in its order.
	Batches(ctx context.Context, account string, f Filter) ([]Batch, error)
	// BatchProblems returns problems of the batch after the given number.
	BatchProblems(ctx context.Context, account, id string, after, limit int) ([]Problem, error)
	// BatchLinks returns up to limit links of the batch whose rows come after
	// the line, in the order of the list.
	BatchLinks(ctx context.Context, account, id string, after, limit int) ([]Link, error)
	// CountBatchLinks counts the links of the batch and their emails.
	CountBatchLinks(ctx context.Context, account, id string) (LinkCounts, error)
	// Record records an action without any other change.
	Record(ctx context.Context, by audit.Grant, a audit.Action) error
}

// A Change changes a batch. It may be called more than once.
type Change func(*Batch) ([]audit.Action, error)

// A WorkStore is what the jobs of batches need besides a [Store].
type WorkStore interface {
	// AnyBatch returns the batch of any account, or a NotFound fault.
	AnyBatch(ctx context.Context, id string) (Batch, error)
	// StepBatch is ChangeBatch for a step of the work, which is saved also
	// without actions.
	StepBatch(ctx context.Context, by audit.Grant, account, id string, change Change) error
	// KeepPlan is StepBatch that also replaces chunks and problems of the
	// batch, if change returns no error.
	KeepPlan(ctx context.Context, by audit.Grant, account, id string, chunks []Chunk, problems []Problem, change Change) error
	// Chunks returns the chunks of the batch from first on, last exclusive.
	Chunks(ctx context.Context, id string, first, last int) ([]Chunk, error)
	// FinishChunk stores the files of a chunk, unless it has some already. It
	// reports whether the files were used.
	FinishChunk(ctx context.Context, by audit.Grant, id string, number int, made Made) (bool, error)
	// ForgetMailbox deletes the record that batches of the account created
	// something for the mailbox.
	ForgetMailbox(ctx context.Context, by audit.Grant, account, mailbox string) error
	// RequeueBatches enqueues the work again for batches that are being
	// processed. It recovers jobs of a server that died.
	RequeueBatches(ctx context.Context) error
	// ExpiredBatches returns batches that expire by the time and whose files still
	// exist.
	ExpiredBatches(ctx context.Context, at time.Time) ([]Batch, error)
}

// A Chunk is a run of rows of the list.
type Chunk struct {
	batch.Chunk
	Number  int // starting at 0
	Archive int // that it belongs to, starting at 1
	// Part is the name of the created files; empty: none yet.
	Part string
}

// Made is the result of a chunk.
type Made struct {
	Part      string   // the name of the files
	Links     []Link   // of the rows
	Mailboxes []string // that something was created for
}

// The queues of the jobs. Archives have their own: they wait for files that
// jobs in the other queue create.
const (
	Queue        = "batch"
	ArchiveQueue = "batch-archive"
)

// A CheckJob reads the list of a batch.
type CheckJob struct {
	Batch string `json:"batch"`
	Round int    `json:"round"`
}

// Kind returns the job's name in the queue.
func (CheckJob) Kind() string { return "batch.check" }

// A ChunkJob creates the files of a chunk. There is one for each chunk of a
// batch, and again after a server has started.
type ChunkJob struct {
	Batch  string `json:"batch"`
	Number int    `json:"number"`
	Round  int    `json:"round"`
}

// Kind returns the job's name in the queue.
func (ChunkJob) Kind() string { return "batch.chunk" }

// An ArchiveJob puts the created files into an archive. There is one for each
// archive from the start, and again after a server has started.
type ArchiveJob struct {
	Batch  string `json:"batch"`
	Number int    `json:"number"`
	Round  int    `json:"round"`
}

// Kind returns the job's name in the queue.
func (ArchiveJob) Kind() string { return "batch.archive" }
