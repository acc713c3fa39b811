package batch

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"

	"github.com/updatecase/mobileconfig/server/batch/format"
	"github.com/updatecase/mobileconfig/signing"
)

// A spool is a file that is written sequentially.
type spool struct {
	file *os.File // nil: written elsewhere
	buf  *bufio.Writer
	size int64
	sha  hash.Hash // of what is written, if not nil
}

// A summed spool is a file of the archive that grows with the profiles. It
// keeps the checksums of what was written.
type summed struct {
	*spool
	sum uint32
}

// openSpool opens a file to append after a number of bytes. The rest is
// truncated.
func openSpool(name string, size int64) (*spool, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(size); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := f.Seek(size, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return &spool{file: f, buf: bufio.NewWriterSize(f, 64<<10), size: size}, nil
}

func (s *spool) Write(p []byte) (int, error) {
	if s.sha != nil {
		s.sha.Write(p)
	}
	n, err := s.buf.Write(p)
	s.size += int64(n)
	return n, err
}

func (s *summed) Write(p []byte) (int, error) {
	s.sum = crc32.Update(s.sum, crc32.IEEETable, p)
	return s.spool.Write(p)
}

// resum reads the existing content, and reports whether it has the checksum.
func (s *summed) resum(sum uint32) (bool, error) {
	h := crc32.NewIEEE()
	s.sha = sha256.New()
	_, err := io.Copy(io.MultiWriter(h, s.sha), s.section(0, s.size))
	s.sum = h.Sum32()
	return s.sum == sum, err
}

// section returns the content from one offset to another.
func (s *spool) section(from, to int64) io.Reader { return io.NewSectionReader(s.file, from, to-from) }

// A part is an archive that is being written.
type part struct {
	Archive
	plan  *Plan
	about About

	zip     *format.ZIP
	out     *spool
	csv     summed // manifest.csv
	json    summed // manifest.json
	journal *spool
	sums    signing.Checksums
	made    int // profiles in the archive
	line    []byte
}

// add adds a profile.
func (p *part) add(f *File) error {
	if err := p.addBytes(f.Name, f.Bytes, f.CRC32, f.Digest); err != nil {
		return err
	}
	e := f.entry()
	p.line = e.appendCSV(p.line[:0])
	if _, err := p.csv.Write(p.line); err != nil {
		return err
	}
	p.line = append(p.line[:0], ",\n"...)
	if p.made == 0 {
		p.line = p.line[:0]
	}
	p.made++
	p.line = e.appendJSON(p.line)
	_, err := p.json.Write(p.line)
	return err
}

// begin writes the header of both manifests.
func (p *part) begin() error {
	head, err := p.head()
	if err != nil {
		return err
	}
	if _, err := p.json.Write(head); err != nil {
		return err
	}
	_, err = p.csv.Write(format.AppendCSV(nil, manifestHeader...))
	return err
}

func (p *part) addBytes(name string, data []byte, sum uint32, digest [sha256.Size]byte) error {
	if err := p.sums.Add(name, digest); err != nil {
		return err
	}
	if err := p.zip.Add(name, format.PlainMode, int64(len(data)), sum); err != nil {
		return err
	}
	_, err := p.zip.Write(data)
	return err
}

// addText adds a file whose content is generated twice, because size and
// checksums come before it in the archive.
func (p *part) addText(name string, mode uint32, listed bool, write func(io.Writer) error) error {
	sum, digest, size := crc32.NewIEEE(), sha256.New(), &counter{}
	if err := write(io.MultiWriter(sum, digest, size)); err != nil {
		return err
	}
	if listed {
		if err := p.sums.Add(name, [sha256.Size]byte(digest.Sum(nil))); err != nil {
			return err
		}
	}
	if err := p.zip.Add(name, mode, size.n, sum.Sum32()); err != nil {
		return err
	}
	return write(p.zip)
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// text writes a text.
func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// finish adds the other files, and signs the checksums.
func (p *part) finish(ctx context.Context, errors io.ReaderAt, declare Declare, sign func(context.Context, *signing.Checksums) ([]byte, error)) error {
	if err := p.flush(); err != nil {
		return err
	}
	if err := p.addErrors(errors); err != nil {
		return err
	}
	if p.plan.Devices {
		if err := p.addDevices(); err != nil {
			return err
		}
	}
	declared, err := p.addDeclarations(declare)
	if err != nil {
		return err
	}
	if err := p.addManifests(declared); err != nil {
		return err
	}
	texts := p.replacer("")
	if err := p.addText("README.txt", format.PlainMode, true, text(texts.Replace(readmeText))); err != nil {
		return err
	}
	if err := p.addText("verify.sh", format.ScriptMode, true, text(texts.Replace(verifyText))); err != nil {
		return err
	}
	signature, err := sign(ctx, &p.sums)
	if err != nil {
		return err
	}
	list := func(w io.Writer) error {
		_, err := p.sums.WriteTo(w)
		return err
	}
	if err := p.addText("SHA256SUMS", format.PlainMode, false, list); err != nil {
		return err
	}
	if err := p.addText("SHA256SUMS.p7s", format.PlainMode, false, text(string(signature))); err != nil {
		return err
	}
	line := fmt.Sprintf("%x  SHA256SUMS.p7s\n", sha256.Sum256(signature))
	if err := p.addText("SHA256SUMS.p7s.sha256", format.PlainMode, false, text(line)); err != nil {
		return err
	}
	if err := p.zip.Close(); err != nil {
		return err
	}
	return p.flush()
}

// addErrors adds the skipped rows of this part.
func (p *part) addErrors(errors io.ReaderAt) error {
	head := int64(len(format.AppendCSV(nil, errorsHeader()...)))
	from, to := max(head, p.plan.Chunks[p.First].Errors), p.plan.Errors
	if p.Last < len(p.plan.Chunks) {
		to = p.plan.Chunks[p.Last].Errors
	}
	if p.First == 0 {
		from = head
	}
	if to <= from {
		return nil
	}
	return p.addText("errors.csv", format.PlainMode, true, func(w io.Writer) error {
		if _, err := w.Write(format.AppendCSV(nil, errorsHeader()...)); err != nil {
			return err
		}
		_, err := io.Copy(w, io.NewSectionReader(errors, from, to-from))
		return err
	})
}

func (p *part) addManifests(declared []declared) error {
	end, err := manifestEnd(declared)
	if err != nil {
		return err
	}
	if _, err := p.json.Write(end); err != nil {
		return err
	}
	if err := p.flush(); err != nil {
		return err
	}
	if err := p.addSpool("manifest.csv", &p.csv); err != nil {
		return err
	}
	return p.addSpool("manifest.json", &p.json)
}

func (p *part) addSpool(name string, s *summed) error {
	if err := p.sums.Add(name, [sha256.Size]byte(s.sha.Sum(nil))); err != nil {
		return err
	}
	if err := p.zip.Add(name, format.PlainMode, s.size, s.sum); err != nil {
		return err
	}
	_, err := io.Copy(p.zip, s.section(0, s.size))
	return err
}

// eachRow calls f with the rows of manifest.csv, which are valid only until the
// next one.
func (p *part) eachRow(f func(row []string) error) error {
	r := csv.NewReader(p.csv.section(0, p.csv.size))
	r.ReuseRecord = true
	for header := true; ; header = false {
		row, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err == nil && !header {
			err = f(row)
		}
		if err != nil {
			return err
		}
	}
}

// addDevices adds the script that installs over a cable, if a row of the part
// names an iPhone.
func (p *part) addDevices() error {
	var devices bytes.Buffer
	err := p.eachRow(func(row []string) error {
		file, platform, serial, ecid := row[3], row[15], row[17], row[19]
		if platform != string(IPhone) {
			return nil
		}
		if ecid != "" {
			fmt.Fprintf(&devices, "\t%s) echo %s ;;\n", hexECID(ecid), file)
		}
		if serial != "" {
			fmt.Fprintf(&devices, "\t%s) echo %s ;;\n", serial, file)
		}
		return nil
	})
	if err != nil || devices.Len() == 0 {
		return err
	}
	return p.addText("cfgutil.sh", format.ScriptMode, true, text(p.replacer(devices.String()).Replace(cfgutilText)))
}

// flush writes everything to the operating system.
func (p *part) flush() error {
	for _, s := range []*spool{p.out, p.csv.spool, p.json.spool} {
		if err := s.buf.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// record records in the journal that a chunk is complete.
func (p *part) record(next int) error {
	if err := p.flush(); err != nil {
		return err
	}
	startWriting(p.out.file)
	fmt.Fprintf(p.journal, "%d %d %d %d %d %d\n", next, p.out.size, p.csv.size, p.csv.sum, p.json.size, p.json.sum)
	return p.journal.buf.Flush()
}

func (p *part) close() {
	for _, s := range []*spool{p.out, p.csv.spool, p.json.spool, p.journal} {
		if s != nil && s.file != nil {
			s.file.Close()
		}
	}
}
