// Package batches manages the batches of accounts: who may create profiles for
// many people, from which list, and how that went. Package batch handles the
// contents of lists and archives.
//
// A batch is checked first, which creates nothing, and then created in chunks
// that any server may work on. It acts for the member or key that started it:
// their right is checked again in the transaction that stores each chunk.
package batches

import (
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/settings"
)

// A State says how far a batch is.
type State string

// The states. They are published: add, never rename.
const (
	// Checking: the list is being read.
	Checking State = "checking"
	// Ready: the list was read. Plan and problems describe it.
	Ready State = "ready"
	// Running: files are being created.
	Running State = "running"
	// Done: all archives can be downloaded, until they expire.
	Done State = "done"
	// Failed: nothing more is created. Reason and Detail say why.
	Failed State = "failed"
	// Canceled: someone stopped it.
	Canceled State = "canceled"
)

// States lists all states.
func States() []State { return []State{Checking, Ready, Running, Done, Failed, Canceled} }

// A Choice is the options of a batch.
type Choice struct {
	// Variant is Mail, or Secure for the passcode policy as well.
	Variant settings.Variant `json:"variant"`
	// Platforms is for rows without one.
	Platforms batch.Platforms `json:"platform"`
	// Locale is for rows without one. Empty: English.
	Locale string `json:"locale,omitempty"`
	// Map sets the fields of columns, by their names, and Drop the columns to
	// ignore.
	Map  map[string]batch.Field `json:"map,omitempty"`
	Drop []string               `json:"drop,omitempty"`
	// Output is what people get. Empty: Files.
	Output Output `json:"output,omitempty"`
	// Declarations adds the passcode policies of the domains to the archives, as
	// declarations for an MDM.
	Declarations bool `json:"declarations,omitempty"`
	// Mail sends each link to its person.
	Mail bool `json:"mail,omitempty"`
	// SkipBadRows skips rows with problems. Otherwise a batch that has any
	// can't be started.
	SkipBadRows bool `json:"skip_bad_rows,omitempty"`
	// Manifest says that the list is the manifest.csv of a batch: the same
	// files are created again.
	Manifest bool `json:"manifest,omitempty"`
}

// A Batch is one list of people and what is created from it.
type Batch struct {
	ID      string
	Account string
	// Name is the display name; by default the name of the uploaded file.
	Name   string
	State  State
	Choice Choice
	// By is the right of the member or key that created the batch, or last
	// started it: what it acts with, and its Actor. A member's session may end
	// meanwhile.
	By audit.Grant
	// Size and Digest are of the list as it was uploaded; the digest is the
	// SHA-256 in hex.
	Size   int64
	Digest string
	// Plan is the result of the check, without its chunks. It is empty while
	// the list is being checked.
	Plan batch.Plan
	// Domains are the email domains in the list, and Settings the SHA-256, in
	// hex, of their settings at the time of the check.
	Domains  []string
	Settings string
	// Erases says that some of the files can make devices erase themselves.
	Erases bool
	// Made is how many rows have their files.
	Made int
	// Reason is the code of a fault, and Detail its text, if the state is
	// Failed.
	Reason, Detail string
	// About is how the archives describe themselves, including the certificate
	// that signs the files. It is empty before the start.
	About batch.About
	// Checksums is the SHA-256, in hex, of the concatenated digests of all
	// archives, as in the action log. Empty until Done.
	Checksums string
	// Archives are the files to download, in order: all of them when the state
	// is Done.
	Archives []Archive
	// Parts is how many archives there will be.
	Parts int
	// Round is how often the jobs of the batch were enqueued.
	Round   int
	Created time.Time
	Started time.Time // zero: not started
	Ended   time.Time // zero: neither done, failed nor canceled
	// Expires is when archives and list are deleted; zero: not ended yet.
	// Manifests stay.
	Expires time.Time
	// Expired says that they have been deleted.
	Expired bool
}

// Rows is how many rows get files.
func (b Batch) Rows() int { return b.Plan.Rows }

// Chunks is how many chunks the rows have.
func (b Batch) Chunks() int { return (b.Plan.Rows + batch.ChunkRows - 1) / batch.ChunkRows }

// Archive returns the archive with the number, or nil if it doesn't exist yet.
func (b Batch) Archive(number int) *Archive {
	for i := range b.Archives {
		if b.Archives[i].Number == number {
			return &b.Archives[i]
		}
	}
	return nil
}

// Live reports whether the batch is still being processed.
func (b Batch) Live() bool { return b.State == Checking || b.State == Running }

// Startable reports whether Start can begin or continue the batch. After a
// check it needs at least one good row, and no bad ones unless they are
// skipped.
func (b Batch) Startable() bool {
	rows := b.Plan.Rows > 0 && (b.Plan.Bad == 0 || b.Choice.SkipBadRows)
	return rows && !b.Expired && (b.State == Ready || b.State == Failed)
}

// over reports whether the batch has expired: its files are deleted from then
// on, and Expired is set when they are.
func (b Batch) over(now time.Time) bool {
	return b.Expired || !b.Expires.IsZero() && !b.Expires.After(now)
}

// An Archive is one ZIP archive of a batch.
type Archive struct {
	Number int    `json:"number"` // starting at 1
	Rows   int    `json:"rows"`
	Files  int    `json:"files"`
	Size   int64  `json:"size"`
	Digest string `json:"sha256"` // in hex
	// Blob is where the archive is stored.
	Blob string `json:"blob"`
}

// A Filter selects batches of an account, and their order.
type Filter struct {
	State State // empty: any
	// Mailbox selects the batches that created something for it; empty: any.
	Mailbox string
	Sort    Order  // empty: NewestFirst
	After   string // the ID of the last batch of the page before
	Limit   int    // 1 to 100
}

// An Order is the order of a list of batches.
type Order string

// The orders.
const (
	NewestFirst Order = "-created_at"
	OldestFirst Order = "created_at"
	FromAToZ    Order = "name"
	FromZToA    Order = "-name"
)

// Orders lists all orders, the default one first.
func Orders() []Order { return []Order{NewestFirst, OldestFirst, FromAToZ, FromZToA} }

// ByName reports whether batches are sorted by name rather than by creation.
func (o Order) ByName() bool { return o == FromAToZ || o == FromZToA }

// Ascends reports whether the earliest, or the first letter, comes first.
func (o Order) Ascends() bool { return o == OldestFirst || o == FromAToZ }

// A Problem is something wrong with a row of the list.
type Problem struct {
	Number int // starting at 1
	batch.Problem
}

// MaxProblems is how many problems of a batch are stored. errors.csv has all.
const MaxProblems = 10_000

// MaxUpload is the maximum size of a list in bytes.
const MaxUpload = 512 << 20

// Retention is how long archives are kept by default.
const Retention = 7 * 24 * time.Hour
