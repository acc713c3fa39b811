package batches_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/blob/blobtest"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// The service creates the same from a list as the command line, on either
// database.
func TestMade(t *testing.T) {
	t.Parallel()
	list := people(2345)
	each(t, func(t *testing.T, r *rig) {
		r.work(t)
		b := r.create(t, owner(), list, batches.Choice{})
		if b = r.want(t, b.ID, batches.Ready); b.Plan.Rows != 2345 || b.Plan.Bad != 0 || b.Parts != 1 {
			t.Fatalf("got %d good rows, %d bad ones and %d archives", b.Plan.Rows, b.Plan.Bad, b.Parts)
		}
		r.start(t, owner(), b.ID)
		b = r.want(t, b.ID, batches.Done)
		if b.Made != 2345 || len(b.Archives) != 1 || b.Archives[0].Files != 2345 {
			t.Fatalf("got %d made in %+v", b.Made, b.Archives)
		}
		archive := r.open(t, b.ID, batches.ArchiveName(1))
		if sum := sha256.Sum256(archive); hex.EncodeToString(sum[:]) != b.Archives[0].Digest || int64(len(archive)) != b.Archives[0].Size {
			t.Error("the archive isn't the one that the batch names")
		}
		manifest := r.open(t, b.ID, batches.ManifestName(1))
		if string(manifest) != string(inArchive(t, archive, "manifest.csv")) {
			t.Error("the manifest isn't the one in the archive")
		}
		if stable(t, manifest) != stable(t, r.offline(t, list)) {
			t.Error("the manifest isn't the one of the command line")
		}
		kept := r.names(t, b.ID)
		if len(kept) != 3 { // archive, manifest, errors.csv
			t.Errorf("got %q, want parts, rows and list deleted", kept)
		}
		var names []audit.Name
		for _, e := range storetest.Entries(t, r.store) {
			if name := e.View().Action; strings.HasPrefix(string(name), "batch.") {
				names = append(names, name)
			}
		}
		if want := []audit.Name{audit.BatchCreate, audit.BatchStart, audit.BatchFinish, audit.BatchDownload, audit.BatchDownload}; !slices.Equal(names, want) {
			t.Errorf("got the actions %q, want %q", names, want)
		}
	})
}

// The archives of a batch have the declarations of its domains, if it is
// started by someone who may erase devices.
func TestDeclarations(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.work(t)
		by, _ := r.maker(t, true)
		list := "email,platform\njane@example.com,both\n"
		b := r.create(t, by, list, batches.Choice{Declarations: true})
		if b = r.want(t, b.ID, batches.Ready); !b.Erases || b.Plan.Files != 2 {
			t.Fatalf("the batch erases: %v, %d files", b.Erases, b.Plan.Files)
		}
		_, err := r.Start(t.Context(), by, account.Default, b.ID)
		storetest.WantFault(t, err, fault.ErasingUnapproved)
		r.start(t, owner(), b.ID)
		b = r.want(t, b.ID, batches.Done)
		checkDeclarations(t, r, b)
		again, err := r.Reissue(t.Context(), owner(), account.Default, b.ID)
		storetest.Must(t, err)
		r.want(t, again.ID, batches.Ready)
		r.start(t, owner(), again.ID)
		checkDeclarations(t, r, r.want(t, again.ID, batches.Done))

		b = r.create(t, owner(), list, batches.Choice{Declarations: true, Output: batches.Links})
		if b = r.want(t, b.ID, batches.Ready); b.Choice.Declarations || b.Erases {
			t.Error("setup links have declarations")
		}
		d := storetest.NewDomain("example.com")
		d.Policy = settings.Off
		storetest.Must(t, r.store.SetDomain(t.Context(), storetest.By, d, storetest.Action("", "")))
		b = r.create(t, owner(), list, batches.Choice{Declarations: true})
		r.want(t, b.ID, batches.Ready)
		all, err := r.Problems(t.Context(), account.Default, b.ID, 0, 10)
		if err != nil || len(all) != 1 || all[0].Code != "not_possible" || all[0].Detail != "This domain offers no passcode policy, so there are no declarations for it." {
			t.Errorf("a domain without a policy: %+v, %v", all, err)
		}
	})
}

