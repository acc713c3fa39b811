package batch

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"

	"github.com/updatecase/mobileconfig/server/batch/format"
)

// A part has four temporary files: the archive, the rows of both manifests, and
// a journal with a line for each complete chunk. The line is written after
// everything else of the chunk is in the operating system. So after a crash the
// part resumes after the last line that matches the other files.

// doneLine ends the journal of a complete part.
const doneLine = "done"

// A mark is a line of the journal.
type mark struct {
	next            int // the next chunk
	out, csv, json  int64
	csvSum, jsonSum uint32
}

// readJournal returns the marks of a journal in order, and whether the part is
// complete. A truncated line is ignored.
func readJournal(name string) (marks []mark, done bool, err error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	for line := range strings.Lines(string(data)) {
		var m mark
		switch n, _ := fmt.Sscanf(line, "%d %d %d %d %d %d\n", &m.next, &m.out, &m.csv, &m.csvSum, &m.json, &m.jsonSum); {
		case line == doneLine+"\n":
			return marks, true, nil
		case n == 6 && strings.HasSuffix(line, "\n"):
			marks = append(marks, m)
		}
	}
	return marks, false, nil
}

// open opens the files of the part to resume it, and returns the next chunk.
func (p *part) open(base string) (next int, err error) {
	marks, _, err := readJournal(base + ".journal")
	if err != nil {
		return 0, err
	}
	from := mark{next: p.First}
	if n := len(marks); n > 0 {
		from = marks[n-1]
	}
	if err := p.openAt(base, from); err == nil {
		return from.next, nil
	} else if !errors.Is(err, errDamaged) {
		return 0, err
	}
	p.close()
	from = mark{next: p.First}
	return from.next, p.openAt(base, from)
}

// openAt opens the files to resume at the mark. A file that is shorter is
// filled with zeros, which don't match its checksums.
func (p *part) openAt(base string, at mark) (err error) {
	for name, s := range map[string]struct {
		spool **spool
		size  int64
	}{".zip": {&p.out, at.out}, ".csv": {&p.csv.spool, at.csv}, ".json": {&p.json.spool, at.json}, ".journal": {&p.journal, 0}} {
		if *s.spool, err = openSpool(base+name, s.size); err != nil {
			return err
		}
	}
	for s, sum := range map[*summed]uint32{&p.csv: at.csvSum, &p.json: at.jsonSum} {
		if same, err := s.resum(sum); err != nil {
			return err
		} else if !same {
			return errDamaged
		}
	}
	p.reset(&skipper{w: p.out, left: at.out})
	if err := p.replay(at.out); err != nil {
		return err
	}
	if at.next > p.First {
		return p.record(at.next)
	}
	return p.begin()
}

// reset starts an empty archive, which is written to w.
func (p *part) reset(w io.Writer) {
	names := p.Files * usualName
	p.zip, p.made = format.NewZIP(w, p.Files, names), 0
	p.sums.Reset()
	p.sums.Grow(p.Files, names)
}

// usualName is longer than most names of files in an archive.
const usualName = 90

// A skipper skips what is already in the file.
type skipper struct {
	w    io.Writer
	left int64
}

func (s *skipper) Write(p []byte) (int, error) {
	skip := min(s.left, int64(len(p)))
	s.left -= skip
	n, err := s.w.Write(p[skip:])
	return int(skip) + n, err
}

var errDamaged = errors.New("batch: the unfinished archive is damaged")

// localHeader is the fixed part of a file's header in a ZIP archive.
type localHeader struct {
	Signature                           uint32
	Version, Flags, Method, Time, Date  uint16
	CRC32, CompressedSize, OriginalSize uint32
	NameLength, ExtraLength             uint16
}

// replay reads the files in the archive and checks them, so that writing can
// continue as if it had never stopped.
func (p *part) replay(size int64) error {
	r := bufio.NewReaderSize(p.out.section(0, size), 256<<10)
	var name, data []byte
	for read := int64(0); read < size; {
		var h localHeader
		if err := binary.Read(r, binary.LittleEndian, &h); err != nil || h.Signature != format.LocalSignature || h.CompressedSize > 1<<20 {
			return errDamaged
		}
		name, data = resize(name, int(h.NameLength)), resize(data, int(h.CompressedSize))
		if _, err := io.ReadFull(r, name); err != nil {
			return errDamaged
		}
		if _, err := io.ReadFull(r, data); err != nil || crc32.ChecksumIEEE(data) != h.CRC32 {
			return errDamaged
		}
		read += int64(binary.Size(h) + len(name) + len(data))
		if err := p.addBytes(string(name), data, h.CRC32, sha256.Sum256(data)); err != nil {
			return errDamaged
		}
		p.made++
	}
	return nil
}

func resize(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
