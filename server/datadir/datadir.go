// Package datadir manages the folder with everything that an installation must
// not lose: its database, its secret, the key of its action log and its
// development identity.
package datadir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/signing"
)

// SecretSize is the size of an installation's secret in bytes.
const SecretSize = 32

// SecretName is the file with the installation's secret.
const SecretName = "secret"

// LogKeySize is the size in bytes of the seed of the log's key.
const LogKeySize = 32

// LogKeyName is the file with the seed of the key (Ed25519) that signs
// checkpoints of the action log.
const LogKeyName = "log.key"

// Restoring is the file that exists while a backup is restored to the folder.
const Restoring = ".restoring"

// databaseName is the SQLite file, and the prefix of the files beside it.
const databaseName = "mobileconfig.db"

// A Dir is a data folder. Several processes may use one at the same time, also
// on first use.
type Dir struct {
	path string
}

// Open returns the folder at path. If there is none, it is created, accessible
// only to its owner. A folder that others can access is refused.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	return Existing(path)
}

// Existing is Open for a folder that must exist.
func Existing(path string) (*Dir, error) {
	if err := private(path); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if _, err := os.Lstat(filepath.Join(path, Restoring)); err == nil {
		return nil, fmt.Errorf("data folder: a restore to %s was broken off; empty the folder, and restore again", path)
	}
	return &Dir{path}, nil
}

// Files lists the files of the folder by their names within it, except those of
// the database.
func (d *Dir) Files() ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(d.path), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Type().IsRegular() && !strings.HasPrefix(name, databaseName) && !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// File returns the path of a file that Files lists.
func (d *Dir) File(name string) string { return filepath.Join(d.path, name) }

// Database returns the default database, in the form that package store
// accepts.
func (d *Dir) Database() string {
	return "sqlite:" + filepath.Join(d.path, databaseName)
}

// Secret returns the installation's secret, from which tokens are derived. It
// is created on first use.
func (d *Dir) Secret() ([]byte, error) {
	if err := d.makeRandom(SecretName, SecretSize); err != nil {
		return nil, fmt.Errorf("data folder: secret: %w", err)
	}
	return ReadSecret(d.File(SecretName))
}

// LogKey returns the seed of the key that signs checkpoints of the action log.
// It is created on first use.
func (d *Dir) LogKey() ([]byte, error) {
	if err := d.makeRandom(LogKeyName, LogKeySize); err != nil {
		return nil, fmt.Errorf("data folder: log key: %w", err)
	}
	return ReadLogKey(d.File(LogKeyName))
}

// NextLogKey is the file with the key that is to replace that in a file.
func NextLogKey(file string) string { return file + ".next" }

// ReadLogKeys reads the seed of the log's key from its file, and that of the key
// that is to replace it, if there is one beside it.
func ReadLogKeys(file string) (seeds [][]byte, err error) {
	seed, err := ReadLogKey(file)
	if err != nil {
		return nil, err
	}
	next, err := ReadLogKey(NextLogKey(file))
	if errors.Is(err, fs.ErrNotExist) {
		return [][]byte{seed}, nil
	}
	return [][]byte{seed, next}, err
}

// PrepareLogKey makes the key that is to replace the one in the file, beside it and
// for the same owner, and returns its file. One that is there stays.
func PrepareLogKey(file string) (next string, err error) {
	next = NextLogKey(file)
	if err = createRandom(next, LogKeySize); err == nil {
		err = ownedAs(next, file)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(file))
	}
	return next, err
}

// PlaceLogKey puts the key that was prepared in the place of the one in the file,
// which is gone then.
func PlaceLogKey(file string) error {
	if err := os.Rename(NextLogKey(file), file); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

func (d *Dir) makeRandom(name string, size int) error {
	return createRandom(d.File(name), size)
}

func createRandom(file string, size int) error {
	return createOnce(file, func() ([]byte, error) {
		data := make([]byte, size)
		rand.Read(data) // never fails
		return data, nil
	})
}

// ReadSecret reads an installation's secret from its own file, which several
// servers can share.
func ReadSecret(file string) ([]byte, error) { return readRandom(file, "secret", SecretSize) }

// ReadLogKey is ReadSecret for the seed of the log's key.
func ReadLogKey(file string) ([]byte, error) { return readRandom(file, "log key", LogKeySize) }

func readRandom(file, what string, size int) ([]byte, error) {
	if err := private(file); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if len(data) != size {
		return nil, fmt.Errorf("%s has %d bytes; a %s has %d (make one: head -c %[4]d /dev/urandom > FILE)", file, len(data), what, size)
	}
	return data, nil
}

// Identity returns the development identity, which is created on first use.
func (d *Dir) Identity(now func() time.Time) (*signing.Identity, error) {
	file := d.identity("development.pem")
	if err := d.makeIdentity(file, now()); err != nil {
		return nil, fmt.Errorf("data folder: development identity: %w", err)
	}
	id, err := signing.Development(file, now)
	if e, ok := errors.AsType[*signing.IdentityError](err); ok && e.Code == signing.Expired {
		return nil, fmt.Errorf("the development identity has expired; delete %s and start again", d.identity(""))
	}
	return id, err
}

func (d *Dir) makeIdentity(file string, now time.Time) error {
	if err := os.MkdirAll(d.identity(""), 0o700); err != nil {
		return err
	}
	if err := createOnce(file, func() ([]byte, error) { return signing.MakeDevelopment(now) }); err != nil {
		return err
	}
	if err := private(file); err != nil {
		return err
	}
	// Read from the file, because another process may have created it.
	return createOnce(d.IdentityRoot(), func() ([]byte, error) {
		bundle, err := os.ReadFile(file)
		return signing.DevelopmentRoot(bundle), err
	})
}

// IdentityRoot is the file with the root of the development identity.
func (d *Dir) IdentityRoot() string { return d.identity("development-ca.pem") }

func (d *Dir) identity(name string) string { return filepath.Join(d.path, "identity", name) }

// private refuses a file that others than the owner can read.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s can be read by others (mode %04o); run: chmod go= %[1]s", path, mode)
	}
	return nil
}

// WriteWhole creates a file, readable only by its owner, from what write
// writes. It gets its name once it is complete and on disk; an existing file
// with that name is replaced. If write fails, nothing is.
func WriteWhole(file string, write func(*os.File) error) error {
	folder := filepath.Dir(file)
	tmp, err := os.CreateTemp(folder, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	err = write(tmp)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return err
	}
	return syncFolder(folder)
}

// syncFolder syncs new names to disk.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// createOnce creates a file that is complete as soon as it has its name, unless
// it exists already.
func createOnce(file string, content func() ([]byte, error)) error {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, err := content()
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), file); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