// checkDeclarations checks that the archive of the batch has the declarations
// of example.com, and no policy in its profiles.
func checkDeclarations(t *testing.T, r *rig, b batches.Batch) {
	t.Helper()
	archive := r.open(t, b.ID, batches.ArchiveName(1))
	d, err := r.store.Domain(t.Context(), "example.com")
	storetest.Must(t, err)
	for _, p := range []profile.Platform{profile.IPhone, profile.Mac} {
		want, err := r.Issuer.Declare(d, p)
		storetest.Must(t, err)
		for _, one := range want {
			name := fmt.Sprintf("declarations/example.com/%s/%s.json", p, one.Name())
			if got := inArchive(t, archive, name); !bytes.Equal(got, one.File()) {
				t.Errorf("%s is\n%s, want\n%s", name, got, one.File())
			}
			if !bytes.Contains(inArchive(t, archive, "SHA256SUMS"), []byte("  "+name+"\n")) {
				t.Errorf("SHA256SUMS lacks %s", name)
			}
		}
	}
	if manifest := inArchive(t, archive, "manifest.csv"); bytes.Contains(manifest, []byte(`"secure"`)) {
		t.Errorf("profiles have the policy as well:\n%s", manifest)
	}
}

// A batch with bad rows can't be started, unless they are skipped.
func TestBadRows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.work(t)
		list := "Work mail,name\njane@example.com,Jane\nnobody,Joe\njoe@example.org,Joe\n"
		b := r.create(t, owner(), list, batches.Choice{Map: nil})
		if b = r.want(t, b.ID, batches.Failed); b.Reason != "column_missing" {
			t.Fatalf("got %q: %s", b.Reason, b.Detail)
		}
		c := batches.Choice{}
		c.Map = map[string]batchField{"Work mail": "email"}
		if _, err := r.Recheck(t.Context(), owner(), account.Default, b.ID, c); err != nil {
			t.Fatal(err)
		}
		if b = r.want(t, b.ID, batches.Ready); b.Plan.Rows != 1 || b.Plan.Bad != 2 {
			t.Fatalf("got %d good and %d bad rows", b.Plan.Rows, b.Plan.Bad)
		}
		all, err := r.Problems(t.Context(), account.Default, b.ID, 0, 100)
		if err != nil || len(all) != 2 || all[0].Code != "address_malformed" || all[1].Code != "not_possible" || all[1].Row != 4 || all[1].Detail != "The domain of this address isn't set up here." {
			t.Fatalf("got %+v, %v", all, err)
		}
		_, err = r.Start(t.Context(), owner(), account.Default, b.ID)
		storetest.WantFault(t, err, fault.Conflict)
		c.SkipBadRows = true
		if _, err := r.Recheck(t.Context(), owner(), account.Default, b.ID, c); err != nil {
			t.Fatal(err)
		}
		r.want(t, b.ID, batches.Ready)
		r.start(t, owner(), b.ID)
		b = r.want(t, b.ID, batches.Done)
		if text := string(r.open(t, b.ID, batches.ErrorsFile)); !strings.Contains(text, "address_malformed") {
			t.Errorf("got %q as errors.csv", text)
		}
	})
}

// A batch whose settings have changed since the check creates nothing more.
func TestSettingsChanged(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.work(t)
		b := r.create(t, owner(), people(1500), batches.Choice{})
		r.want(t, b.ID, batches.Ready)
		d := storetest.NewDomain("example.com")
		d.Service.Incoming.Host = "imap2.example.com"
		storetest.Must(t, r.store.SetDomain(t.Context(), storetest.By, d, storetest.Action("", "")))
		_, err := r.Start(t.Context(), owner(), account.Default, b.ID)
		storetest.WantFault(t, err, fault.SettingsChanged)
	})
}

