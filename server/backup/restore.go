package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/updatecase/mobileconfig/server/datadir"
)

// ErrNotEmpty says that a folder holds something already. What was there could
// damage a database that is restored beside it.
var ErrNotEmpty = errors.New("the folder is not empty; name one that is empty or not there")

// Restore verifies a backup, and then writes its files to a folder that is
// empty or not there. It writes nothing from a damaged one.
func Restore(file, folder string) (Contents, error) {
	f, err := os.Open(file)
	if err != nil {
		return Contents{}, err
	}
	defer f.Close()
	if c, err := read(f, discard); err != nil {
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
	c, err := read(f, func(name string) (io.WriteCloser, error) {
		if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
			return nil, err
		}
		out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		return synced{out}, err
	})
	if err != nil {
		return c, err
	}
	names, err := root.Open(".")
	if err != nil {
		return c, err
	}
	return c, synced{names}.Close()
}

// A synced file is on disk when it is closed.
type synced struct{ *os.File }

func (s synced) Close() error { return errors.Join(s.Sync(), s.File.Close()) }
