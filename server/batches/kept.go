package batches

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// An archive usually takes a part within a second, if this server writes it.
// maxKept parts have about 100 MB.
const (
	maxKept = 16
	keptFor = time.Minute
)

// kept are parts that this server has created, so that an archive that is
// written here needn't fetch them from a bucket. Their files have no name, except
// that of the part where files are in a folder.
type kept struct {
	mu    sync.Mutex
	files map[string]*os.File // by the name under which it's stored
}

// add keeps the part until it is taken, dropped or too old. It reports false if
// there are too many: then the caller closes it.
func (k *kept) add(name string, file *os.File) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.files) >= maxKept {
		return false
	}
	if k.files == nil {
		k.files = map[string]*os.File{}
	}
	k.files[name] = file
	time.AfterFunc(keptFor, func() { k.drop(name) })
	return true
}

// take returns the part, or nil if it isn't here. The caller closes it.
func (k *kept) take(name string) io.ReadCloser {
	file := k.remove(name)
	if file == nil {
		return nil
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		file.Close()
		return nil
	}
	return file
}

// drop closes the part if it's here.
func (k *kept) drop(name string) {
	if file := k.remove(name); file != nil {
		file.Close()
	}
}

func (k *kept) remove(name string) *os.File {
	k.mu.Lock()
	defer k.mu.Unlock()
	file := k.files[name]
	delete(k.files, name)
	return file
}

// nameless deletes the name that an open file had when it was created, unless it
// has been moved, and reports whether that worked. On Windows it doesn't, and the
// file's folder can't be deleted before the file is closed.
func nameless(file *os.File) bool {
	err := os.Remove(file.Name())
	return err == nil || errors.Is(err, fs.ErrNotExist)
}