// The next server continues what a server was working on when it died.
func TestResumed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		stop := r.work(t)
		b := r.create(t, owner(), people(3500), batches.Choice{})
		r.want(t, b.ID, batches.Ready)
		entered := make(chan bool, 16)
		r.files.set(func(name string) error {
			if strings.Contains(name, "/part-") {
				entered <- true
				return errors.New("the disk is gone")
			}
			return nil
		})
		r.start(t, owner(), b.ID)
		<-entered
		stop()
		r.files.set(nil)
		r.work(t)
		if b = r.want(t, b.ID, batches.Done); b.Made != 3500 {
			t.Errorf("got %d made", b.Made)
		}
		if stable(t, r.open(t, b.ID, batches.ManifestName(1))) != stable(t, r.offline(t, people(3500))) {
			t.Error("the manifest isn't the one of the command line")
		}
	})
}

// An archive waits for its files, unless the batch ends or is started again.
func TestArchiveWaits(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(r *rig, id string){
		"made": func(r *rig, id string) { storetest.Must(t, r.Chunk(t.Context(), id, 0)) },
		"canceled": func(r *rig, id string) {
			_, err := r.Cancel(t.Context(), owner(), account.Default, id)
			storetest.Must(t, err)
		},
		"begun again": func(r *rig, id string) {
			storetest.Must(t, r.GiveUp(t.Context(), id))
			r.start(t, owner(), id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, r *rig) {
				b := r.create(t, owner(), people(3), batches.Choice{})
				storetest.Must(t, r.Check(t.Context(), b.ID))
				r.start(t, owner(), b.ID)
				opened, done := make(chan string, 16), make(chan error)
				r.files.opened = opened
				go func() { done <- r.Archive(t.Context(), b.ID, 1) }()
				<-opened // it has begun
				change(r, b.ID)
				if err := <-done; err != nil {
					t.Error(err)
				}
				if b, err := r.Get(t.Context(), account.Default, b.ID); err != nil || (b.State == batches.Done) != (name == "made") || (len(b.Archives) == 1) != (name == "made") {
					t.Errorf("got %s with %d archives: %v", b.State, len(b.Archives), err)
				}
			})
		})
	}
}

// TestKept checks that an archive fetches no part from the store that its server
// has created, however soon it looks for it, and all of them otherwise.
func TestKept(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		here := newRig(t, database, filepath.Join(t.TempDir(), "archive"))
		there := newRig(t, database, here.archive)
		there.identity = here.identity
		for archiver, want := range map[*rig]int{here: 0, there: 3} {
			b := here.create(t, owner(), people(2500), batches.Choice{})
			storetest.Must(t, here.Check(t.Context(), b.ID))
			here.start(t, owner(), b.ID)
			for i := range 2 {
				storetest.Must(t, here.Chunk(t.Context(), b.ID, i))
			}
			opened := make(chan string, 16)
			here.Store = finishing{here.store, func() {
				archiver.files.opened = opened
				storetest.Must(t, archiver.Archive(t.Context(), b.ID, 1))
				archiver.files.opened = nil
			}}
			storetest.Must(t, here.Chunk(t.Context(), b.ID, 2))
			here.Store = here.store
			close(opened)
			fetched := 0
			for name := range opened {
				if strings.Contains(name, "/part-") {
					fetched++
				}
			}
			if fetched != want {
				t.Errorf("%d parts were fetched, want %d", fetched, want)
			}
			here.want(t, b.ID, batches.Done)
			if stable(t, here.open(t, b.ID, batches.ManifestName(1))) != stable(t, here.offline(t, people(2500))) {
				t.Error("the manifest isn't the one of the command line")
			}
		}
	})
}

// A finishing store calls then when a chunk is stored.
type finishing struct {
	*store.Store
	then func()
}

func (f finishing) FinishChunk(ctx context.Context, by audit.Grant, id string, number int, made batches.Made) (bool, error) {
	counts, err := f.Store.FinishChunk(ctx, by, id, number, made)
	f.then()
	return counts, err
}

