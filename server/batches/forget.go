package batches

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batch/format"
	"github.com/updatecase/mobileconfig/server/blob"
)

// Forget removes a mailbox, in the form of [profile.Address.Folded], from the
// manifests of the account's batches. Lists and archives contain it until they
// expire. It reports whether any batch had it, and can be repeated.
func (s *Service) Forget(ctx context.Context, by audit.Grant, account, mailbox string) (had bool, err error) {
	for f := (Filter{Mailbox: mailbox, Limit: 100}); ; {
		found, err := s.Store.Batches(ctx, account, f)
		if err != nil {
			return false, err
		}
		had = had || len(found) > 0
		for _, b := range found {
			for _, a := range b.Archives {
				if err := s.inFolder(b, func(dir string) error { return s.forgetIn(ctx, b, a.Number, mailbox, dir) }); err != nil {
					return false, fmt.Errorf("batches: forget: %w", err)
				}
			}
			f.After = b.ID
		}
		if len(found) < f.Limit {
			return had, s.Store.ForgetMailbox(ctx, by, account, mailbox)
		}
	}
}

// forgetIn writes a manifest without the rows of the mailbox.
func (s *Service) forgetIn(ctx context.Context, b Batch, number int, mailbox, dir string) error {
	name := fileOf(b.ID, ManifestName(number))
	old, err := s.Files.Open(ctx, name)
	if errors.Is(err, blob.ErrMissing) {
		return nil // a batch with only links
	}
	if err != nil {
		return err
	}
	defer old.Close()
	out, err := os.Create(filepath.Join(dir, ManifestName(number)))
	if err != nil {
		return err
	}
	defer out.Close()
	left, err := copyWithout(out, old, mailbox)
	if err != nil || !left {
		return err
	}
	return s.Files.Put(ctx, name, out)
}

// copyWithout copies a manifest without the rows of a mailbox. It reports
// whether it removed any.
func copyWithout(to io.Writer, from io.Reader, mailbox string) (left bool, err error) {
	rows := csv.NewReader(from)
	rows.ReuseRecord = true
	var line []byte
	for column := -1; ; {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return left, nil
		}
		if err != nil {
			return left, err
		}
		if column < 0 {
			for i, name := range row {
				if name == "email" {
					column = i
				}
			}
			if column < 0 {
				return left, errors.New("the manifest has no column email")
			}
		} else if address, err := profile.ParseAddress(strings.TrimPrefix(row[column], "'")); err == nil && address.Folded() == mailbox {
			left = true
			continue
		}
		line = format.AppendCSV(line[:0], row...)
		if _, err := to.Write(line); err != nil {
			return left, err
		}
	}
}
