// Package backup writes all that an installation must not lose to one file.
package backup

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/db"
)

// A Source is an installation to back up.
type Source struct {
	Database string // in the form that package store takes
	Dir      *datadir.Dir
	// Secret is the file with the installation's secret, if it is not in Dir,
	// and LogKey that with the key of the action log.
	Secret, LogKey string
}

// Write makes the file at path: a tar archive, for its owner alone, of the
// database as it is at one moment and of the files of the data folder. The
// service may run meanwhile. The file appears under its name when it is whole
// and on disk; one of that name is replaced.
func Write(ctx context.Context, path string, from Source) error {
	err := datadir.WriteWhole(path, func(out io.Writer) error { return from.archive(ctx, out, filepath.Dir(path)) })
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

func (s Source) archive(ctx context.Context, out io.Writer, tmp string) error {
	t := tar.NewWriter(out)
	if err := addDatabase(ctx, t, tmp, s.Database); err != nil {
		return err
	}
	files, err := s.Dir.Files()
	if err != nil {
		return err
	}
	for _, own := range []struct{ name, path string }{{datadir.SecretName, s.Secret}, {datadir.LogKeyName, s.LogKey}} {
		if own.path == "" {
			continue
		}
		// One in the folder is not the one in use.
		files = slices.DeleteFunc(files, func(name string) bool { return name == own.name })
		if err := addFile(t, own.name, own.path); err != nil {
			return err
		}
	}
	for _, name := range files {
		if err := addFile(t, name, s.Dir.File(name)); err != nil {
			return err
		}
	}
	return t.Close()
}

// addDatabase goes by a file in tmp, for an archive wants to know the size
// beforehand.
func addDatabase(ctx context.Context, t *tar.Writer, tmp, database string) error {
	f, err := os.CreateTemp(tmp, ".backup-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	name, err := db.Snapshot(ctx, database, tmp, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return addFile(t, name, f.Name())
}

func addFile(t *tar.Writer, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	err = t.WriteHeader(&tar.Header{
		Name:    filepath.ToSlash(name),
		Mode:    0o600,
		Size:    info.Size(),
		ModTime: info.ModTime().Truncate(time.Second),
	})
	if err != nil {
		return err
	}
	_, err = io.CopyN(t, f, info.Size())
	return err
}
