// Package blob keeps files that are too large for the database: in a folder, or
// in a bucket of a service that speaks S3 where several servers share them.
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

// ErrMissing is behind the error of opening what isn't there.
var ErrMissing = errors.New("blob: there is no such file")

// A Store keeps files by names such as "batches/bat_1/rows": parts of lower-case
// letters, digits and ._- with slashes between them.
type Store interface {
	// Put keeps what the file holds under the name: all of it or nothing. What
	// had the name is replaced.
	Put(ctx context.Context, name string, file *os.File) error
	// Open opens a file to be read. If there is none, the error is ErrMissing.
	Open(ctx context.Context, name string) (Reader, error)
	// Delete deletes a file. One that isn't there is no error.
	Delete(ctx context.Context, name string) error
	// List finds the files whose names begin with the prefix, which ends with a
	// slash, in no order.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
}

// A Reader reads a file at any place.
type Reader interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// An Info is a file that was found.
type Info struct {
	Name     string
	Modified time.Time
}

// Scheme begins the address of a bucket.
const Scheme = "s3://"

// Open returns the store at the address: a folder, which is made if it isn't
// there, or s3://BUCKET/PREFIX, which is reached as options say.
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

// checkName refuses a name that could lead out of the folder.
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
