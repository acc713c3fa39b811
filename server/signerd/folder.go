package signerd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/reload"
)

// approvalsName is the file with the approvals.
const approvalsName = "approvals.json"

// A Folder is where the signer stores its approvals. Several commands can
// change them at once.
type Folder struct{ path string }

// OpenFolder returns the folder at path, which only its owner may access. It
// creates the folder if it doesn't exist.
func OpenFolder(path string) (Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return Folder{}, fmt.Errorf("signer: folder: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return Folder{}, fmt.Errorf("signer: folder: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Folder{}, fmt.Errorf("signer: folder: other users have access to %s (mode %04o); revoke it: chmod go= %[1]s", path, mode)
	}
	return Folder{path}, nil
}

func (f Folder) file() string { return filepath.Join(f.path, approvalsName) }

// Approvals reads the approvals. If none were stored yet, nothing is approved.
func (f Folder) Approvals() (Approvals, error) {
	text, err := os.ReadFile(f.file())
	if errors.Is(err, fs.ErrNotExist) {
		return Approvals{}, nil
	}
	if err != nil {
		return Approvals{}, fmt.Errorf("signer: approvals: %w", err)
	}
	a, err := readApprovals(text)
	if err != nil {
		return Approvals{}, fmt.Errorf("signer: %s can't be read: %w. Restore a copy, or delete it and approve again", f.file(), err)
	}
	return a, nil
}

// Change changes the approvals: all changes of fn are stored, or none. The old
// file stays until the new one is on disk.
func (f Folder) Change(fn func(*Approvals) error) error {
	unlock, err := lock(filepath.Join(f.path, ".lock"))
	if err != nil {
		return fmt.Errorf("signer: approvals: %w", err)
	}
	defer unlock()
	a, err := f.Approvals()
	if err != nil {
		return err
	}
	if err := fn(&a); err != nil {
		return err
	}
	if err := a.check(); err != nil {
		return fmt.Errorf("signer: approvals: %w", err)
	}
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	err = datadir.WriteWhole(f.file(), func(out *os.File) error {
		_, err := out.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		return fmt.Errorf("signer: approvals: %w", err)
	}
	return nil
}

// Watch returns a function that returns the current approvals. It notices a
// change within a second. If the new ones can't be read, the old ones stay in
// force.
func (f Folder) Watch(log *slog.Logger) (func() Approvals, error) {
	v, err := reload.New([]string{f.file()}, f.Approvals, func(err error) {
		if err != nil {
			log.Error("approvals can't be reloaded; the old ones stay in force", "error", err)
			return
		}
		log.Info("approvals reloaded")
	})
	if err != nil {
		return nil, err
	}
	return v.Current, nil
}
