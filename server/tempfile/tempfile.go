// Package tempfile creates temporary files that a killed program doesn't leave.
package tempfile

import (
	"errors"
	"os"
)

// A File is deleted when it is closed or when the program ends, however it
// ends. On Windows, a killed program leaves it.
type File struct {
	*os.File
	named bool
}

// Create creates a file that only its owner can read, in the system's folder
// for temporary files.
func Create() (*File, error) {
	f, err := os.CreateTemp("", "mobileconfig-*")
	if err != nil {
		return nil, err
	}
	return &File{f, os.Remove(f.Name()) != nil}, nil
}

// Close closes and deletes the file.
func (f *File) Close() error {
	err := f.File.Close()
	if f.named {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
