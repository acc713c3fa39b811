package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Options say how to connect to a bucket. The keys come from the environment
// (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), from the file that
// AWS_SHARED_CREDENTIALS_FILE names, or from the machine's role.
type S3Options struct {
	// Endpoint is the URL of the service. Default: Amazon.
	Endpoint string
	// Region is the bucket's region. Default: ask the service.
	Region string
}

// partSize is how many bytes of a file are sent in one request. What is being
// written is collected in memory before it is sent: streams pieces of streamSize
// at a time. A file can have 10,000 pieces, so it can have 80 GB.
const (
	partSize   = 16 << 20
	streamSize = 8 << 20
	streams    = 2
)

const contentType = "application/octet-stream"

type s3 struct {
	client         *minio.Client
	bucket, prefix string
}

func newS3(ctx context.Context, bucket, prefix string, o S3Options) (*s3, error) {
	endpoint, err := url.Parse(cmp.Or(o.Endpoint, "https://s3.amazonaws.com"))
	if err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Path != "" && endpoint.Path != "/" {
		return nil, errors.New("blob: the endpoint must be a URL, for example https://s3.example.com")
	}
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{},
			&credentials.FileAWSCredentials{},
			&credentials.IAM{},
		}),
		Secure: endpoint.Scheme == "https",
		Region: o.Region,
	})
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	if prefix != "" {
		if err := checkName(prefix); err != nil {
			return nil, err
		}
		prefix += "/"
	}
	switch found, err := client.BucketExists(ctx, bucket); {
	case err != nil:
		return nil, fmt.Errorf("blob: the bucket %q: %w", bucket, err)
	case !found:
		return nil, fmt.Errorf("blob: there is no bucket %q", bucket)
	}
	return &s3{client, bucket, prefix}, nil
}

// tempName begins the names of temporary folders, and leftAge is the age at
// which one must be from a program that was killed.
const (
	tempName = "mobileconfig-batch"
	leftAge  = 24 * time.Hour
)

// Temp creates a folder among the system's temporary ones. There nobody finds
// what is left, so it deletes that first.
func (s *s3) Temp(string) (dir string, remove func() error, err error) {
	left, err := filepath.Glob(filepath.Join(os.TempDir(), tempName+"*"))
	if err == nil {
		dir, err = os.MkdirTemp("", tempName)
	}
	if err != nil {
		return "", nil, fmt.Errorf("blob: %w", err)
	}
	for _, old := range left {
		if info, err := os.Lstat(old); err == nil && time.Since(info.ModTime()) > leftAge {
			os.RemoveAll(old) // which may be another user's
		}
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

func (s *s3) Put(ctx context.Context, name string, file *os.File) error {
	if err := checkName(name); err != nil {
		return err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err == nil {
		_, err = s.client.PutObject(ctx, s.bucket, s.prefix+name, file, size,
			minio.PutObjectOptions{ContentType: contentType, PartSize: partSize})
	}
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// errUnfinished is what the client reads if the file can't be finished. An
// error that means an end, such as io.ErrUnexpectedEOF, would store what there
// is.
var errUnfinished = errors.New("blob: the file couldn't be finished")

// Write sends pieces while the next ones are being written.
func (s *s3) Write(ctx context.Context, name string, write func(io.Writer) error) error {
	if err := checkName(name); err != nil {
		return err
	}
	const unknown = -1
	r, w := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		_, err := s.client.PutObject(ctx, s.bucket, s.prefix+name, r, unknown,
			minio.PutObjectOptions{ContentType: contentType, PartSize: streamSize, NumThreads: streams, ConcurrentStreamParts: true})
		if err != nil {
			err = fmt.Errorf("blob: %w", err)
		}
		r.CloseWithError(err)
		sent <- err
	}()
	written := false
	defer func() {
		if !written { // after a panic, too
			w.CloseWithError(errUnfinished)
			<-sent
		}
	}()
	if err := write(w); err != nil {
		return err
	}
	written = true
	w.Close()
	return <-sent
}

type s3Reader struct {
	*minio.Object
	size int64
}

// Size returns the size of the file.
func (r s3Reader) Size() int64 { return r.size }

func (s *s3) Open(ctx context.Context, name string) (Reader, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	object, err := s.client.GetObject(ctx, s.bucket, s.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	info, err := object.Stat()
	if err != nil {
		object.Close()
		if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
			return nil, ErrMissing
		}
		return nil, fmt.Errorf("blob: %w", err)
	}
	return s3Reader{object, info.Size}, nil
}

func (s *s3) Delete(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := s.client.RemoveObject(ctx, s.bucket, s.prefix+name, minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

// Discard ends uploads.
func (s *s3) Discard(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := s.client.RemoveIncompleteUpload(ctx, s.bucket, s.prefix+name); err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	return nil
}

func (s *s3) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		yieldOne := func(key string, info Info, err error) bool {
			if err != nil {
				err = fmt.Errorf("blob: %w", err)
			} else {
				info.Name = key[len(s.prefix):]
			}
			return yield(info, err) && err == nil
		}
		for object := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}) {
			if !yieldOne(object.Key, Info{Modified: object.LastModified}, object.Err) {
				return
			}
		}
		for upload := range s.client.ListIncompleteUploads(ctx, s.bucket, s.prefix+prefix, true) {
			if !yieldOne(upload.Key, Info{Modified: upload.Initiated, Unfinished: true}, upload.Err) {
				return
			}
		}
	}
}
