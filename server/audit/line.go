package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// MaxLine is the maximum size in bytes of a line of an export.
const MaxLine = 1 << 20

// A line is a record in an export. Leaf and personal text are strings, not
// objects, because their exact bytes matter.
type line struct {
	// KeyChange stands alone in its line.
	KeyChange string `json:"key_change,omitempty"`

	Seq      int64   `json:"seq,omitempty"`
	Time     string  `json:"time,omitempty"` // RFC 3339, UTC, milliseconds
	Hash     string  `json:"hash,omitempty"` // base64
	Leaf     *string `json:"leaf,omitempty"`
	Personal *string `json:"personal,omitempty"`
	Salt     string  `json:"salt,omitempty"` // base64
}

const lineTime = "2006-01-02T15:04:05.000Z07:00"

// Line returns the record as a line of an export, including the newline.
func (r Record) Line() ([]byte, error) {
	data, err := encode(line{
		Seq: r.Seq, Time: r.At.UTC().Format(lineTime), Hash: base64.StdEncoding.EncodeToString(r.Hash),
		Leaf: optional(r.Leaf), Personal: optional(r.Personal), Salt: base64.StdEncoding.EncodeToString(r.Salt),
	})
	return append(data, '\n'), err
}

func optional(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

// A Line is what a line of an export holds: a record, or a statement that the key
// of the log was replaced.
type Line struct {
	Record
	KeyChange []byte // nil: it is a record
}

// ParseLine reads what Line returned, or Part.Lines, with or without its end. A
// member that it doesn't know is an error.
func ParseLine(data []byte) (Line, error) {
	if len(data) > MaxLine {
		return Line{}, errors.New("the line is too long")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var l line
	if err := d.Decode(&l); err != nil {
		return Line{}, fmt.Errorf("not a line of an exported log: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Line{}, errors.New("not a line of an exported log: there is something after it")
	}
	if l.KeyChange != "" {
		if l != (line{KeyChange: l.KeyChange}) {
			return Line{}, errors.New("not a line of an exported log: the statement that a key was replaced doesn't stand alone")
		}
		return Line{KeyChange: []byte(l.KeyChange)}, nil
	}
	r, err := l.record()
	return Line{Record: r}, err
}

func (l line) record() (Record, error) {
	at, err := time.Parse(lineTime, l.Time)
	if err != nil {
		return Record{}, errors.New("not a line of an exported log: its time isn't in RFC 3339 format")
	}
	hash, err1 := base64.StdEncoding.DecodeString(l.Hash)
	salt, err2 := base64.StdEncoding.DecodeString(l.Salt)
	if errors.Join(err1, err2) != nil {
		return Record{}, errors.New("not a line of an exported log: its hash or salt isn't base64")
	}
	if l.Salt == "" {
		salt = nil
	}
	return Record{Seq: l.Seq, At: at.UTC(), Leaf: bytesOf(l.Leaf), Personal: bytesOf(l.Personal), Salt: salt, Hash: hash}, nil
}

func bytesOf(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}
