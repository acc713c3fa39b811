package batches

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/signing"
)

// errOver ends a step of a batch that has ended meanwhile.
var errOver = errors.New("batches: the batch has ended")

// Resume enqueues the work again, for jobs whose server has died. It is called
// when a server starts; repeated work has no effect.
func (s *Service) Resume(ctx context.Context) error { return s.Store.RequeueBatches(ctx) }

// Check reads the list of the batch. It can be repeated.
func (s *Service) Check(ctx context.Context, id string) error {
	b, err := s.Store.AnyBatch(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && b.State != Checking {
		err = errOver
	}
	if err == nil {
		err = s.inFolder(b, func(dir string) error { return s.check(ctx, b, dir) })
	}
	input, ok := errors.AsType[*batch.InputError](err)
	if !ok {
		return s.ended(ctx, b, err)
	}
	if input.Code == batch.SecretFound {
		return s.refuse(ctx, b, input)
	}
	return s.fail(ctx, audit.ByProgram(), b, string(input.Code), input.Error(), s.Retention)
}

// refuse ends a batch whose list contains a password, and deletes the list at
// once.
func (s *Service) refuse(ctx context.Context, b Batch, input *batch.InputError) error {
	if err := s.fail(ctx, audit.ByProgram(), b, string(input.Code), input.Error()+" The list has been deleted from this server: upload it again without that column.", 0); err != nil {
		return err
	}
	b, err := s.Store.AnyBatch(ctx, b.ID)
	if err != nil || b.State != Failed {
		return err
	}
	return s.expire(ctx, b)
}

// inFolder calls f with a folder for temporary files of the batch.
func (s *Service) inFolder(b Batch, f func(dir string) error) error {
	dir, remove, err := s.Files.Temp(fileOf(b.ID, ""))
	if err != nil {
		return fmt.Errorf("batches: %w", err)
	}
	return errors.Join(f(dir), remove())
}

func (s *Service) check(ctx context.Context, b Batch, dir string) error {
	list, err := s.Files.Open(ctx, fileOf(b.ID, listFile))
	if err != nil {
		return err
	}
	defer list.Close()
	rows, err := os.Create(filepath.Join(dir, rowsFile))
	if err != nil {
		return err
	}
	defer rows.Close()
	bad, err := os.Create(filepath.Join(dir, ErrorsFile))
	if err != nil {
		return err
	}
	defer bad.Close()
	problems := &problems{limit: MaxProblems}
	plan, o, err := s.read(ctx, b, list, batch.Checking{Rows: rows, Errors: bad, Problem: problems.add})
	if err != nil {
		return err
	}
	names := o.names()
	set, err := o.digest(names)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Files.Put(ctx, fileOf(b.ID, rowsFile), rows), s.Files.Put(ctx, fileOf(b.ID, ErrorsFile), bad)); err != nil {
		return err
	}
	archives := plan.Archives()
	var chunks []Chunk
	for _, a := range archives {
		for n := a.First; n < a.Last; n++ {
			chunks = append(chunks, Chunk{Chunk: plan.Chunks[n], Number: n, Archive: a.Number})
		}
	}
	choice := b.Choice
	return s.Store.KeepPlan(ctx, b.By, b.Account, b.ID, chunks, problems.all, func(b *Batch) ([]audit.Action, error) {
		if b.State != Checking || !reflect.DeepEqual(b.Choice, choice) {
			return nil, errOver
		}
		b.State, b.Plan, b.Domains, b.Settings, b.Erases = Ready, plan.Summary(), names, set, o.erases
		b.Made, b.Archives, b.Parts, b.About = 0, nil, len(archives), batch.About{}
		b.Expires = s.Now().Add(s.Retention)
		return nil, nil
	})
}

