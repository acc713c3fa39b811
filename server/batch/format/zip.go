package format

import (
	"encoding/binary"
	"errors"
	"io"
)

// A ZIP writes an archive of stored files whose sizes and checksums are known
// in advance: no data descriptors, no ZIP64, and only the earliest time that
// ZIP supports. archive/zip would write the same, but it keeps half a kilobyte
// in many small pieces for each file until the end, which the garbage collector
// scans over and over.
type ZIP struct {
	w         io.Writer
	size      int64
	files     int
	directory []byte
	fixed     [localSize]byte
}

// NewZIP returns a ZIP that writes to w. It has memory for the directory entries
// of a number of files whose names have so many bytes together, and takes more if
// it needs more.
func NewZIP(w io.Writer, files, names int) *ZIP {
	return &ZIP{w: w, directory: make([]byte, 0, files*centralSize+names)}
}

// Sizes of the header of a file, of its directory entry, and of the end.
const (
	localSize   = 30
	centralSize = 46
	endSize     = 22
)

// Signatures, and what is the same for all files.
const (
	LocalSignature   = 0x04034b50
	centralSignature = 0x02014b50
	endSignature     = 0x06054b50
	zipVersion       = 20
	madeOnUnix       = 3 << 8
	firstDate        = 1<<5 | 1 // 1980-01-01
)

// The modes of files.
const (
	PlainMode  = 0o100644
	ScriptMode = 0o100755
)

var errZipFull = errors.New("format: the archive would need ZIP64")

// Add writes the header of a file whose content has the size and the CRC-32.
// The caller writes the content with Write.
func (z *ZIP) Add(name string, mode uint32, size int64, sum uint32) error {
	const end = 1<<32 - 1
	if z.files == 1<<16-2 || z.size+localSize+int64(len(name))+size+int64(len(z.directory))+centralSize+int64(len(name))+endSize >= end {
		return errZipFull
	}
	offset := uint32(z.size)
	le := binary.LittleEndian
	b := le.AppendUint32(z.fixed[:0], LocalSignature)
	shared := func(b []byte) []byte {
		b = le.AppendUint16(b, zipVersion)
		b = le.AppendUint16(b, 0) // flags
		b = le.AppendUint16(b, 0) // stored
		b = le.AppendUint16(b, 0) // midnight
		b = le.AppendUint16(b, firstDate)
		b = le.AppendUint32(b, sum)
		b = le.AppendUint32(b, uint32(size))
		b = le.AppendUint32(b, uint32(size))
		b = le.AppendUint16(b, uint16(len(name)))
		return le.AppendUint16(b, 0) // extra
	}
	if _, err := z.Write(shared(b)); err != nil {
		return err
	}
	if _, err := io.WriteString(z, name); err != nil {
		return err
	}
	z.files++
	d := le.AppendUint32(z.directory, centralSignature)
	d = le.AppendUint16(d, madeOnUnix|zipVersion)
	d = shared(d)
	d = le.AppendUint16(d, 0) // comment
	d = le.AppendUint16(d, 0) // disk
	d = le.AppendUint16(d, 0) // internal attributes
	d = le.AppendUint32(d, mode<<16)
	d = le.AppendUint32(d, offset)
	z.directory = append(d, name...)
	return nil
}

// Write writes part of the content of the last file.
func (z *ZIP) Write(p []byte) (int, error) {
	n, err := z.w.Write(p)
	z.size += int64(n)
	return n, err
}

// Close writes the directory.
func (z *ZIP) Close() error {
	le := binary.LittleEndian
	offset := z.size
	if _, err := z.Write(z.directory); err != nil {
		return err
	}
	b := le.AppendUint32(nil, endSignature)
	b = le.AppendUint32(b, 0) // disks
	b = le.AppendUint16(b, uint16(z.files))
	b = le.AppendUint16(b, uint16(z.files))
	b = le.AppendUint32(b, uint32(len(z.directory)))
	b = le.AppendUint32(b, uint32(offset))
	b = le.AppendUint16(b, 0) // comment
	_, err := z.Write(b)
	return err
}
