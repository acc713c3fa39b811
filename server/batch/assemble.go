package batch

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"iter"
	"path/filepath"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/signing"
)

// maxFile is the maximum size of a signed profile in bytes.
const maxFile = 1 << 20

var errFiles = errors.New("batch: the created files are damaged")

// AppendFile appends the file with its row, in the form that ReadFiles reads.
func AppendFile(out []byte, f *File) []byte {
	out = appendRow(out, f.Row)
	for _, text := range [...]string{string(f.What.Platform), string(f.What.Variant), f.Name, f.Identifier, f.Content} {
		out = append(binary.AppendUvarint(out, uint64(len(text))), text...)
	}
	out = binary.LittleEndian.AppendUint32(append(out, f.Digest[:]...), f.CRC32)
	return append(binary.AppendUvarint(out, uint64(len(f.Bytes))), f.Bytes...)
}

// ReadFiles reads files that AppendFile has appended to each other. A file is
// valid only until the next one is read.
func ReadFiles(r io.Reader) iter.Seq2[*File, error] {
	return func(yield func(*File, error) bool) {
		b, f := bufio.NewReaderSize(r, 1<<20), &File{Row: new(Row)}
		for {
			err := f.read(b)
			if err == io.EOF || !yield(f, err) || err != nil {
				return
			}
		}
	}
}

func (f *File) read(b *bufio.Reader) (err error) {
	if *f.Row, err = readRow(b); err != nil {
		return err // io.EOF between two files
	}
	for _, text := range [...]*string{(*string)(&f.What.Platform), (*string)(&f.What.Variant), &f.Name, &f.Identifier, &f.Content} {
		size, err := binary.ReadUvarint(b)
		if err != nil || size > maxRecord {
			return errFiles
		}
		if *text, err = readText(b, int(size)); err != nil {
			return errFiles
		}
	}
	var sum [4]byte
	_, digest := io.ReadFull(b, f.Digest[:])
	_, checksum := io.ReadFull(b, sum[:])
	size, err := binary.ReadUvarint(b)
	if err := errors.Join(digest, checksum, err); err != nil || size > maxFile {
		return errFiles
	}
	f.Bytes = resize(f.Bytes, int(size))
	if _, err := io.ReadFull(b, f.Bytes); err != nil {
		return errFiles
	}
	f.CRC32, f.UUID = binary.LittleEndian.Uint32(sum[:]), profile.UUID(f.Identifier)
	if crc32.ChecksumIEEE(f.Bytes) != f.CRC32 {
		return errFiles
	}
	return nil
}

// An Assembly creates one archive of a batch from files that were created
// before, here or elsewhere.
type Assembly struct {
	Plan    *Plan
	About   About
	Archive Archive
	// Files are those of the archive's chunks, in their order.
	Files iter.Seq2[*File, error]
	// Errors is errors.csv.
	Errors io.ReaderAt
	// Declare is required if the plan has declarations.
	Declare Declare
	// Out receives the archive.
	Out io.Writer
	// Sign signs the checksums.
	Sign func(context.Context, *signing.Checksums) ([]byte, error)
}

// A ZIP is an archive that was written.
type ZIP struct {
	Size   int64  // in bytes
	Digest string // SHA-256 in hex
}

// outBuffer is how many bytes of an archive are written at a time.
const outBuffer = 1 << 20

// Write writes the archive, and its manifest.csv to a new file in the folder,
// whose path it returns.
func (a *Assembly) Write(ctx context.Context, folder string) (archive ZIP, manifest string, err error) {
	base := filepath.Join(folder, "archive")
	p := &part{Archive: a.Archive, plan: a.Plan, about: a.About}
	defer p.close()
	p.out = &spool{buf: bufio.NewWriterSize(a.Out, outBuffer), sha: sha256.New()}
	for ending, s := range map[string]*summed{".csv": &p.csv, ".json": &p.json} {
		if s.spool, err = openSpool(base+ending, 0); err != nil {
			return ZIP{}, "", err
		}
		s.sha = sha256.New()
	}
	p.reset(p.out)
	if err := p.begin(); err != nil {
		return ZIP{}, "", err
	}
	for f, err := range a.Files {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = p.add(f)
		}
		if err != nil {
			return ZIP{}, "", err
		}
	}
	if p.made != p.Files {
		return ZIP{}, "", errFiles
	}
	if err := p.finish(ctx, a.Errors, a.Declare, a.Sign); err != nil {
		return ZIP{}, "", err
	}
	return ZIP{p.out.size, hex.EncodeToString(p.out.sha.Sum(nil))}, p.csv.file.Name(), nil
}

// Digest returns the SHA-256, in hex, of what r reads, and its size.
func Digest(r io.Reader) (digest string, size int64, err error) {
	h := sha256.New()
	size, err = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), size, err
}