// TestSettingsChangedMeanwhile changes the policy of the domain while an archive
// is being written, after the check at its start. The archive must not be kept: its
// declarations would have rules that nobody started.
func TestSettingsChangedMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		b := r.create(t, owner(), people(3), batches.Choice{Declarations: true})
		storetest.Must(t, r.Check(t.Context(), b.ID))
		r.start(t, owner(), b.ID)
		storetest.Must(t, r.Chunk(t.Context(), b.ID, 0))
		r.files.open = sync.OnceFunc(func() {
			d, err := r.store.Domain(t.Context(), "example.com")
			storetest.Must(t, err)
			d.Service.Incoming.Host = "imap2.example.com"
			storetest.Must(t, r.store.SetDomain(t.Context(), storetest.By, d, storetest.Action("", "")))
		})
		storetest.Must(t, r.Archive(t.Context(), b.ID, 1))
		b, err := r.Get(t.Context(), account.Default, b.ID)
		if err != nil || b.State != batches.Failed || b.Reason != string(fault.SettingsChanged) || len(b.Archives) != 0 {
			t.Errorf("got %s, %q with %d archives: %v", b.State, b.Reason, len(b.Archives), err)
		}
	})
}

// TestCanceledMeanwhile cancels a batch right before an archive opens its files,
// which are then gone. That's no error: there is nothing left to do.
func TestCanceledMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		b := r.create(t, owner(), people(3), batches.Choice{})
		storetest.Must(t, r.Check(t.Context(), b.ID))
		r.start(t, owner(), b.ID)
		storetest.Must(t, r.Chunk(t.Context(), b.ID, 0))
		r.files.open = sync.OnceFunc(func() {
			_, err := r.Cancel(t.Context(), owner(), account.Default, b.ID)
			storetest.Must(t, err)
		})
		if err := r.Archive(t.Context(), b.ID, 1); err != nil {
			t.Error(err)
		}
	})
}

// A canceled, deleted or expired batch leaves nothing behind except the
// manifests of what was created.
func TestFilesDeleted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		stop := r.work(t)
		b := r.create(t, owner(), people(10), batches.Choice{})
		r.want(t, b.ID, batches.Ready)
		r.start(t, owner(), b.ID)
		r.want(t, b.ID, batches.Done)
		canceled := r.create(t, owner(), people(10), batches.Choice{})
		r.want(t, canceled.ID, batches.Ready)
		if c, err := r.Cancel(t.Context(), owner(), account.Default, canceled.ID); err != nil || c.State != batches.Canceled || !c.Expired {
			t.Errorf("got %+v, %v", c, err)
		}
		if got := r.names(t, canceled.ID); got != nil {
			t.Errorf("got %q of a canceled batch", got)
		}
		stop()
		r.now = func() time.Time { return time.Now().Add(batches.Retention + time.Hour) }
		if err := r.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := r.names(t, b.ID); !slices.Equal(got, []string{batches.ManifestName(1)}) {
			t.Errorf("got %q, want the manifest alone", got)
		}
		_, err := r.Open(t.Context(), owner(), account.Default, b.ID, batches.ArchiveName(1))
		storetest.WantFault(t, err, fault.Gone)
		r.open(t, b.ID, batches.ManifestName(1))
		if err := r.Delete(t.Context(), owner(), account.Default, b.ID); err != nil {
			t.Fatal(err)
		}
		if got := r.names(t, b.ID); got != nil {
			t.Errorf("got %q of a deleted batch", got)
		}
		_, err = r.Get(t.Context(), account.Default, b.ID)
		storetest.WantFault(t, err, fault.NotFound)
	})
}

// Files of a batch that was never stored are found, but not those of one that
// is about to be.
func TestOrphans(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.files.set(nil)
		ctx, cancel := context.WithCancel(t.Context())
		f := tempFile(t, "list")
		storetest.Must(t, r.files.Put(ctx, "batches/bat_lost/list", f))
		cancel()
		storetest.Must(t, r.Tidy(t.Context()))
		if got := r.names(t, "bat_lost"); len(got) != 1 {
			t.Errorf("got %q, want that a new file stays", got)
		}
		r.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
		storetest.Must(t, r.Tidy(t.Context()))
		if got := r.names(t, "bat_lost"); got != nil {
			t.Errorf("got %q, want that an old one is deleted", got)
		}
	})
}

