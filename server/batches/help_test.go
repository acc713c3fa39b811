package batches_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/jobs"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
	"github.com/updatecase/mobileconfig/templates"
)

// A rig is a service on a store with the domain example.com.
type rig struct {
	*batches.Service
	store   *store.Store
	archive string // the folder of files
	files   *gated
	now     func() time.Time

	mu       sync.Mutex
	identity *signing.Identity
}

func each(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	storetest.EachDatabase(t, func(t *testing.T, database string) { f(t, newRig(t, database, filepath.Join(t.TempDir(), "archive"))) })
}

func newRig(t testing.TB, database, archive string) *rig {
	t.Helper()
	return newRigWith(t, database, archive, blob.S3Options{})
}

func newRigWith(t testing.TB, database, archive string, s3 blob.S3Options) *rig {
	t.Helper()
	r := &rig{archive: archive, now: time.Now}
	now := func() time.Time { return r.now() }
	r.store = storetest.Open(t, store.Config{Database: database, Now: now})
	if _, err := r.store.Domain(t.Context(), "example.com"); err != nil {
		storetest.WithDomain(t, r.store)
	}
	files, err := blob.Open(t.Context(), archive, s3)
	if err != nil {
		t.Fatal(err)
	}
	r.files = &gated{Store: files}
	texts, err := templates.Words()
	if err != nil {
		t.Fatal(err)
	}
	r.sign(t)
	r.Service = &batches.Service{
		Store: r.store, Files: r.files, Domains: r.store,
		Issuer:   issue.New(texts, func() signing.Signer { return r.signer() }),
		Identity: func() signing.Description { return r.signer().Describe() },
		Tool:     "test", Retention: batches.Retention, Log: slog.New(slog.DiscardHandler), Now: now,
	}
	return r
}

// sign sets another certificate for the service.
func (r *rig) sign(t testing.TB) {
	t.Helper()
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", nil)
	pool := x509.NewCertPool()
	pool.AddCert(root.Cert)
	identity, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert}, pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.identity = identity
}

func (r *rig) signer() *signing.Identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.identity
}

// A gated store calls functions before it stores and before it opens a file, and
// reports which files are opened. It deletes nothing while keep is set.
type gated struct {
	blob.Store
	mu     sync.Mutex
	put    func(name string) error
	keep   error
	open   func()
	opened chan<- string
}

func (g *gated) Open(ctx context.Context, name string) (blob.Reader, error) {
	g.mu.Lock()
	open, opened := g.open, g.opened
	g.mu.Unlock()
	if open != nil {
		open()
	}
	if opened != nil {
		opened <- name
	}
	return g.Store.Open(ctx, name)
}

func (g *gated) set(put func(name string) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.put = put
}

func (g *gated) Delete(ctx context.Context, name string) error {
	g.mu.Lock()
	keep := g.keep
	g.mu.Unlock()
	if keep != nil {
		return keep
	}
	return g.Store.Delete(ctx, name)
}

func (g *gated) Put(ctx context.Context, name string, file *os.File) error {
	g.mu.Lock()
	put := g.put
	g.mu.Unlock()
	if put != nil {
		if err := put(name); err != nil {
			return err
		}
	}
	return g.Store.Put(ctx, name, file)
}

func (g *gated) Write(ctx context.Context, name string, write func(io.Writer) error) error {
	return g.Store.Write(ctx, name, func(w io.Writer) error {
		err := write(w)
		g.mu.Lock()
		put := g.put
		g.mu.Unlock()
		if err == nil && put != nil {
			err = put(name)
		}
		return err
	})
}

// names returns the stored files of a batch.
func (r *rig) names(t testing.TB, id string) (all []string) {
	t.Helper()
	for info, err := range r.files.List(context.Background(), "batches/"+id+"/") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimPrefix(info.Name, "batches/"+id+"/"))
	}
	return all
}

// wantCleaned waits until there are only the files that the done batch needs, and
// returns their names. Its last step ends after the batch, or is repeated.
func (r *rig) wantCleaned(t testing.TB, b batches.Batch) []string {
	t.Helper()
	needed := []string{b.Archives[0].Blob, batches.ErrorsFile, batches.ManifestName(1)}
	storetest.Await(t, func() bool { return slices.Equal(slices.Sorted(slices.Values(r.names(t, b.ID))), needed) })
	return needed
}

// leave copies the temporary files and folders of the batch that the stored file
// belongs to: what a server that dies at that moment leaves.
func (r *rig) leave(name string) error {
	const temporary = ".new-"
	batch := filepath.Join(r.archive, filepath.Dir(filepath.FromSlash(name)))
	paths, err := filepath.Glob(filepath.Join(batch, temporary+"[0-9]*"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		left, err := os.MkdirTemp(batch, temporary+"left")
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			data, err := os.ReadFile(path)
			if err := errors.Join(err, os.Remove(left), os.WriteFile(left, data, 0o600)); err != nil {
				return err
			}
			continue
		}
		if err := os.CopyFS(left, os.DirFS(path)); err != nil {
			return err
		}
	}
	return nil
}