// Chunk creates the files of a chunk on one core. It can be repeated.
func (s *Service) Chunk(ctx context.Context, id string, number int) error {
	b, err := s.running(ctx, id)
	if err != nil {
		return s.ended(ctx, b, err)
	}
	chunks, err := s.Store.Chunks(ctx, id, number, number+1)
	if err != nil || len(chunks) == 0 || chunks[0].Part != "" {
		return err
	}
	return s.ended(ctx, b, s.inFolder(b, func(dir string) error { return s.makeChunk(ctx, b, chunks[0], dir) }))
}

// running returns a running batch whose settings and certificate are still
// those that it was started with. If it isn't running, the error is errOver.
func (s *Service) running(ctx context.Context, id string) (Batch, error) {
	b, err := s.Store.AnyBatch(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && b.State != Running {
		err = errOver
	}
	if err != nil {
		return b, err
	}
	set, err := s.settings(ctx, b)
	switch {
	case err != nil:
		return b, err
	case set != b.Settings:
		return b, errSettings()
	}
	signer := s.Identity()
	if e, ok := errors.AsType[*signing.IdentityError](signer.Fault); ok && signer.Fingerprint == "" && e.RetryAfter > 0 {
		return b, e // the signing certificate isn't known yet
	}
	if signer.Fingerprint != b.About.Signer.Fingerprint {
		return b, fault.New(fault.SignerUnavailable, "The signing certificate has changed. Start the batch again to sign everything with the new one.")
	}
	return b, nil
}

// makeChunk creates the files of a chunk, and stores them if the batch may
// still be created. Each attempt has its own part name: the first one wins.
func (s *Service) makeChunk(ctx context.Context, b Batch, c Chunk, dir string) error {
	rows, err := s.Files.Open(ctx, fileOf(b.ID, rowsFile))
	if err != nil {
		return err
	}
	defer rows.Close()
	var made Made
	for row, err := range batch.ReadRows(io.NewSectionReader(rows, c.Offset, c.Size)) {
		if err != nil {
			return err
		}
		made.Mailboxes = append(made.Mailboxes, row.Person.Address.Folded())
	}
	if b.Choice.MakesLinks() {
		if made.Links, err = s.linksOf(ctx, b, io.NewSectionReader(rows, c.Offset, c.Size)); err != nil {
			return err
		}
	}
	if !b.Choice.MakesFiles() {
		made.Part = string(Links)
		_, err := s.Store.FinishChunk(ctx, b.By, b.ID, c.Number, made)
		return err
	}
	out, err := os.Create(filepath.Join(dir, "part"))
	if err != nil {
		return err
	}
	keeps := false
	defer func() {
		if !keeps {
			out.Close()
		}
	}()
	buffer := bufio.NewWriterSize(out, 1<<20)
	maker := batch.Maker{Issuer: s.Issuer, Orders: s.orders(ctx, b).order}
	var line []byte
	err = maker.MakeAlone(ctx, batch.ReadRows(io.NewSectionReader(rows, c.Offset, c.Size)), c.Number*batch.ChunkRows, func(f *batch.File) error {
		line = batch.AppendFile(line[:0], f)
		_, err := buffer.Write(line)
		return err
	})
	if err = errors.Join(err, buffer.Flush()); err != nil {
		return err
	}
	made.Part = fmt.Sprintf("part-%06d-%s", c.Number, id.New("p"))
	name := fileOf(b.ID, made.Part)
	if err := s.Files.Put(ctx, name, out); err != nil {
		return err
	}
	keeps = nameless(out) && s.kept.add(name, out) // before an archive looks for it
	counts, err := s.Store.FinishChunk(ctx, b.By, b.ID, c.Number, made)
	if !counts && (err == nil || fault.Of(err).Code != fault.Internal) {
		err = errors.Join(err, s.deleteFile(context.WithoutCancel(ctx), name))
	}
	return err
}

// Archive puts created files into an archive. It can be repeated.
func (s *Service) Archive(ctx context.Context, id string, number int) error {
	b, err := s.running(ctx, id)
	if err != nil {
		return s.ended(ctx, b, err)
	}
	if b.Archive(number) == nil {
		err = s.inFolder(b, func(dir string) error { return s.makeArchive(ctx, b, number, dir) })
	}
	if err != nil {
		return s.ended(ctx, b, err)
	}
	return s.clean(ctx, b.ID)
}

// makeArchive writes an archive while its files are being created.
func (s *Service) makeArchive(ctx context.Context, b Batch, number int, dir string) error {
	chunks, err := s.Store.Chunks(ctx, b.ID, 0, b.Chunks())
	if err != nil {
		return err
	}
	plan := b.Plan
	for _, c := range chunks {
		plan.Chunks = append(plan.Chunks, c.Chunk)
	}
	archive := plan.Archives()[number-1]
	if !b.Choice.MakesFiles() {
		for _, err := range s.parts(ctx, b, archive) {
			if err != nil {
				return err
			}
		}
		return s.keepArchive(ctx, b, Archive{Number: number, Rows: archive.Rows})
	}
	bad, err := s.Files.Open(ctx, fileOf(b.ID, ErrorsFile))
	if err != nil {
		return err
	}
	defer bad.Close()
	made := Archive{Number: number, Rows: archive.Rows, Files: archive.Files, Blob: fmt.Sprintf("archive-%03d-%s", number, id.New("p"))}
	err = s.Files.Write(ctx, fileOf(b.ID, made.Blob), func(out io.Writer) error {
		a := batch.Assembly{Plan: &plan, About: b.About, Archive: archive, Files: s.files(ctx, b, archive), Errors: bad, Out: out, Declare: s.orders(ctx, b).declare, Sign: s.Issuer.SignChecksums}
		zip, manifest, err := a.Write(ctx, dir)
		if err == nil { // the settings may have changed while it waited for the last files
			_, err = s.running(ctx, b.ID)
		}
		if err != nil {
			return err
		}
		made.Size, made.Digest = zip.Size, zip.Digest
		return s.put(ctx, b, ManifestName(number), manifest) // while the end of the archive is being sent
	})
	if err != nil {
		return err
	}
	return s.keepArchive(ctx, b, made)
}

// put stores a file of the batch.
func (s *Service) put(ctx context.Context, b Batch, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.Files.Put(ctx, fileOf(b.ID, name), f)
}

// parts returns the names of the archive's parts, in order. It waits for each
// of them, and returns errOver if the batch ends or is started again.
func (s *Service) parts(ctx context.Context, b Batch, a batch.Archive) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ticker := time.NewTicker(look)
		defer ticker.Stop()
		for next := a.First; ; {
			chunks, err := s.Store.Chunks(ctx, b.ID, next, a.Last)
			if err != nil {
				yield("", err)
				return
			}
			for _, c := range chunks {
				if c.Part == "" {
					break
				}
				if next++; !yield(c.Part, nil) {
					return
				}
			}
			if next == a.Last {
				return
			}
			select {
			case <-ctx.Done():
				err = ctx.Err()
			case <-ticker.C:
				err = s.still(ctx, b)
			}
			if err != nil {
				yield("", err)
				return
			}
		}
	}
}