// TestUnfinishedUpload checks that an upload whose server was killed is deleted
// once the batch is done.
func TestUnfinishedUpload(t *testing.T) {
	service := blobtest.Start(t)
	service.Setenv(t)
	r := newRigWith(t, storetest.SQLite(t), service.Address("archives"), blob.S3Options{Endpoint: service.URL})
	r.work(t)
	b := r.create(t, owner(), people(3), batches.Choice{})
	r.want(t, b.ID, batches.Ready)
	service.Interrupt(t, "archives", "batches/"+b.ID+"/archive-001-p_killed")
	r.start(t, owner(), b.ID)
	r.wantCleaned(t, r.want(t, b.ID, batches.Done))
}

// TestLeftovers checks that the files of killed servers are deleted: when the
// batch is done, by a step that is repeated until it can delete them, or by Tidy.
func TestLeftovers(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.files.set(r.leave)
		stop := r.work(t)
		b := r.create(t, owner(), people(10), batches.Choice{})
		r.want(t, b.ID, batches.Ready)
		r.start(t, owner(), b.ID)
		b = r.want(t, b.ID, batches.Done)
		r.files.set(nil)
		needed := r.wantCleaned(t, b)
		stop()
		left := filepath.Join(r.archive, "batches", b.ID, ".new-left")
		storetest.Must(t, errors.Join(os.Mkdir(left, 0o700), os.WriteFile(filepath.Join(left, "part"), nil, 0o600)))
		for name, step := range map[string]func() error{
			"check":   func() error { return r.Check(t.Context(), b.ID) },
			"chunk":   func() error { return r.Chunk(t.Context(), b.ID, 0) },
			"archive": func() error { return r.Archive(t.Context(), b.ID, 1) },
		} {
			r.files.keep = errors.New("the disk is gone")
			if err := step(); !errors.Is(err, r.files.keep) {
				t.Errorf("%s: got %v, want an error with which it is repeated", name, err)
			}
			r.files.keep = nil
		}
		storetest.Must(t, r.Chunk(t.Context(), b.ID, 0))
		if got := r.names(t, b.ID); !slices.Equal(got, needed) {
			t.Errorf("got %q after a step was repeated, want %q", got, needed)
		}
		rewritten := ".new-left/" + batches.ManifestName(1)
		storetest.Must(t, errors.Join(os.Mkdir(left, 0o700), os.WriteFile(filepath.Join(left, batches.ManifestName(1)), nil, 0o600)))
		storetest.Must(t, errors.Join(r.Check(t.Context(), b.ID), r.Tidy(t.Context())))
		if got := r.names(t, b.ID); !slices.Contains(got, rewritten) {
			t.Errorf("got %q, want the manifest that is being written", got)
		}
		r.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
		storetest.Must(t, r.Tidy(t.Context()))
		if got := r.names(t, b.ID); !slices.Equal(got, needed) {
			t.Errorf("got %q in the end, want %q", got, needed)
		}
	})
}

// Files signed with an old certificate are signed again with the new one, under
// the same names.
func TestReissue(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.work(t)
		b := r.create(t, owner(), people(20), batches.Choice{})
		r.want(t, b.ID, batches.Ready)
		_, err := r.Reissue(t.Context(), owner(), account.Default, b.ID)
		storetest.WantFault(t, err, fault.Conflict)
		r.start(t, owner(), b.ID)
		r.want(t, b.ID, batches.Done)
		r.sign(t)
		again, err := r.Reissue(t.Context(), owner(), account.Default, b.ID)
		if err != nil {
			t.Fatal(err)
		}
		r.want(t, again.ID, batches.Ready)
		r.start(t, owner(), again.ID)
		again = r.want(t, again.ID, batches.Done)
		if again.About.Signer.Fingerprint != r.signer().Fingerprint() {
			t.Error("it is signed by the old certificate")
		}
		if one, other := stable(t, r.open(t, b.ID, batches.ManifestName(1))), stable(t, r.open(t, again.ID, batches.ManifestName(1))); one != other {
			t.Errorf("the manifests differ:\n%s\n%s", one, other)
		}
	})
}

