package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/updatecase/mobileconfig/server/datadir"
)

// ErrNotEmpty says that a folder isn't empty. Existing files could damage a
// database that is restored beside them.
var ErrNotEmpty = errors.New("the folder isn't empty; use an empty or a new one")

// Restore verifies a backup and writes its files to an empty or new folder. It
// writes nothing from a damaged backup. Until everything is done, a service can't
// use the folder, even if the program is killed.
func Restore(file, folder string, keys Keys) (Contents, error) {
	f, err := os.Open(file)
	if err != nil {
		return Contents{}, err
	}
	defer f.Close()
	if c, err := read(f, keys, discard); err != nil {
		return c, err
	}
	if _, err := datadir.Open(folder); err != nil {
		return Contents{}, err
	}
	if there, err := os.ReadDir(folder); err != nil || len(there) > 0 {
		return Contents{}, errors.Join(err, fmt.Errorf("%s: %w", folder, ErrNotEmpty))
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return Contents{}, err
	}
	defer root.Close()
	if err := mark(root); err != nil {
		return Contents{}, err
	}
	c, err := read(f, keys, func(name string) (io.WriteCloser, error) {
		if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
			return nil, err
		}
		out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		return synced{out}, err
	})
	if err == nil {
		err = syncRoot(root)
	}
	if err == nil {
		err = root.Remove(datadir.Restoring)
	}
	if err == nil {
		err = syncRoot(root)
	}
	return c, err
}

// mark creates the file that keeps services from using the folder.
func mark(root *os.Root) error {
	f, err := root.OpenFile(datadir.Restoring, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(synced{f}.Close(), syncRoot(root))
}

// syncRoot syncs the names in the folder to disk.
func syncRoot(root *os.Root) error {
	names, err := root.Open(".")
	if err != nil {
		return err
	}
	return synced{names}.Close()
}

// A synced file is on disk when it is closed.
type synced struct{ *os.File }

func (s synced) Close() error { return errors.Join(s.Sync(), s.File.Close()) }
