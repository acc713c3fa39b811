package batch

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/updatecase/mobileconfig/profile"
)

// texts returns the fields of the row in the order in which they are written.
func (r *Row) texts(address *string) [12]*string {
	return [...]*string{address, &r.Person.Name, &r.Person.Login, &r.Person.Locale, (*string)(&r.Platforms), (*string)(&r.Variant),
		&r.Group, &r.ExternalID, &r.Serial, &r.UDID, &r.ECID, &r.Note}
}

// appendRow appends the row in the form that ReadRows reads.
func appendRow(out []byte, r *Row) []byte {
	address := r.Person.Address.String()
	out = binary.AppendUvarint(out, uint64(r.Line))
	for _, text := range r.texts(&address) {
		out = binary.AppendUvarint(out, uint64(len(*text)))
		out = append(out, *text...)
	}
	return out
}

// ReadRows reads rows that Check has written: those of one chunk, or several.
func ReadRows(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		b := bufio.NewReaderSize(r, 64<<10)
		for {
			row, err := readRow(b)
			if err == io.EOF || !yield(row, err) || err != nil {
				return
			}
		}
	}
}

var errRows = errors.New("batch: the checked rows are damaged")

func readRow(b *bufio.Reader) (row Row, err error) {
	line, err := binary.ReadUvarint(b)
	if err != nil {
		return row, err // io.EOF between two rows
	}
	row.Line = int(line)
	var address string
	for _, text := range row.texts(&address) {
		size, err := binary.ReadUvarint(b)
		if err != nil || size > maxRecord {
			return row, errRows
		}
		if *text, err = readText(b, int(size)); err != nil {
			return row, errRows
		}
	}
	if row.Person.Address, err = profile.ParseAddress(address); err != nil {
		return row, errRows
	}
	return row, nil
}

func readText(b *bufio.Reader, size int) (string, error) {
	start, err := b.Peek(size)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errRows, err)
	}
	text := string(start)
	_, err = b.Discard(size)
	return text, err
}