// TestExpiredEndsAtOnce checks that a batch whose time is over can't be started
// or checked again, even if its files haven't been deleted yet: that may happen
// at any moment.
func TestExpiredEndsAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		stop := r.work(t)
		b := r.create(t, owner(), people(2), batches.Choice{})
		b = r.want(t, b.ID, batches.Ready)
		stop()
		r.now = func() time.Time { return b.Expires }
		_, err := r.Start(t.Context(), owner(), account.Default, b.ID)
		storetest.WantFault(t, err, fault.Gone)
		_, err = r.Recheck(t.Context(), owner(), account.Default, b.ID, batches.Choice{})
		storetest.WantFault(t, err, fault.Conflict)
		r.now = func() time.Time { return b.Expires.Add(-time.Second) }
		r.start(t, owner(), b.ID)
	})
}

// A list with passwords isn't stored.
func TestSecretListDeleted(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		r.work(t)
		b := r.create(t, owner(), "email,password\njane@example.com,hunter2\n", batches.Choice{})
		b = r.want(t, b.ID, batches.Failed)
		servertest.Eventually(t, "the list to be deleted", func() bool { return r.names(t, b.ID) == nil })
		if b.Reason != "secret_found" || strings.Contains(b.Detail, "hunter2") {
			t.Errorf("got %s: %s", b.Reason, b.Detail)
		}
		_, err := r.Recheck(t.Context(), owner(), account.Default, b.ID, batches.Choice{Drop: []string{"password"}})
		storetest.WantFault(t, err, fault.Conflict)
	})
}

// Batches are found by mailbox, and forget a mailbox when its personal text is
// erased.
func TestForget(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r *rig) {
		r.work(t)
		var ids []string
		for _, list := range []string{people(3), people(2)} {
			b := r.create(t, owner(), list, batches.Choice{Platforms: "both"})
			r.want(t, b.ID, batches.Ready)
			r.start(t, owner(), b.ID)
			r.want(t, b.ID, batches.Done)
			ids = append(ids, b.ID)
		}
		found := func(mailbox string) (got []string) {
			t.Helper()
			all, err := r.List(t.Context(), account.Default, batches.Filter{Mailbox: mailbox, Limit: 10})
			storetest.Must(t, err)
			for _, b := range all {
				got = append([]string{b.ID}, got...)
			}
			return got
		}
		if got := found("jane.doe2@example.com"); !slices.Equal(got, ids[:1]) {
			t.Errorf("got %q for one batch, want %q", got, ids[:1])
		}
		if got := found("jane.doe1@example.com"); !slices.Equal(got, ids) {
			t.Errorf("got %q for both batches, want %q", got, ids)
		}
		if got := found("nobody@example.com"); got != nil {
			t.Errorf("got %q for nobody", got)
		}
		for _, want := range []bool{true, false} {
			if had, err := r.Forget(t.Context(), owner(), account.Default, "jane.doe1@example.com"); err != nil || had != want {
				t.Errorf("got %t, %v, want %t", had, err, want)
			}
		}
		for i, id := range ids {
			manifest := string(r.open(t, id, batches.ManifestName(1)))
			if strings.Contains(manifest, "jane.doe1@") || strings.Count(manifest, "jane.doe0@example.com") < 2 || strings.Count(manifest, "\n") != 1+2*(2-i) {
				t.Errorf("got\n%s", manifest)
			}
		}
		if got := found("jane.doe1@example.com"); got != nil {
			t.Errorf("got %q for a mailbox that was forgotten", got)
		}
	})
}
