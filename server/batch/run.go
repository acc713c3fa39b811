package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"
)

// A Batch is created in a folder of temporary files, beside its future
// archives. The folder survives a crash, and [Resume] continues with it.
type Batch struct {
	dir   string
	lock  *flock.Flock
	state state
	limit int // of files in an archive
}

// state is what the folder stores about a batch whose input has been checked.
type state struct {
	Key   string `json:"key"`
	About About  `json:"about"`
	Plan  *Plan  `json:"plan"`
	// Published says that the archives have their final names.
	Published bool `json:"published"`
}

// Errors of Begin and Resume.
var (
	ErrExists  = errors.New("batch: there is an unfinished batch")
	ErrMissing = errors.New("batch: there is no unfinished batch")
	ErrBusy    = errors.New("batch: another process is working on it")
)

const stateFile = "state.json"

// Begin creates the folder of a new batch.
func Begin(dir string) (*Batch, error) {
	switch err := os.Mkdir(dir, 0o700); {
	case errors.Is(err, fs.ErrExist):
		return nil, ErrExists
	case err != nil:
		return nil, err
	}
	return open(dir)
}

// Resume opens the folder of a batch that was interrupted.
func Resume(dir string) (*Batch, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	return open(dir)
}

func open(dir string) (*Batch, error) {
	b := &Batch{dir: dir, lock: flock.New(filepath.Join(dir, "lock")), limit: PartFiles}
	locked, err := b.lock.TryLock()
	if err != nil {
		return nil, err
	}
	if !locked {
		return nil, ErrBusy
	}
	data, err := os.ReadFile(b.file(stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &b.state)
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Close releases the folder, and leaves it for Resume.
func (b *Batch) Close() error { return b.lock.Close() }

// Discard deletes the folder.
func (b *Batch) Discard() error { return errors.Join(os.RemoveAll(b.dir), b.lock.Close()) }

func (b *Batch) file(name string) string { return filepath.Join(b.dir, name) }

// Plan returns the plan of the input after the check; nil before that.
func (b *Batch) Plan() *Plan { return b.state.Plan }

// Key returns the key that was passed to [Batch.Check].
func (b *Batch) Key() string { return b.state.Key }

// Check reads the input, and stores the rows; it ignores c.Rows and c.Errors.
// The key identifies input and options: a batch can be resumed only with the
// same ones. about is called when the input has been read.
func (b *Batch) Check(ctx context.Context, r *Reader, c Checking, about func() (key string, a About)) (*Plan, error) {
	rows, err := openSpool(b.file("rows"), 0)
	if err != nil {
		return nil, err
	}
	defer rows.file.Close()
	bad, err := openSpool(b.file("errors.csv"), 0)
	if err != nil {
		return nil, err
	}
	defer bad.file.Close()
	c.Rows, c.Errors = rows, bad
	plan, err := Check(ctx, r, c)
	if err != nil {
		return nil, err
	}
	for _, s := range []*spool{rows, bad} {
		if err := errors.Join(s.buf.Flush(), s.file.Sync()); err != nil {
			return nil, err
		}
	}
	b.state.Plan = plan
	b.state.Key, b.state.About = about()
	return plan, b.save()
}

// save writes the state: all of it or nothing.
func (b *Batch) save() error {
	data, err := json.Marshal(b.state)
	if err != nil {
		return err
	}
	return writeFile(b.file(stateFile), data)
}

func writeFile(name string, data []byte) error {
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// Rows returns the good rows of the input.
func (b *Batch) Rows() iter.Seq2[Row, error] { return b.rows(0, len(b.state.Plan.Chunks)) }

// rows returns those of some chunks, last exclusive.
func (b *Batch) rows(first, last int) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		if first >= last {
			return
		}
		f, err := os.Open(b.file("rows"))
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer f.Close()
		chunks := b.state.Plan.Chunks
		from, to := chunks[first].Offset, chunks[last-1].Offset+chunks[last-1].Size
		ReadRows(io.NewSectionReader(f, from, to-from))(yield)
	}
}

// parts returns the archives of the batch.
func (b *Batch) parts() []*part {
	var all []*part
	for _, a := range b.state.Plan.archives(b.limit) {
		all = append(all, &part{Archive: a, plan: b.state.Plan, about: b.state.About})
	}
	return all
}

// base returns the name of a part's temporary files without their extension.
func (b *Batch) base(p *part) string { return b.file(fmt.Sprintf("part-%03d", p.Number)) }

// Make creates the archives, each under a temporary name, and continues where
// it was interrupted. While an archive is completed, which mostly waits for the
// disk, the files of the next one are created. It calls progress with the number
// of people whose files exist.
func (b *Batch) Make(ctx context.Context, m *Maker, progress func(people int)) error {
	bad, err := openSpool(b.file("errors.csv"), b.state.Plan.Errors)
	if err != nil {
		return err
	}
	defer bad.file.Close()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var completing sync.WaitGroup // the archive before
	var failed error
	defer completing.Wait()
	people := 0
	parts := b.parts()
	for i, p := range parts {
		parts[i] = nil // a part that is complete needs no memory
		_, done, err := readJournal(b.base(p) + ".journal")
		if err != nil {
			return err
		}
		if !done {
			err := b.fill(ctx, m, p, func(made int) { progress(people + made) })
			if completing.Wait(); failed != nil {
				err = failed
			}
			if err != nil {
				p.close()
				return err
			}
			completing.Go(func() {
				defer p.close()
				if failed = b.complete(ctx, m, p, bad); failed != nil {
					stop(failed)
				}
			})
		}
		people += p.Rows
		progress(people)
	}
	completing.Wait()
	return failed
}

// fill adds the profiles to an archive.
func (b *Batch) fill(ctx context.Context, m *Maker, p *part, progress func(int)) error {
	next, err := p.open(b.base(p))
	if err != nil {
		return err
	}
	chunks := b.state.Plan.Chunks
	made := 0
	for _, chunk := range chunks[p.First:next] {
		made += chunk.Rows
	}
	left := 0
	if next < p.Last {
		left = chunks[next].Files
	}
	err = m.Make(ctx, b.rows(next, p.Last), next*ChunkRows, func(f *File) error {
		if err := p.add(f); err != nil {
			return err
		}
		if left--; left > 0 {
			return nil
		}
		made += chunks[next].Rows
		if next++; next < p.Last {
			left = chunks[next].Files
		}
		progress(made)
		return p.record(next)
	})
	if err != nil {
		return err
	}
	if next != p.Last {
		return errRows
	}
	return nil
}

// complete adds the other files and records that nothing is missing.
func (b *Batch) complete(ctx context.Context, m *Maker, p *part, bad *spool) error {
	if err := p.finish(ctx, bad.file, m.Declare, m.Issuer.SignChecksums); err != nil {
		return err
	}
	if err := p.out.file.Sync(); err != nil {
		return err
	}
	fmt.Fprintln(p.journal, doneLine)
	if err := errors.Join(p.journal.buf.Flush(), p.journal.file.Sync()); err != nil {
		return err
	}
	return errors.Join(os.Remove(b.base(p)+".csv"), os.Remove(b.base(p)+".json"))
}

// Names returns those of the archives, and of the file with the skipped rows,
// derived from the name of a single archive, for example out.zip.
func (b *Batch) Names(output string) (archives []string, errorsFile string) {
	return Names(output, len(b.parts()))
}

// Publish gives the archives their final names, which are those of
// [Batch.Names], and deletes the folder.
func (b *Batch) Publish(output string) error {
	if !b.state.Published {
		archives, errorsFile := b.Names(output)
		for i, p := range b.parts() {
			if err := move(b.base(p)+".zip", archives[i]); err != nil {
				return err
			}
		}
		if err := b.PublishErrors(errorsFile); err != nil {
			return err
		}
		if err := syncFolder(filepath.Dir(output)); err != nil {
			return err
		}
		b.state.Published = true
		if err := b.save(); err != nil {
			return err
		}
	}
	return b.Discard()
}

// PublishErrors gives errors.csv its final name, if there are any errors.
func (b *Batch) PublishErrors(name string) error {
	if b.state.Plan.Bad == 0 {
		return nil
	}
	return move(b.file("errors.csv"), name)
}

// move renames a file. A missing one has been renamed already.
func move(from, to string) error {
	if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncFolder makes the names in a folder survive a power loss.
func syncFolder(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
