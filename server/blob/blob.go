// Package blob stores files that are too large for the database: in a folder,
// or in an S3 bucket that several servers share.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"
)

// ErrMissing is wrapped by the error of opening a missing file.
var ErrMissing = errors.New("blob: no such file")

// A Store stores files under names such as "batches/bat_1/rows": parts of
// lower-case letters, digits and ._- separated by slashes.
type Store interface {
	// Put stores the content of the file under the name: all of it or nothing.
	// An existing file of that name is replaced. A file in a folder that Temp
	// has created may be moved instead of copied.
	Put(ctx context.Context, name string, file *os.File) error
	// Write stores what write writes under the name: all of it, or nothing if
	// write returns an error, which Write then returns, too. What is written is
	// sent while write is still running. If it isn't stored, some of it may be
	// left as an unfinished file.
	Write(ctx context.Context, name string, write func(io.Writer) error) error
	// Temp creates a folder for files that will be stored under names with the
	// prefix, which ends with a slash. The caller calls remove. If it can't, a
	// folder's List and Delete find what is left; with S3, it's deleted when
	// Temp is called a day later.
	Temp(prefix string) (dir string, remove func() error, err error)
	// Open opens a file for reading. If there is none, the error is ErrMissing.
	Open(ctx context.Context, name string) (Reader, error)
	// Delete deletes a file. A missing file isn't an error.
	Delete(ctx context.Context, name string) error
	// Discard deletes what unfinished files have left under the name. A Write to
	// it that is running fails.
	Discard(ctx context.Context, name string) error
	// List lists the files whose names begin with the prefix, which ends with a
	// slash, in no order, and what is left of files that weren't finished.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
}

// A Reader reads a file at any offset.
type Reader interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// An Info is a file that was found.
type Info struct {
	Name     string
	Modified time.Time
	// Unfinished reports whether the file is being written, or was when that
	// failed. Discard deletes it, and Delete doesn't.
	Unfinished bool
}

// Scheme is the prefix of a bucket's URL.
const Scheme = "s3://"

// Open returns the store at the address: a folder, which is created if it
// doesn't exist, or s3://BUCKET/PREFIX, with the options for S3.
func Open(ctx context.Context, address string, options S3Options) (Store, error) {
	if rest, ok := strings.CutPrefix(address, Scheme); ok {
		bucket, prefix, _ := strings.Cut(rest, "/")
		return newS3(ctx, bucket, strings.Trim(prefix, "/"), options)
	}
	if strings.Contains(address, "://") {
		return nil, fmt.Errorf("blob: give a folder or %sBUCKET/PREFIX", Scheme)
	}
	return newFolder(address)
}

// checkName refuses a name that could lead outside the folder.
func checkName(name string) error {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("blob: bad name %q", name)
		}
		for _, c := range []byte(part) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("._-", rune(c)) {
				return fmt.Errorf("blob: bad name %q", name)
			}
		}
	}
	return nil
}
