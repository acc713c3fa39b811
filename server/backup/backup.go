// Package backup writes everything that an installation must not lose to one
// file, detects any damage to that file, and restores from it.
package backup

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"filippo.io/age"

	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/db"
)

// A Source is an installation to back up.
type Source struct {
	Database string // in the form that package store accepts
	Dir      *datadir.Dir
	// Secret is the file with the installation's secret, if it isn't in Dir,
	// and LogKey the file with the key of the action log.
	Secret, LogKey string
	// Program and Now are stored in the backup: which version wrote it, and
	// when.
	Program string
	Now     func() time.Time
	// Keys encrypt the backup, if there are any.
	Keys Keys
}

// Write creates the file at path, readable only by its owner: a tar archive of
// a snapshot of the database and of the files of the data folder, encrypted if
// there are keys. The service may keep running. The file gets its name once it
// is complete, on disk and verified; an existing file with that name is
// replaced.
func Write(ctx context.Context, path string, from Source) error {
	err := from.writeFile(ctx, path)
	if errors.Is(err, errKeyReplaced) {
		err = from.writeFile(ctx, path)
	}
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

func (s Source) writeFile(ctx context.Context, path string) error {
	return datadir.WriteWhole(path, func(out *os.File) error {
		keys, err := s.write(ctx, out, filepath.Dir(path))
		if err != nil {
			return err
		}
		_, err = read(out, keys, discard)
		return err
	})
}

// write writes the archive, and returns the keys that can read it. Unencrypted
// data never leaves the data folder and the folder of the backup.
func (s Source) write(ctx context.Context, out io.Writer, tmp string) (Keys, error) {
	if !s.Keys.encrypts() {
		return Keys{}, s.archive(ctx, out, tmp)
	}
	keys, err := s.Keys.readable()
	if err != nil {
		return keys, err
	}
	sealed, err := age.Encrypt(out, keys.Recipients...)
	if err != nil {
		return keys, err
	}
	if err := s.archive(ctx, sealed, s.Dir.File(".")); err != nil {
		return keys, err
	}
	return keys, sealed.Close()
}

// Note records in the database of the source that a backup was written now, so
// that the control panel doesn't ask for one.
func Note(ctx context.Context, from Source) error {
	if err := db.NoteBackup(ctx, from.Database, from.Now()); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// archive writes everything, then the manifest, and then the hash of all that.
func (s Source) archive(ctx context.Context, out io.Writer, tmp string) error {
	sum := sha256.New()
	a := &archive{tar: tar.NewWriter(io.MultiWriter(out, sum))}
	a.Program, a.Created = s.Program, s.Now().UTC()
	if err := s.addAll(ctx, a, tmp); err != nil {
		return err
	}
	if err := a.addManifest(); err != nil {
		return err
	}
	if err := a.tar.Flush(); err != nil {
		return err
	}
	end, err := ending(sum.Sum(nil))
	if err != nil {
		return err
	}
	_, err = out.Write(end)
	return err
}

// errKeyReplaced says that the log's key was replaced while the backup was written:
// it may have the database from before, and the key from after.
var errKeyReplaced = errors.New("the key of the action log was replaced meanwhile; try again")

func (s Source) addAll(ctx context.Context, a *archive, tmp string) error {
	key := s.logKey()
	if err := addDatabase(ctx, a, tmp, s.Database); err != nil {
		return err
	}
	if err := s.addFiles(a); err != nil {
		return err
	}
	if !bytes.Equal(s.logKey(), key) {
		return errKeyReplaced
	}
	return nil
}

// logKey returns the key of the action log, or nothing if it can't be read.
func (s Source) logKey() []byte {
	key, _ := os.ReadFile(cmp.Or(s.LogKey, s.Dir.File(datadir.LogKeyName)))
	return key
}

func (s Source) addFiles(a *archive) error {
	files, err := s.Dir.Files()
	if err != nil {
		return err
	}
	// What tar has unpacked from a backup isn't part of the installation.
	files = slices.DeleteFunc(files, isOwn)
	for _, own := range s.elsewhere() {
		// Not the one in the folder, which may be another.
		files = slices.DeleteFunc(files, func(name string) bool { return name == own.name })
		if err := a.add(own.name, own.path); err != nil {
			return err
		}
	}
	for _, name := range files {
		if err := a.add(name, s.Dir.File(name)); err != nil {
			return err
		}
	}
	return nil
}

// An elsewhere is a file that stands in the place of the one of that name in the
// folder.
type elsewhere struct{ name, path string }

func (s Source) elsewhere() (all []elsewhere) {
	if s.Secret != "" {
		all = append(all, elsewhere{datadir.SecretName, s.Secret})
	}
	if s.LogKey == "" {
		return all
	}
	all = append(all, elsewhere{datadir.LogKeyName, s.LogKey})
	if next := datadir.NextLogKey(s.LogKey); exists(next) { // a replacement has begun
		all = append(all, elsewhere{datadir.NextLogKey(datadir.LogKeyName), next})
	}
	return all
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// addDatabase uses a file in tmp, because an archive needs the size in advance.
func addDatabase(ctx context.Context, a *archive, tmp, database string) error {
	f, err := os.CreateTemp(tmp, ".backup-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	name, err := db.Snapshot(ctx, database, tmp, a.Created, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return a.add(name, f.Name())
}

// An archive is a backup that is being written, and its manifest.
type archive struct {
	tar *tar.Writer
	Contents
}

func (a *archive) add(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	name = filepath.ToSlash(name)
	if err := a.tar.WriteHeader(header(name, info.Size(), info.ModTime())); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err = io.CopyN(io.MultiWriter(a.tar, sum), f, info.Size()); err != nil {
		return err
	}
	a.Files = append(a.Files, File{name, info.Size(), Sum(sum.Sum(nil))})
	return nil
}

func header(name string, size int64, at time.Time) *tar.Header {
	return &tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: at.Truncate(time.Second)}
}
