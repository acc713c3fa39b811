package batch

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"iter"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/background"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/ordered"
)

// A File is one signed profile of a batch.
type File struct {
	Row   *Row
	Index int // of the row among all good ones, starting at 0
	What  FileKind
	Name  string // in the archive
	Bytes []byte
	// Identifier and UUID are the profile's.
	Identifier, UUID string
	// Content is the SHA-256 of the unsigned profile, in hex. Later batches
	// compare it, because each signature is different.
	Content string
	Digest  [sha256.Size]byte // of Bytes
	CRC32   uint32            // of Bytes
}

// A Maker creates the files of rows.
type Maker struct {
	Issuer *issue.Issuer
	Orders Orders
	// Declare is required if the plan has declarations.
	Declare Declare
}

// unitRows is how many rows a core takes at a time.
const unitRows = 20

// A unit is a run of rows.
type unit struct {
	first int
	rows  []Row
}

// units returns the rows in runs. The first has the index.
func units(rows iter.Seq2[Row, error], index int) iter.Seq2[unit, error] {
	return func(yield func(unit, error) bool) {
		u := unit{first: index}
		for row, err := range rows {
			if err != nil {
				yield(u, err)
				return
			}
			if u.rows = append(u.rows, row); len(u.rows) < unitRows {
				continue
			}
			if !yield(u, nil) {
				return
			}
			u = unit{first: u.first + len(u.rows), rows: make([]Row, 0, unitRows)}
		}
		if len(u.rows) > 0 {
			yield(u, nil)
		}
	}
}

// Make creates the files of the rows on all cores and passes them to sink in
// the order of the rows. The index is that of the first row in the whole batch.
func (m *Maker) Make(ctx context.Context, rows iter.Seq2[Row, error], index int, sink func(*File) error) error {
	return ordered.Do(ctx, units(rows, index), m.make, pass(sink))
}

// MakeAlone is Make in the calling goroutine, for callers that create several
// runs of rows at a time: passing units between threads of low priority takes
// long.
func (m *Maker) MakeAlone(ctx context.Context, rows iter.Seq2[Row, error], index int, sink func(*File) error) error {
	return ordered.Turn(ctx, func() error {
		for u, err := range units(rows, index) {
			if err == nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				return err
			}
			files, err := m.make(ctx, u)
			if err == nil {
				err = pass(sink)(files)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// pass returns a function that passes each file to sink.
func pass(sink func(*File) error) func([]File) error {
	return func(files []File) error {
		for i := range files {
			if err := sink(&files[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

func (m *Maker) make(ctx context.Context, u unit) ([]File, error) {
	files := make([]File, 0, len(u.rows))
	for i := range u.rows {
		background.Yield(ctx)
		row := &u.rows[i]
		for _, what := range row.fileKinds() {
			order, err := m.Orders(row.Person, what)
			if err != nil {
				return nil, fmt.Errorf("batch: row %d: %w", row.Line, err)
			}
			signed, err := m.Issuer.Issue(ctx, order)
			if err != nil {
				return nil, fmt.Errorf("batch: row %d: %w", row.Line, err)
			}
			files = append(files, File{
				Row: row, Index: u.first + i, What: what,
				Name:       fileName(u.first+i, signed.Identifier, row.Person.Address, what),
				Bytes:      signed.Bytes,
				Identifier: signed.Identifier, UUID: profile.UUID(signed.Identifier),
				Content: signed.Hash,
				Digest:  sha256.Sum256(signed.Bytes), CRC32: crc32.ChecksumIEEE(signed.Bytes),
			})
		}
	}
	return files, nil
}
