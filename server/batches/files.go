package batches

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/fault"
)

// The files of a batch.
const (
	listFile   = "list" // as it was uploaded
	rowsFile   = "rows" // the good ones, as package batch writes them
	ErrorsFile = "errors.csv"
)

// folder contains the files of all batches.
const folder = "batches/"

func fileOf(id, name string) string { return folder + id + "/" + name }

// ArchiveName returns the download name of an archive.
func ArchiveName(number int) string { return fmt.Sprintf("archive-%03d.zip", number) }

// ManifestName returns the name of an archive's manifest.
func ManifestName(number int) string { return fmt.Sprintf("manifest-%03d.csv", number) }

// isManifest reports whether the file is a manifest. Manifests stay.
func isManifest(name string) bool { return strings.HasPrefix(name, "manifest-") }

// A File is a file of a batch for download.
type File struct {
	Name     string
	Modified time.Time
	Digest   string // SHA-256 in hex; empty: not known
	blob.Reader
}

// Open opens a file for download, and records that. The names are those of
// ArchiveName, ManifestName and ErrorsFile. A deleted file is a Gone fault.
func (s *Service) Open(ctx context.Context, by audit.Grant, account, id, name string) (File, error) {
	f, b, err := s.find(ctx, account, id, name)
	if err != nil {
		return File{}, err
	}
	err = s.Store.Record(ctx, by, action(audit.BatchDownload, by, b, audit.Change{Field: "file", New: name}, audit.Change{Field: "sha256", New: f.Digest}))
	if err != nil {
		f.Close()
		return File{}, err
	}
	return f, nil
}

// Look is Open for requests about the file alone (HEAD): nothing is recorded.
func (s *Service) Look(ctx context.Context, account, id, name string) (File, error) {
	f, _, err := s.find(ctx, account, id, name)
	return f, err
}

func (s *Service) find(ctx context.Context, account, id, name string) (File, Batch, error) {
	b, err := s.Store.Batch(ctx, account, id)
	if err != nil {
		return File{}, Batch{}, err
	}
	f := File{Name: name, Modified: b.Ended}
	stored := name
	switch number, archive := numberOf(name, ArchiveName, len(b.Archives)); {
	case archive && b.State == Done && b.Choice.MakesFiles():
		f.Digest, stored = b.Archive(number).Digest, b.Archive(number).Blob
	case name == ErrorsFile && b.Plan.Bad > 0:
	default:
		if _, manifest := numberOf(name, ManifestName, len(b.Archives)); !manifest || b.State != Done || !b.Choice.MakesFiles() {
			return File{}, Batch{}, errNoFile()
		}
	}
	if b.Expired && !isManifest(name) {
		return File{}, Batch{}, errExpired()
	}
	f.Reader, err = s.Files.Open(ctx, fileOf(id, stored))
	if errors.Is(err, blob.ErrMissing) {
		err = errExpired()
	}
	return f, b, err
}

func errNoFile() error { return fault.New(fault.NotFound, "This batch doesn't have this file.") }

func errExpired() error { return fault.New(fault.Gone, "The files of this batch have been deleted.") }

// numberOf parses the number in a name that called returns for 1 to last.
func numberOf(name string, called func(int) string, last int) (int, bool) {
	for n := 1; n <= last; n++ {
		if called(n) == name {
			return n, true
		}
	}
	return 0, false
}

// appendManifest appends a manifest to the list, without its header from the
// second one on.
func (s *Service) appendManifest(ctx context.Context, list *os.File, id string, number int) error {
	f, err := s.Files.Open(ctx, fileOf(id, ManifestName(number)))
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	if number > 1 {
		if _, err := r.ReadString('\n'); err != nil {
			return err
		}
	}
	_, err = io.Copy(list, r)
	return err
}

// needs reports whether the batch still needs a file, or a step of it may: what
// the folders for temporary files have left is not needed once it has ended.
func (b Batch) needs(name string) bool {
	switch {
	case isManifest(name):
		return true
	case b.Expired:
		return false
	case b.State == Done:
		return name == ErrorsFile || slices.ContainsFunc(b.Archives, func(a Archive) bool { return a.Blob == name })
	}
	return true
}

// deleteFiles deletes the files of a batch except those to keep, by their names
// in its folder. Tidy finds what can't be deleted now.
func (s *Service) deleteFiles(ctx context.Context, id string, kept func(name string) bool) error {
	ctx = context.WithoutCancel(ctx)
	var left []blob.Info
	for info, err := range s.Files.List(ctx, fileOf(id, "")) {
		if err != nil {
			return err
		}
		if kept == nil || !kept(strings.TrimPrefix(info.Name, fileOf(id, ""))) {
			left = append(left, info)
		}
	}
	return s.deleteAll(ctx, left)
}

// deleteAll deletes the files, finished or not.
func (s *Service) deleteAll(ctx context.Context, files []blob.Info) error {
	var errs []error
	for _, f := range files {
		remove := s.deleteFile
		if f.Unfinished {
			remove = s.Files.Discard
		}
		errs = append(errs, remove(ctx, f.Name))
	}
	return errors.Join(errs...)
}

// deleteFile deletes a finished file, which this server may also have open.
func (s *Service) deleteFile(ctx context.Context, name string) error {
	s.kept.drop(name)
	return s.Files.Delete(ctx, name)
}

// clean deletes what a batch no longer needs, except the manifest that Forget
// is writing. It has no effect on a batch that doesn't exist.
func (s *Service) clean(ctx context.Context, id string) error {
	b, err := s.Store.AnyBatch(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil || b.Live() {
		return err
	}
	if err := s.deleteFiles(ctx, b.ID, func(name string) bool { return b.needs(name) || isManifest(path.Base(name)) }); err != nil {
		return fmt.Errorf("batches: clean: %w", err)
	}
	return nil
}

// expire deletes list and archives of a batch.
func (s *Service) expire(ctx context.Context, b Batch) error {
	if err := s.deleteFiles(ctx, b.ID, isManifest); err != nil {
		return err
	}
	return s.Store.StepBatch(context.WithoutCancel(ctx), audit.ByProgram(), b.Account, b.ID, func(b *Batch) ([]audit.Action, error) {
		if !b.Live() && b.over(s.Now()) {
			b.Expired = true
		}
		return nil, nil
	})
}

// leftAge is the minimum age of a file that no batch needs and Tidy deletes:
// until then, its batch may be about to be stored, or a step may be using it.
const leftAge = time.Hour

// Tidy deletes the files of expired batches, and what servers that died have
// left.
func (s *Service) Tidy(ctx context.Context) error {
	over, err := s.Store.ExpiredBatches(ctx, s.Now())
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range over {
		errs = append(errs, s.expire(ctx, b))
	}
	return errors.Join(append(errs, s.deleteLeft(ctx))...)
}

// deleteLeft deletes the files that no batch needs.
func (s *Service) deleteLeft(ctx context.Context) error {
	old := s.Now().Add(-leftAge)
	var left []blob.Info
	batches := map[string]*Batch{} // nil: it doesn't exist
	for info, err := range s.Files.List(ctx, folder) {
		if err != nil {
			return err
		}
		id, name, _ := strings.Cut(strings.TrimPrefix(info.Name, folder), "/")
		b, known := batches[id]
		if !known {
			switch found, err := s.Store.AnyBatch(ctx, id); {
			case err == nil:
				b = &found
			case !fault.Is(err, fault.NotFound):
				return err
			}
			batches[id] = b
		}
		if (b == nil || !b.needs(name)) && info.Modified.Before(old) {
			left = append(left, info)
		}
	}
	return s.deleteAll(ctx, left)
}
