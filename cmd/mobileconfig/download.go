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
	Name   []string `arg:"" optional:"" help:"Files, such as archive-001.zip, manifest-001.csv, errors.csv or links.csv (default: all archives, and the links if there are any)."`
	Output string   `short:"o" default:"." placeholder:"FOLDER" help:"Where to put them (default: here)."`
}

const (
	// downloadSilence is how long a download may bring nothing until it counts
	// as broken off.
	downloadSilence = time.Minute
	// downloadTries is how often a download that broke off goes on, each time
	// without getting any further.
	downloadTries = 3
)

// Run downloads the files. Until one is whole it has another name, under which
// the command finds it the next time.
func (c *batchesDownload) Run(s streams) error { return c.run(s, pause) }

// run is Run with a pause before each time that a download goes on.
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

// A batchFile is a file of a batch. Its digest may not be known.
type batchFile struct{ name, digest string }

// files are those to download.
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
			return nil, usage(fmt.Errorf("%q is no name of a file", name))
		}
		all = append(all, batchFile{name, digests[name]})
	}
	return all, nil
}

// A download is that of one file.
type download struct {
	*remote
	path   string // of the API
	file   string // where it goes
	digest string // SHA-256 in hex; empty: not known, and the download can't go on where it stopped
	said   io.Writer
	pause  func(ctx context.Context, attempt int) error
}

// part is where the file is until it is whole. Its name says of which content it
// is a part.
func (d download) part() string {
	if d.digest == "" {
		return d.file + ".part"
	}
	return d.file + "." + d.digest[:min(len(d.digest), 12)] + ".part"
}

func (d download) run(ctx context.Context) error {
	if d.digest != "" && sumOf(d.file) == d.digest {
		return nil // it was downloaded before
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
		fmt.Fprintf(d.said, "%s broke off (%v). Going on.\n", filepath.Base(d.file), err)
		if d.pause(ctx, tries+1) != nil {
			return err
		}
	}
}

// once gets what is missing, and returns how many bytes there are.
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
		return have, nil // it was whole already
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
	n, err := io.Copy(f, lively{res.Body, silence})
	return have + n, errors.Join(err, f.Sync())
}

// A lively reader puts off the end of silence whenever something comes.
type lively struct {
	io.Reader
	silence *time.Timer
}

func (l lively) Read(data []byte) (int, error) {
	n, err := l.Reader.Read(data)
	l.silence.Reset(downloadSilence)
	return n, err
}

// finish gives the file its name, if it is what the service says.
func (d download) finish() error {
	if d.digest != "" && sumOf(d.part()) != d.digest {
		return errors.Join(errors.New("what came isn't what the service says it is; download it again"), os.Remove(d.part()))
	}
	return os.Rename(d.part(), d.file)
}

// sumOf is the SHA-256 of a file in hex, or nothing if it can't be read.
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