// still returns errOver if the batch has ended, or was started again.
func (s *Service) still(ctx context.Context, b Batch) error {
	now, err := s.Store.AnyBatch(ctx, b.ID)
	if fault.Is(err, fault.NotFound) || err == nil && (now.State != Running || now.Round != b.Round) {
		return errOver
	}
	return err
}

// files reads those of the archive, in order.
func (s *Service) files(ctx context.Context, b Batch, a batch.Archive) iter.Seq2[*batch.File, error] {
	return func(yield func(*batch.File, error) bool) {
		for part, err := range s.parts(ctx, b, a) {
			if err != nil {
				yield(nil, err)
				return
			}
			r, err := s.openPart(ctx, fileOf(b.ID, part))
			if err != nil {
				yield(nil, err)
				return
			}
			more := true
			for f, err := range batch.ReadFiles(r) {
				if more = yield(f, err) && err == nil; !more {
					break
				}
			}
			if r.Close(); !more {
				return
			}
		}
	}
}

// openPart opens a part, which may still be here.
func (s *Service) openPart(ctx context.Context, name string) (io.ReadCloser, error) {
	if here := s.kept.take(name); here != nil {
		return here, nil
	}
	return s.Files.Open(ctx, name)
}

// keepArchive stores an archive. With the last one the batch is done.
func (s *Service) keepArchive(ctx context.Context, b Batch, made Archive) error {
	return s.Store.StepBatch(ctx, b.By, b.Account, b.ID, func(b *Batch) ([]audit.Action, error) {
		if b.State != Running || b.Archive(made.Number) != nil {
			return nil, errOver
		}
		b.Archives = append(slices.Clone(b.Archives), made)
		slices.SortFunc(b.Archives, func(x, y Archive) int { return x.Number - y.Number })
		if len(b.Archives) < b.Parts {
			return nil, nil
		}
		h := sha256.New()
		for _, a := range b.Archives {
			io.WriteString(h, a.Digest)
		}
		b.Checksums = hex.EncodeToString(h.Sum(nil))
		b.State, b.Ended = Done, s.Now()
		b.Expires = b.Ended.Add(s.Retention)
		return []audit.Action{action(audit.BatchFinish, b.By, *b,
			audit.Change{Field: "files", New: fmt.Sprint(b.Plan.Files)}, audit.Change{Field: "sha256", New: b.Checksums})}, nil
	})
}

