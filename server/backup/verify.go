package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/db"
)

// The last two files of a backup describe the others.
const (
	// manifestName is the list of the files, with a hash of each.
	manifestName = "backup.json"
	// sumName is the hash of everything before it.
	sumName = "backup.sha256"
)

func isOwn(name string) bool { return name == manifestName || name == sumName }

// Contents is what a backup holds.
type Contents struct {
	Program string    `json:"program"` // that wrote it
	Created time.Time `json:"created"`
	Files   []File    `json:"files"`
}

// A File is a file in a backup.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 Sum    `json:"sha256"`
}

// A Sum is a SHA-256 hash, in hexadecimal as text.
type Sum []byte

// MarshalText returns the hash in hexadecimal.
func (s Sum) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s), nil }

// UnmarshalText parses what MarshalText returned.
func (s *Sum) UnmarshalText(text []byte) (err error) {
	*s, err = hex.AppendDecode(nil, text)
	return err
}

// ScriptName is the file that fills a PostgreSQL database.
const ScriptName = db.ScriptName

// A DamageError says that a file isn't the backup that was written.
type DamageError struct {
	// Files are the damaged files, as far as that can be determined.
	Files []string
	// Known reports whether Files is complete.
	Known bool
}

// Error names the damaged files that are known.
func (e *DamageError) Error() string {
	switch {
	case len(e.Files) > 0 && e.Known:
		return "the backup is damaged. Damaged files: " + strings.Join(e.Files, ", ")
	case len(e.Files) > 0:
		return "the backup is damaged or incomplete. Damaged are at least " + strings.Join(e.Files, ", ")
	case e.Known:
		return "the backup is damaged, but the files in it are intact"
	}
	return "this isn't a backup, or it is damaged or incomplete"
}

// Verify reads a backup and detects any byte that was changed, removed or added
// since it was written: then the error is a *DamageError.
func Verify(path string, keys Keys) (Contents, error) {
	f, err := os.Open(path)
	if err != nil {
		return Contents{}, err
	}
	defer f.Close()
	return read(f, keys, discard)
}

func discard(string) (io.WriteCloser, error) { return nopCloser{io.Discard}, nil }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// endSize is the length of what ending returns: a header, a block with the
// hash, and the two empty blocks that end an archive.
const endSize = 4 * 512

// ending returns the end of a backup whose other bytes have the hash.
func ending(sum []byte) ([]byte, error) {
	var b bytes.Buffer
	t := tar.NewWriter(&b)
	text := hex.EncodeToString(sum) + "\n"
	if err := t.WriteHeader(header(sumName, int64(len(text)), time.Unix(0, 0))); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(t, text); err != nil {
		return nil, err
	}
	err := t.Close()
	return b.Bytes(), err
}

func (a *archive) addManifest() error {
	data, err := json.Marshal(a.Contents)
	if err != nil {
		return err
	}
	if err := a.tar.WriteHeader(header(manifestName, int64(len(data)), a.Created)); err != nil {
		return err
	}
	_, err = a.tar.Write(data)
	return err
}

// read verifies the backup in f. It writes each file to the writer that to
// returns.
func read(f *os.File, keys Keys, to func(name string) (io.WriteCloser, error)) (Contents, error) {
	data, size, err := opened(f, keys)
	if err != nil {
		return Contents{}, err
	}
	body := max(size-endSize, 0)
	whole := sha256.New()
	in := io.TeeReader(io.NewSectionReader(data, 0, body), whole)
	c, damage, err := readFiles(in, to)
	if err != nil {
		return c, err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return c, damageOr(damage, err)
	}
	end, err := io.ReadAll(io.NewSectionReader(data, body, size-body))
	if err != nil {
		return c, damageOr(damage, err)
	}
	want, err := ending(whole.Sum(nil))
	if err != nil {
		return c, err
	}
	if damage != nil || !bytes.Equal(end, want) {
		if damage == nil {
			damage = &DamageError{Known: true}
		}
		return c, damage
	}
	return c, nil
}

// readFiles reads the files up to the manifest, and the manifest.
func readFiles(in io.Reader, to func(name string) (io.WriteCloser, error)) (c Contents, damage *DamageError, err error) {
	found := map[string]Sum{}
	t := tar.NewReader(in)
	for {
		h, err := t.Next()
		if err != nil {
			return c, &DamageError{}, unlessDamaged(err)
		}
		if h.Name == manifestName {
			break
		}
		sum := sha256.New()
		out, err := to(h.Name)
		if err != nil {
			return c, nil, err
		}
		_, err = io.Copy(io.MultiWriter(out, sum), t)
		if err := errors.Join(unlessDamaged(err), out.Close()); err != nil {
			return c, nil, err
		}
		if err != nil {
			return c, &DamageError{Files: []string{h.Name}}, nil
		}
		found[h.Name] = sum.Sum(nil)
	}
	if err := json.NewDecoder(t).Decode(&c); err != nil {
		return Contents{}, &DamageError{}, unlessDamaged(err)
	}
	return c, c.compare(found), nil
}

// damageOr returns the damage, also if part of it can't be decrypted, and
// otherwise the error.
func damageOr(damage *DamageError, err error) error {
	if !errors.Is(err, errUndecryptable) {
		return err
	}
	if damage == nil {
		damage = &DamageError{}
	}
	return damage
}

// unlessDamaged returns nil for errors in the content, as opposed to errors of
// reading or writing it.
func unlessDamaged(err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return err
	}
	return nil
}

// compare compares the hashes of the files with the manifest.
func (c Contents) compare(found map[string]Sum) *DamageError {
	var changed []string
	for _, f := range c.Files {
		if !bytes.Equal(found[f.Name], f.SHA256) {
			changed = append(changed, f.Name)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return &DamageError{Files: changed, Known: true}
}
