package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// openInput opens an input. A manifest may be inside its archive.
func openInput(name string, manifest bool) (io.ReadCloser, error) {
	if !manifest || !strings.HasSuffix(name, ".zip") {
		return os.Open(name)
	}
	archive, err := zip.OpenReader(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f, err := archive.Open("manifest.csv")
	if err != nil {
		archive.Close()
		return nil, fmt.Errorf("%s isn't the archive of a batch", name)
	}
	return inArchive{f, archive}, nil
}

// An inArchive is a file in an archive. Closing it also closes the archive.
type inArchive struct {
	io.ReadCloser
	archive *zip.ReadCloser
}

func (f inArchive) Close() error { return errors.Join(f.ReadCloser.Close(), f.archive.Close()) }