// ended decides what the error of a step means for a batch. A fault that a
// caller may see ends it; anything else is retried, and so is what waiting
// helps against, such as a signer that is being restarted. If the creator has
// lost the right to the batch, that is reported before anything else. A step of
// a batch that has ended may be one whose server died, so it cleans up.
func (s *Service) ended(ctx context.Context, b Batch, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errOver) {
		return s.clean(ctx, b.ID)
	}
	f := fault.Of(err)
	if f.Code == fault.Internal || f.RetryAfter > 0 || b.ID == "" {
		if errors.Is(s.still(ctx, b), errOver) {
			return s.clean(ctx, b.ID) // the step may have missed files that were deleted with the batch
		}
		return fmt.Errorf("batches: %w", err)
	}
	err = s.fail(ctx, b.By, b, string(f.Code), f.Detail, s.Retention)
	if lost := fault.Of(err); err != nil && lost.Code != fault.Internal {
		return s.fail(ctx, audit.ByProgram(), b, string(lost.Code), lost.Detail, s.Retention)
	}
	return err
}

// GiveUp ends a batch whose step has failed too often.
func (s *Service) GiveUp(ctx context.Context, id string) error {
	b, err := s.Store.AnyBatch(ctx, id)
	if err != nil {
		return err
	}
	return s.fail(ctx, audit.ByProgram(), b, string(fault.Internal), "Something went wrong. Start the batch again. If that doesn't help, tell the server operator.", s.Retention)
}

// fail ends a batch that is still in the round of b, if by may do so. Its files
// are kept for a while.
func (s *Service) fail(ctx context.Context, by audit.Grant, b Batch, reason, detail string, kept time.Duration) error {
	round := b.Round
	return s.Store.StepBatch(context.WithoutCancel(ctx), by, b.Account, b.ID, func(b *Batch) ([]audit.Action, error) {
		if !b.Live() || b.Round != round {
			return nil, nil
		}
		b.State, b.Reason, b.Detail, b.Ended = Failed, reason, detail, s.Now()
		b.Expires = b.Ended.Add(kept)
		return []audit.Action{action(audit.BatchFail, audit.ByProgram(), *b, audit.Change{Field: "reason", New: reason})}, nil
	})
}
