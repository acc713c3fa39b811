package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

type batchesDownload struct {
	batchPath
	Name   []string `arg:"" optional:"" help:"Files to download, for example archive-001.zip, manifest-001.csv, errors.csv or links.csv (default: all archives, and the links if there are any)."`
	Output string   `short:"o" default:"." placeholder:"FOLDER" help:"Folder for the files (default: the current one)."`
}

const (
	// downloadSilence is how long a download may receive no data before it
	// counts as interrupted.
	downloadSilence = time.Minute
	// downloadTries limits how often an interrupted download is resumed without
	// any progress.
	downloadTries = 3
)

// Run downloads the files. Incomplete files have a temporary name, so that the
// next run can resume them.
func (c *batchesDownload) Run(s streams) error { return c.run(s, pause) }

// run is Run with a replaceable pause before each retry.
func (c *batchesDownload) run(s streams, pause func(ctx context.Context, attempt int) error) error {
	r, err := c.connect()
	if err != nil {
		return err
	}
	ctx, stop := untilStopped()
	defer stop()
	b, _, err := r.batch(ctx, c.at())
	if err != nil {
		return err
	}
	files, err := c.files(b)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Output, 0o700); err != nil {
		return flagError("--output", err)
	}
	for _, f := range files {
		d := download{remote: r, path: c.at("files", f.name), file: filepath.Join(c.Output, f.name), digest: f.digest, said: s.err, pause: pause}
		if err := d.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if c.JSON {
			err = writeJSON(s.out, map[string]string{"file": d.file})
		} else {
			_, err = fmt.Fprintln(s.out, d.file)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A batchFile is a file of a batch. Its checksum may be unknown.
type batchFile struct{ name, digest string }

// files returns the files to download.
func (c *batchesDownload) files(b batchState) ([]batchFile, error) {
	names, digests := c.Name, map[string]string{}
	for _, a := range b.Archives {
		if digests[a.Name] = a.SHA256; len(c.Name) == 0 {
			names = append(names, a.Name)
		}
	}
	if len(c.Name) == 0 && b.Links != nil && b.Links.Made > 0 {
		names = append(names, "links.csv")
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("the batch has no files: it is %s", b)
	}
	var all []batchFile
	for _, name := range names {
		if filepath.Base(name) != name || !filepath.IsLocal(name) {
			return nil, usage(fmt.Errorf("%q isn't a file name", name))
		}
		all = append(all, batchFile{name, digests[name]})
	}
	return all, nil
}

// A download downloads one file.
type download struct {
	*remote
	path   string // in the API
	file   string // destination
	digest string // SHA-256 in hex; empty: unknown, and the download can't be resumed
	said   io.Writer
	pause  func(ctx context.Context, attempt int) error
}

// part is the temporary name of an incomplete file. It includes the digest, so
// that parts of different contents aren't mixed.
func (d download) part() string {
	if d.digest == "" {
		return d.file + ".part"
	}
	return d.file + "." + d.digest[:min(len(d.digest), 12)] + ".part"
}

func (d download) run(ctx context.Context) error {
	if d.digest != "" && sumOf(d.file) == d.digest {
		return nil // already downloaded
	}
	var reached int64
	for tries := 0; ; tries++ {
		size, err := d.once(ctx)
		if err == nil {
			return d.finish()
		}
		if size > reached {
			tries, reached = 0, size
		}
		p, refused := errors.AsType[*problemError](err)
		again := !refused || p.Status >= 500 || p.Status == http.StatusTooManyRequests
		if _, local := errors.AsType[*fs.PathError](err); local || !again || tries == downloadTries || ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(d.said, "%s was interrupted (%v). Resuming.\n", filepath.Base(d.file), err)
		if d.pause(ctx, tries+1) != nil {
			return err
		}
	}
}

// once downloads the rest and returns the size so far.
func (d download) once(ctx context.Context) (int64, error) {
	header := http.Header{"Accept-Encoding": {"identity"}}
	var have int64
	if info, err := os.Stat(d.part()); err == nil && d.digest != "" && info.Size() > 0 {
		have = info.Size()
		header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		header.Set("If-Range", `"`+d.digest+`"`)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := d.send(ctx, http.MethodGet, d.path, nil, nil, header)
	if p, ok := errors.AsType[*problemError](err); ok && p.Status == http.StatusRequestedRangeNotSatisfiable {
		return have, nil // already complete
	}
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	rest := os.O_APPEND
	if res.StatusCode != http.StatusPartialContent {
		have, rest = 0, os.O_TRUNC
	}
	f, err := os.OpenFile(d.part(), os.O_CREATE|os.O_WRONLY|rest, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	silence := time.AfterFunc(downloadSilence, cancel)
	defer silence.Stop()
	n, err := io.Copy(f, watchedReader{res.Body, silence})
	return have + n, errors.Join(err, f.Sync())
}

// A lively reader resets the timeout whenever data arrives.
type watchedReader struct {
	io.Reader
	silence *time.Timer
}

func (l watchedReader) Read(data []byte) (int, error) {
	n, err := l.Reader.Read(data)
	l.silence.Reset(downloadSilence)
	return n, err
}

// finish renames the file if its checksum is right.
func (d download) finish() error {
	if d.digest != "" && sumOf(d.part()) != d.digest {
		return errors.Join(errors.New("the downloaded file doesn't match its checksum; download it again"), os.Remove(d.part()))
	}
	return os.Rename(d.part(), d.file)
}

// sumOf returns the SHA-256 of a file in hex, or "" if it can't be read.
func sumOf(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
}
