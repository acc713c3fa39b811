package batches

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/batch/format"
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

// MakesFiles reports whether profiles are created.
func (c Choice) MakesFiles() bool { return c.Output != Links }

// MakesLinks reports whether setup links are created.
func (c Choice) MakesLinks() bool { return c.Output == Links || c.Output == Both }

// linksOf returns the links of the rows, which FinishChunk stores. If the batch
// requires the passcode policy, the page offers nothing else.
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

// LinkCounts says how many links a batch has, and the status of their emails.
type LinkCounts struct {
	Links int
	// Sent, Waiting and GivenUp count emails: those that a mail server has
	// accepted, those in the queue, and those that failed for good.
	Sent, Waiting, GivenUp int
}

// CountLinks counts the links of the batch and their emails.
func (s *Service) CountLinks(ctx context.Context, b Batch) (LinkCounts, error) {
	if !b.Choice.MakesLinks() {
		return LinkCounts{}, nil
	}
	return s.Store.CountBatchLinks(ctx, b.Account, b.ID)
}

// The files of links, which are created on request.
const (
	// LinksFile is for mail merge, and LinksType its media type.
	LinksFile = "links.csv"
	LinksType = "text/csv; charset=utf-8"
	// SheetFile is for printing.
	SheetFile = "sheet"
)

// linksOnce is how many links are read at a time.
const linksOnce = 1000

// LookLinks is DownloadLinks for requests about the links alone (HEAD): nothing is
// recorded.
func (s *Service) LookLinks(ctx context.Context, account, id string) (Batch, error) {
	b, err := s.Store.Batch(ctx, account, id)
	if err == nil && (!b.Choice.MakesLinks() || b.Made == 0) {
		err = errNoFile()
	}
	return b, err
}

// DownloadLinks returns the links of the batch whose rows come after the line, in the
// order of the list. It records the download, because anyone with a link can
// set up the mailbox. A batch without links is a NotFound fault.
func (s *Service) DownloadLinks(ctx context.Context, by audit.Grant, account, id, file string, after int) (iter.Seq2[Link, error], error) {
	b, err := s.LookLinks(ctx, account, id)
	if err != nil {
		return nil, err
	}
	if err := s.Store.Record(ctx, by, action(audit.BatchDownload, by, b, audit.Change{Field: "file", New: file})); err != nil {
		return nil, err
	}
	return func(yield func(Link, error) bool) {
		for {
			all, err := s.Store.BatchLinks(ctx, account, id, after, linksOnce)
			if err != nil {
				yield(Link{}, err)
				return
			}
			for _, l := range all {
				if !yield(l, nil) {
					return
				}
				after = l.Line
			}
			if len(all) < linksOnce {
				return
			}
		}
	}, nil
}

// WriteLinks writes links as CSV with a header, for mail merge. url returns the
// URL of a link.
func WriteLinks(w io.Writer, all iter.Seq2[Link, error], url func(setup.Link) string) error {
	buffer := bufio.NewWriterSize(w, 64<<10)
	line := format.AppendCSV(nil, "email", "name", "url", "expires_at", "language", "external_id")
	for l, err := range all {
		if err != nil {
			return err
		}
		if _, err := buffer.Write(line); err != nil {
			return err
		}
		line = format.AppendCSV(line[:0], l.Address, l.Name, url(l.Link), l.Expires.UTC().Format(time.RFC3339), l.Locale, l.ExternalID)
	}
	if _, err := buffer.Write(line); err != nil {
		return err
	}
	return buffer.Flush()
}
