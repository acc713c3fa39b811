package batches

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
)

// An Output says what people get. It is stored: add, never rename.
type Output string

// The outputs.
const (
	Files Output = "files" // signed profiles in archives
	Links Output = "links" // a setup link each
	Both  Output = "both"
)

// LinkLife is how long the links of a batch last by default.
const LinkLife = 14 * 24 * time.Hour

// A Link is the setup link of a row.
type Link struct {
	setup.Link
	Line int // of the row in the list
}

// MakesFiles reports whether profiles are made.
func (c Choice) MakesFiles() bool { return c.Output != Links }

// MakesLinks reports whether setup links are made.
func (c Choice) MakesLinks() bool { return c.Output == Links || c.Output == Both }

// linksOf makes the links of the rows, which FinishChunk keeps. Where the batch
// has people accept the device policy, the page offers nothing else.
func (s *Service) linksOf(ctx context.Context, b Batch, rows io.Reader) ([]Link, error) {
	var all []Link
	for row, err := range batch.ReadRows(rows) {
		if err != nil {
			return nil, err
		}
		spec := setup.LinkSpec{
			Account: b.Account, Address: row.Person.Address.String(), Name: row.Person.Name, Login: row.Person.Login, Locale: row.Person.Locale,
			ExternalID: row.ExternalID, Life: LinkLife,
		}
		if row.Variant == settings.Secure {
			spec.Variant = settings.Secure
		}
		l, err := s.Links.Build(ctx, b.By, spec)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", row.Line, err)
		}
		all = append(all, Link{l, row.Line})
	}
	return all, nil
}

// Handed records that the links of a batch were downloaded, as the file of the
// name, which is made when it is asked for.
func (s *Service) Handed(ctx context.Context, by audit.Grant, b Batch, name string) error {
	return s.Store.Record(ctx, by, action(audit.BatchDownload, by, b, audit.Change{Field: "file", New: name}))
}
