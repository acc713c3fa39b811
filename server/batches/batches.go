// Package batches keeps the batches of accounts: who may have profiles made for
// many people, from which list, and what became of it. What is in a list and in
// an archive is the business of package batch.
//
// A batch is checked first, which makes nothing, and then made in chunks that
// any server may work on. It acts for whoever started it: the right of that
// member or key is checked again in the transaction that keeps each chunk.
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
	// Ready: the list was read. Plan and problems say what is in it.
	Ready State = "ready"
	// Running: files are being made.
	Running State = "running"
	// Done: all archives can be downloaded, until they expire.
	Done State = "done"
	// Failed: nothing more is made. Reason and Detail say why.
	Failed State = "failed"
	// Cancelled: somebody stopped it.
	Cancelled State = "cancelled"
)

// States lists all states.
func States() []State { return []State{Checking, Ready, Running, Done, Failed, Cancelled} }

// A Choice is what whoever makes a batch can choose.
type Choice struct {
	// Variant is Mail, or Secure for the device policy as well.
	Variant settings.Variant `json:"variant"`
	// Platforms are for rows that don't say.
	Platforms batch.Platforms `json:"platform"`
	// Locale is for rows that don't say. Empty: English.
	Locale string `json:"locale,omitempty"`
	// Map says what columns hold, by their names, and Drop which ones aren't
	// looked at.
	Map  map[string]batch.Field `json:"map,omitempty"`
	Drop []string               `json:"drop,omitempty"`
	// Output is what people get. Empty: Files.
	Output Output `json:"output,omitempty"`
	// Mail has each link sent to its person.
	Mail bool `json:"mail,omitempty"`
	// SkipBadRows leaves out rows with problems. Otherwise a batch that has any
	// can't be started.
	SkipBadRows bool `json:"skip_bad_rows,omitempty"`
	// Manifest says that the list is the manifest.csv of a batch: the same
	// files are made again.
	Manifest bool `json:"manifest,omitempty"`
}

// A Batch is one list of people with what is made of it.
type Batch struct {
	ID      string
	Account string
	// Name is what people call it; by default the name of the uploaded file.
	Name   string
	State  State
	Choice Choice
	// By is the right of whoever made the batch, or has started it since: what
	// it acts by, and its Actor. A member's session may end meanwhile.
	By audit.Grant
	// Size and Digest are of the list as it was uploaded; the digest is the
	// SHA-256 in hex.
	Size   int64
	Digest string
	// Plan is what was found in the list, without its chunks. It is empty while
	// the list is being checked.
	Plan batch.Plan
	// Domains are the mail domains in the list, and Settings the SHA-256, in
	// hex, of what was set for them when it was checked.
	Domains  []string
	Settings string
	// Erases says that some of the files have devices erase themselves.
	Erases bool
	// Made is how many rows have their files.
	Made int
	// Reason is the code of a fault, and Detail its text, if the state is
	// Failed.
	Reason, Detail string
	// About is what the archives say of themselves, among it the certificate
	// that signs the files. It is empty before the start.
	About batch.About
	// Checksums is the SHA-256, in hex, of the digests of all archives, one
	// after the other: what the action log names. Empty until Done.
	Checksums string
	// Archives are the files to download, in their order: all of them when the
	// state is Done.
	Archives []Archive
	// Parts is how many archives there will be.
	Parts int
	// Round is how often the jobs of the batch were enqueued.
	Round   int
	Created time.Time
	Started time.Time // zero: not started
	Ended   time.Time // zero: neither done, failed nor cancelled
	// Expires is when archives and list are deleted; zero: not ended yet.
	// Manifests stay.
	Expires time.Time
	// Expired says that they have been.
	Expired bool
}

// Rows is how many rows get files.
func (b Batch) Rows() int { return b.Plan.Rows }

// Chunks is how many chunks the rows have.
func (b Batch) Chunks() int { return (b.Plan.Rows + batch.ChunkRows - 1) / batch.ChunkRows }

// Archive returns the archive of the number, or nil if it isn't made.
func (b Batch) Archive(number int) *Archive {
	for i := range b.Archives {
		if b.Archives[i].Number == number {
			return &b.Archives[i]
		}
	}
	return nil
}

// Live reports whether something still happens to the batch by itself.
func (b Batch) Live() bool { return b.State == Checking || b.State == Running }

// Startable reports whether Start can begin the batch, or go on with it. One
// that is checked needs at least one good row, and no bad ones unless they are
// left out.
func (b Batch) Startable() bool {
	rows := b.Plan.Rows > 0 && (b.Plan.Bad == 0 || b.Choice.SkipBadRows)
	return rows && !b.Expired && (b.State == Ready || b.State == Failed)
}

// An Archive is one ZIP archive of a batch.
type Archive struct {
	Number int    `json:"number"` // counted from 1
	Rows   int    `json:"rows"`
	Files  int    `json:"files"`
	Size   int64  `json:"size"`
	Digest string `json:"sha256"` // in hex
	// Blob is where the archive is kept.
	Blob string `json:"blob"`
}

// A Filter finds batches of an account, the newest first.
type Filter struct {
	State State // empty: any
	// Mailbox finds the batches that have made something for it; empty: any.
	Mailbox string
	After   string // the ID of the last batch of the page before
	Limit   int    // 1 to 100
}

// A Problem is something wrong with a row of the list.
type Problem struct {
	Number int // counted from 1
	batch.Problem
}

// MaxProblems is how many problems of a batch can be listed. errors.csv has all.
const MaxProblems = 10_000

// MaxUpload is how many bytes a list can have.
const MaxUpload = 512 << 20

// Retention is for how long archives are kept by default.
const Retention = 7 * 24 * time.Hour
