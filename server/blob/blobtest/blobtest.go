// Package blobtest starts an S3 service for tests: versitygw, which .ci/prepare
// builds.
package blobtest

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/dial/dialtest"
	"github.com/updatecase/mobileconfig/server/prepared"
)

// The keys of the service.
const (
	access = "mobileconfig"
	secret = "key-of-the-service"
)

// bucket is the existing one.
const bucket = "phones"

// A Service is a running S3 service with one bucket.
type Service struct {
	// URL is its endpoint.
	URL     string
	Process *os.Process
}

// Start starts a service that ends with the test. Without versitygw it skips the
// test, or fails it if MOBILECONFIG_TEST_ALL is set.
func Start(t testing.TB) *Service {
	t.Helper()
	program := prepared.Program(t, "versitygw")
	dir := t.TempDir()
	files, sidecar := filepath.Join(dir, "files"), filepath.Join(dir, "sidecar")
	for _, path := range []string{filepath.Join(files, bucket), sidecar} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	address := dialtest.Free(t)
	var log bytes.Buffer
	cmd := prepared.Command(program, "--access", access, "--secret", secret, "--port", address, "--quiet", "posix", "--sidecar", sidecar, files)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("versitygw: %s", &log)
		}
	})
	s := &Service{URL: "http://" + address, Process: cmd.Process}
	for {
		if res, err := http.Get(s.URL); err == nil {
			res.Body.Close()
			return s
		}
		select {
		case <-ended:
			t.Fatal("versitygw has ended")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Setenv sets the keys of the service for this process and those that it
// starts, until it ends: several tests may do so at the same time.
func (s *Service) Setenv(t testing.TB) {
	t.Helper()
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret} {
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
}

// Address returns the address of a store in the bucket, below the prefix.
func (s *Service) Address(prefix string) string { return blob.Scheme + bucket + "/" + prefix }

// Open opens the store below the prefix.
func (s *Service) Open(t testing.TB, prefix string) blob.Store {
	t.Helper()
	s.Setenv(t)
	store, err := blob.Open(t.Context(), s.Address(prefix), blob.S3Options{Endpoint: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// Interrupt leaves an upload to a file of a store as a program does that is
// killed while it writes.
func (s *Service) Interrupt(t testing.TB, prefix, name string) {
	t.Helper()
	client, err := minio.NewCore(strings.TrimPrefix(s.URL, "http://"), &minio.Options{Creds: credentials.NewStaticV4(access, secret, "")})
	if err != nil {
		t.Fatal(err)
	}
	upload, err := client.NewMultipartUpload(t.Context(), bucket, prefix+"/"+name, minio.PutObjectOptions{})
	if err == nil {
		const text = "half of it"
		_, err = client.PutObjectPart(t.Context(), bucket, prefix+"/"+name, upload, 1, strings.NewReader(text), int64(len(text)), minio.PutObjectPartOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}