// idle implements the jobs that don't concern batches.
type idle struct{}

func (idle) Mail(context.Context, string) (time.Duration, error) { return 0, nil }
func (idle) Call(context.Context, string) (time.Duration, error) { return 0, nil }
func (idle) Send(context.Context, string) (time.Duration, error) { return 0, nil }
func (idle) Begin(context.Context, string) error                 { return nil }
func (idle) Run(context.Context, string) error                   { return nil }

// noPushes implements the jobs of pushes.
type noPushes struct{}

func (noPushes) Plan(context.Context, string, int) error { return nil }
func (noPushes) GiveUp(context.Context, string) error    { return nil }
func (noPushes) Send(context.Context, string, string) (time.Duration, error) {
	return 0, nil
}

// work runs the jobs until the test ends, or until it is stopped.
func (r *rig) work(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- jobs.Run(ctx, r.store.Database(), jobs.Work{Deliverer: idle{}, LinkSender: idle{}, Maintainer: idle{}, Batcher: r.Service, Pusher: noPushes{}}, r.Log)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// owner returns the grant of the command line.
func owner() audit.Grant {
	by := audit.ByOperator()
	by.Account = account.Default
	return by
}

// people returns a list of n people.
func people(n int) string {
	var b strings.Builder
	b.WriteString("email,display_name,external_id,group\n")
	for i := range n {
		fmt.Fprintf(&b, "jane.doe%d@example.com,Jane Doe,%d,Sales\n", i, i)
	}
	return b.String()
}

// create uploads a list.
func (r *rig) create(t testing.TB, by audit.Grant, list string, c batches.Choice) batches.Batch {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "list")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.WriteString(f, list); err != nil {
		t.Fatal(err)
	}
	b, err := r.Create(t.Context(), by, account.Default, f, "phones.csv", c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// await waits until the batch is no longer being processed.
func (r *rig) await(t testing.TB, id string) batches.Batch {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute) // a hanging test
	defer cancel()
	var last batches.Batch
	if err := r.Watch(ctx, account.Default, id, func(b batches.Batch) error { last = b; return nil }); err != nil {
		t.Fatalf("%v; the batch is %s: %d made, %s %s", err, last.State, last.Made, last.Reason, last.Detail)
	}
	return last
}

// want waits for a state.
func (r *rig) want(t testing.TB, id string, state batches.State) batches.Batch {
	t.Helper()
	b := r.await(t, id)
	if b.State != state {
		t.Fatalf("got %s (%s: %s), want %s", b.State, b.Reason, b.Detail, state)
	}
	return b
}

func (r *rig) start(t testing.TB, by audit.Grant, id string) {
	t.Helper()
	if _, err := r.Start(t.Context(), by, account.Default, id); err != nil {
		t.Fatal(err)
	}
}

// open reads a file of a batch.
func (r *rig) open(t testing.TB, id, name string) []byte {
	t.Helper()
	f, err := r.Open(t.Context(), owner(), account.Default, id, name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// stable returns the rows of a manifest without what depends on the signature.
func stable(t testing.TB, manifest []byte) string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(manifest)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, row := range rows {
		row[7], row[8] = "", "" // file_sha256 and bytes
		fmt.Fprintln(&b, row)
	}
	return b.String()
}

// inArchive reads a file of an archive.
func inArchive(t testing.TB, archive []byte, name string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// offline creates the manifest of the list as the command line does.
func (r *rig) offline(t testing.TB, list string) []byte {
	t.Helper()
	d, err := r.store.Domain(t.Context(), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	orders := func(who issue.Person, what batch.FileKind) (issue.Order, error) {
		return issue.OrderOf(d, who, what.Variant, what.Platform)
	}
	output := filepath.Join(t.TempDir(), "out.zip")
	b, err := batch.Begin(output + ".unfinished")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := batch.NewReader(strings.NewReader(list), batch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Check(t.Context(), reader, batch.Checking{Defaults: batch.Defaults{Platforms: batch.IPhone, Variant: "mail"}, Orders: orders}, func() (string, batch.About) { return "key", batch.About{} })
	if err == nil {
		err = b.Make(t.Context(), &batch.Maker{Issuer: r.Issuer, Orders: orders}, func(int) {})
	}
	if err == nil {
		err = b.Publish(output)
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	return inArchive(t, data, "manifest.csv")
}

type batchField = batch.Field

// tempFile returns a file with the text.
func tempFile(t testing.TB, text string) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "file")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return f
}
