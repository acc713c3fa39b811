// Command packages builds what is given to operators: archives, a Debian package
// for each architecture, images for containers, a list of what is inside (SBOM)
// and checksums. The same commit gives the same bytes.
//
//	go run . -version v1.2.3 -out ../dist
//	go run . -version v1.2.3 -check
//
// The second one builds nothing: it checks that everything is ready for the release.
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A target is an operating system and an architecture.
type target struct{ os, arch string }

var targets = []target{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "arm64"}, {"windows", "amd64"}}

// A build is one run.
type build struct {
	root    string // of the repository
	out     string
	version string // such as v1.2.3
	at      time.Time
	only    []string // targets; empty: all
	// Made for all targets.
	manual      []byte
	completions map[string][]byte
}

func main() {
	var b build
	var only string
	var check bool
	flag.StringVar(&b.root, "root", "..", "the repository")
	flag.StringVar(&b.out, "out", "../dist", "where to")
	flag.StringVar(&b.version, "version", "", "such as v1.2.3 (default: from git)")
	flag.StringVar(&only, "only", "", "targets, such as linux/amd64 (default: all)")
	flag.BoolVar(&check, "check", false, "check that everything is ready for a release of the version, and build nothing")
	flag.Parse()
	b.only = strings.FieldsFunc(only, func(r rune) bool { return r == ',' })
	do := b.run
	if check {
		do = b.ready
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}

func (b *build) run() error {
	var err error
	if b.root, err = filepath.Abs(b.root); err != nil {
		return err
	}
	if b.out, err = filepath.Abs(b.out); err != nil {
		return err
	}
	if err := b.date(); err != nil {
		return err
	}
	if err := os.RemoveAll(b.out); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(b.out, "bin"), 0o755); err != nil {
		return err
	}
	if err := b.texts(); err != nil {
		return err
	}
	for _, t := range targets {
		if len(b.only) > 0 && !slices.Contains(b.only, t.os+"/"+t.arch) {
			continue
		}
		if err := b.target(t); err != nil {
			return fmt.Errorf("%s/%s: %w", t.os, t.arch, err)
		}
	}
	if err := os.RemoveAll(filepath.Join(b.out, "bin")); err != nil {
		return err
	}
	if err := b.writeNotes(); err != nil {
		return err
	}
	return b.checksums()
}

// date finds out the version, and the time of the commit.
func (b *build) date() error {
	if text := os.Getenv("SOURCE_DATE_EPOCH"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		b.at = time.Unix(n, 0).UTC()
	} else {
		text, err := b.output(nil, "git", "log", "-1", "--format=%ct")
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			return err
		}
		b.at = time.Unix(n, 0).UTC()
	}
	if b.version == "" {
		text, err := b.output(nil, "git", "describe", "--tags", "--always", "--dirty")
		if err != nil {
			return err
		}
		b.version = strings.TrimSpace(string(text))
		if !strings.HasPrefix(b.version, "v") {
			b.version = "v0.0.0-" + b.at.Format("20060102150405") + "-" + b.version
		}
	}
	return nil
}

// output runs a program in the repository.
func (b *build) output(env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return out, nil
}

// compile builds the program for a target and returns its file.
func (b *build) compile(t target) (string, error) {
	file := filepath.Join(b.out, "bin", t.os+"-"+t.arch)
	_, err := b.output([]string{"CGO_ENABLED=0", "GOOS=" + t.os, "GOARCH=" + t.arch},
		"go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid= -X main.stamped="+b.version, "-o", file, "./cmd/mobileconfig")
	return file, err
}

// texts has the program write its manual and its completions.
func (b *build) texts() error {
	file, err := b.compile(target{runtime.GOOS, runtime.GOARCH})
	if err != nil {
		return err
	}
	if b.manual, err = b.output(nil, file, "manual"); err != nil {
		return err
	}
	b.completions = map[string][]byte{}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if b.completions[shell], err = b.output(nil, file, "completion", shell); err != nil {
			return err
		}
	}
	return nil
}

func (b *build) target(t target) error {
	program, err := b.compile(t)
	if err != nil {
		return err
	}
	if err := b.archive(t, program); err != nil {
		return err
	}
	if t.os != "linux" {
		return nil
	}
	if err := b.debian(t, program); err != nil {
		return err
	}
	if err := b.image(t, program); err != nil {
		return err
	}
	return b.materials(t, program)
}

// name is the name of a file of a target.
func (b *build) name(t target, ending string) string {
	return filepath.Join(b.out, fmt.Sprintf("mobileconfig_%s_%s_%s%s", strings.TrimPrefix(b.version, "v"), t.os, t.arch, ending))
}

// A file is one in an archive.
type file struct {
	name string
	mode int64
	data []byte
}

// files are those of an archive, by name.
func (b *build) files(t target, program string) ([]file, error) {
	data, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	name := "mobileconfig"
	if t.os == "windows" {
		name += ".exe"
	}
	all := []file{
		{name, 0o755, data}, {"man/mobileconfig.1", 0o644, b.manual},
		{"completions/mobileconfig.bash", 0o644, b.completions["bash"]}, {"completions/_mobileconfig", 0o644, b.completions["zsh"]},
		{"completions/mobileconfig.fish", 0o644, b.completions["fish"]},
	}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md", "docs/operator.md", "docs/mobileconfig.service"} {
		data, err := os.ReadFile(filepath.Join(b.root, name))
		if err != nil {
			return nil, err
		}
		all = append(all, file{name, 0o644, data})
	}
	slices.SortFunc(all, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	return all, nil
}

// archive writes a tar.gz, or for Windows a zip.
func (b *build) archive(t target, program string) error {
	files, err := b.files(t, program)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if t.os == "windows" {
		w := zip.NewWriter(&out)
		for _, f := range files {
			h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: b.at}
			h.SetMode(os.FileMode(f.mode))
			part, err := w.CreateHeader(h)
			if err == nil {
				_, err = part.Write(f.data)
			}
			if err != nil {
				return err
			}
		}
		if err := w.Close(); err != nil {
			return err
		}
		return os.WriteFile(b.name(t, ".zip"), out.Bytes(), 0o644)
	}
	packed := gzip.NewWriter(&out)
	if err := b.tar(packed, files); err != nil {
		return err
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return os.WriteFile(b.name(t, ".tar.gz"), out.Bytes(), 0o644)
}

// tar writes files that belong to root and are of the time of the commit.
func (b *build) tar(out io.Writer, files []file) error {
	w := tar.NewWriter(out)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: b.at, Format: tar.FormatPAX}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if strings.HasPrefix(f.name, "data") { // the volume of the image
			h.Uid, h.Gid = nobody, nobody
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(f.data); err != nil {
			return err
		}
	}
	return w.Close()
}

// zipped is data in gzip form, without a name and a time.
func zipped(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(data)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// checksums writes SHA256SUMS of all files.
func (b *build) checksums() error {
	entries, err := os.ReadDir(b.out)
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(b.out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%x  %s\n", sha256.Sum256(data), e.Name())
	}
	return os.WriteFile(filepath.Join(b.out, "SHA256SUMS"), []byte(out.String()), 0o644)
}
