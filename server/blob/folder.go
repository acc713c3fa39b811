package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// A folder stores files in a folder that only its owner can read. A file that
// is being written has a name that begins with a dot.
type folder struct{ path string }

func newFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	return &folder{filepath.Clean(path)}, nil
}

func (f *folder) name(name string) (string, error) {
	return filepath.Join(f.path, filepath.FromSlash(name)), checkName(name)
}

// temporary begins the names of what is being written.
const temporary = ".new-"

func (f *folder) Temp(prefix string) (dir string, remove func() error, err error) {
	path, err := f.name(strings.TrimSuffix(prefix, "/"))
	if err == nil {
		err = os.MkdirAll(path, 0o700)
	}
	if err == nil {
		dir, err = os.MkdirTemp(path, temporary+"*")
	}
	if err != nil {
		return "", nil, fmt.Errorf("blob: %w", err)
	}
	return dir, func() error {
		err := os.RemoveAll(dir)
		f.prune(path)
		return err
	}, nil
}

// prune deletes the folder, and those that it is in, if they are empty. The
// uppermost ones stay: others may be creating folders in them.
func (f *folder) prune(dir string) {
	for filepath.Dir(dir) != f.path && dir != f.path && os.Remove(dir) == nil {
		dir = filepath.Dir(dir)
	}
}

// Put renames a file of a folder that Temp has created, and copies others.
func (f *folder) Put(ctx context.Context, name string, file *os.File) error {
	path, err := f.name(name)
	if err != nil {
		return err
	}
	if f.isTemp(filepath.Dir(file.Name())) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("blob: %w", err)
		}
		return move(file, path)
	}
	return f.Write(ctx, name, func(out io.Writer) error {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := io.Copy(out, file)
		return err
	})
}

// Write writes to a temporary name beside the file's, and renames it.
func (f *folder) Write(_ context.Context, name string, write func(io.Writer) error) error {
	path, err := f.name(name)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	out, err := os.CreateTemp(dir, temporary+"*")
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	moved := false
	defer func() {
		out.Close()
		if !moved { // after a panic, too
			os.Remove(out.Name())
		}
	}()
	if err := write(out); err != nil {
		return err
	}
	err = move(out, path)
	moved = err == nil
	return err
}

// isTemp reports whether the folder is one that Temp has created.
func (f *folder) isTemp(dir string) bool {
	below, err := filepath.Rel(f.path, dir)
	return err == nil && filepath.IsLocal(below) && strings.HasPrefix(filepath.Base(below), temporary)
}

// move renames the file once its content is on the disk.
func move(file *os.File, path string) error {
	err := errors.Join(file.Chmod(0o600), file.Sync())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// syncFolder makes the names in a folder survive a power loss.
func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

type folderReader struct {
	*os.File
	size int64
}

// Size returns the size of the file.
func (r folderReader) Size() int64 { return r.size }

func (f *folder) Open(_ context.Context, name string) (Reader, error) {
	path, err := f.name(name)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrMissing
	}
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("blob: %w", err)
	}
	return folderReader{file, info.Size()}, nil
}

// Delete deletes the file, and then its folder if that is empty.
func (f *folder) Delete(_ context.Context, name string) error {
	path, err := f.name(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob: %w", err)
	}
	f.prune(filepath.Dir(path))
	return nil
}

// Discard does nothing: unfinished files have names of their own.
func (f *folder) Discard(_ context.Context, name string) error { return checkName(name) }

func (f *folder) List(_ context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		root := filepath.Join(f.path, filepath.FromSlash(prefix))
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() && !isLeft(path) {
				return gone(err)
			}
			info, err := entry.Info()
			if err != nil {
				return gone(err)
			}
			name, err := filepath.Rel(f.path, path)
			if err == nil && !yield(Info{Name: filepath.ToSlash(name), Modified: info.ModTime()}, nil) {
				err = fs.SkipAll
			}
			return err
		})
		if err != nil {
			yield(Info{}, fmt.Errorf("blob: %w", err))
		}
	}
}

// isLeft reports whether a folder is a temporary one without files. Those that
// aren't in use any more are from a program that was killed.
func isLeft(path string) bool {
	if !strings.HasPrefix(filepath.Base(path), temporary) {
		return false
	}
	files, err := os.ReadDir(path)
	return err == nil && len(files) == 0
}

// gone returns nil if err says that the file no longer exists.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
