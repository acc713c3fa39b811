package batch

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/unicode"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/batch/format"
)

// A record is a row of the input before it is checked.
type record struct {
	line    int
	columns []Column
	where   map[Field]int
	cells   []string // by column; those without a field are empty
	variant string   // of a manifest
	problem *Problem // why there are no cells
}

// value returns the cell of the field. It may be empty.
func (r *record) value(f Field) string {
	if i, ok := r.where[f]; ok && i < len(r.cells) {
		return r.cells[i]
	}
	return ""
}

// column returns the input's name for the column of the field.
func (r *record) column(f Field) string {
	if i, ok := r.where[f]; ok {
		return r.columns[i].Name
	}
	return ""
}

// A source reads records, and io.EOF at the end. Errors are [*InputError]s, or
// those of the reader below.
type source interface {
	next() (record, error)
	all() []Column // so far
}

// A Reader reads the rows of an input: CSV or JSON Lines.
type Reader struct {
	source
	marked   bool // created by this program: texts may have a mark before them
	manifest bool
}

// NewReader detects the form of an input and its columns. If it can't be used,
// the error is an [*InputError].
func NewReader(r io.Reader, o Options) (*Reader, error) {
	text, first, err := decode(r)
	if err != nil {
		return nil, err
	}
	switch first {
	case '[':
		return nil, unusable(Malformed, 0, "It's a JSON array. Write one object per line; jq -c '.[]' converts it.")
	case '{':
		if o.Manifest {
			return nil, unusable(NoManifest, 0, "It isn't the manifest.csv of a batch.")
		}
		s := &jsonSource{text: text, options: o, index: map[string]int{}}
		if err := s.peek(); err != nil {
			return nil, err
		}
		return &Reader{source: s}, nil
	}
	s, err := newCSVSource(text, o)
	if err != nil {
		return nil, err
	}
	marked := has(s.columns, "error code", "error") || has(s.columns, "profile identifier", "content sha256")
	if o.Manifest {
		return &Reader{source: &manifestSource{csv: s}, marked: true, manifest: true}, nil
	}
	return &Reader{source: s, marked: marked}, nil
}

// Columns returns the columns and how they are used. JSON input may add more
// later.
func (r *Reader) Columns() []Column { return r.all() }

// has reports whether there are columns of the folded names.
func has(columns []Column, names ...string) bool {
	for _, name := range names {
		if index(columns, name) < 0 {
			return false
		}
	}
	return true
}

func index(columns []Column, folded string) int {
	for i, c := range columns {
		if c.folded == folded {
			return i
		}
	}
	return -1
}

// decode returns the text of an input as UTF-8, and its first byte that isn't
// blank.
func decode(r io.Reader) (text *bufio.Reader, first byte, err error) {
	b := bufio.NewReaderSize(r, maxRecord)
	start, err := b.Peek(1024)
	if err != nil && err != io.EOF {
		return nil, 0, err
	}
	bom16 := bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff"))
	switch {
	case bytes.HasPrefix(start, []byte("PK\x03\x04")), bytes.HasPrefix(start, []byte("\xd0\xcf\x11\xe0")):
		return nil, 0, unusable(Malformed, 0, "It's a spreadsheet or an archive. Save it as CSV (UTF-8).")
	case bytes.HasPrefix(start, []byte("\xff\xfe\x00\x00")), !bom16 && bytes.IndexByte(start, 0) >= 0:
		return nil, 0, unusable(NotUTF8, 0, "It's neither UTF-8 nor UTF-16 with a byte order mark. Save it as CSV (UTF-8).")
	case bom16:
		b = bufio.NewReaderSize(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(b), maxRecord)
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		b.Discard(3)
	}
	if start, err = b.Peek(1024); err != nil && err != io.EOF {
		return nil, 0, err
	}
	if start = bytes.TrimLeft(start, " \t\r\n"); len(start) == 0 {
		return nil, 0, unusable(Empty, 0, "It's empty.")
	}
	return b, start[0], nil
}

// A csvSource reads CSV.
type csvSource struct {
	csv     *csv.Reader
	limit   *format.Limited
	above   int // lines before the header
	columns []Column
	where   map[Field]int
	secrets []int
	pending []record // rows read ahead to find out what columns contain
}

func newCSVSource(text *bufio.Reader, o Options) (*csvSource, error) {
	s := &csvSource{limit: &format.Limited{R: text}}
	comma, err := s.skip(text)
	if err != nil {
		return nil, err
	}
	s.csv = csv.NewReader(s.limit)
	s.csv.FieldsPerRecord = -1
	if s.csv.Comma = comma; comma == 0 {
		s.csv.Comma = delimiter(text)
	}
	header, line, err := s.read()
	switch {
	case err == io.EOF:
		return nil, unusable(Empty, 0, "It's empty.")
	case errors.As(err, new(*csv.ParseError)):
		return nil, unusable(Malformed, line, "The quotes in the first row don't match. In a value with quotes, double each of them and put quotes around the value.")
	case err != nil:
		return nil, err
	case len(header) > maxColumns:
		return nil, unusable(TooLarge, 0, "It has %d columns. The maximum is %d.", len(header), maxColumns)
	}
	if err := s.recognize(header, o); err != nil {
		return nil, err
	}
	return s, nil
}

// skip skips the lines that programs write before the header: Entra's version,
// PowerShell's type, Excel's separator, which it returns.
func (s *csvSource) skip(text *bufio.Reader) (comma rune, err error) {
	const most = 3
	for s.above < most {
		start, _ := text.Peek(5)
		low := strings.ToLower(string(start))
		if low != "versi" && low != "#type" && !strings.HasPrefix(low, "sep=") {
			return comma, nil
		}
		line, err := text.Peek(maxRecord)
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		} else if err == nil {
			return 0, unusable(TooLarge, s.above+1, "It's longer than %d bytes.", maxRecord)
		}
		if low == "versi" && !bytes.HasPrefix(bytes.ToLower(line), []byte("version:v")) {
			return comma, nil
		}
		if strings.HasPrefix(low, "sep=") && len(line) > 4 && bytes.IndexByte([]byte(",;\t"), line[4]) >= 0 {
			comma = rune(line[4])
		}
		text.Discard(len(line))
		s.above++
	}
	return comma, nil
}

// delimiter returns the most frequent separator in the first line.
func delimiter(text *bufio.Reader) rune {
	start, _ := text.Peek(8 << 10)
	counts := map[rune]int{}
	quoted := false
	for _, c := range string(start) {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n' && len(counts) > 0:
			return most(counts)
		case c == ',' || c == ';' || c == '\t':
			counts[c]++
		}
	}
	return most(counts)
}

func most(counts map[rune]int) rune {
	best := ','
	for _, c := range ",;\t" {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return best
}

// read reads a record. It returns the line also with an error.
func (s *csvSource) read() (cells []string, line int, err error) {
	s.limit.Left = maxRecord
	cells, err = s.csv.Read()
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, parse.StartLine + s.above, err
	}
	if errors.Is(err, format.ErrTooLong) {
		return nil, 0, unusable(TooLarge, 0, "The row after byte %d is longer than %d bytes. A closing quote may be missing.", s.csv.InputOffset(), maxRecord)
	}
	if err != nil {
		return nil, 0, err
	}
	line, _ = s.csv.FieldPos(0)
	return cells, line + s.above, nil
}

// recognize finds out what the columns contain.
func (s *csvSource) recognize(header []string, o Options) error {
	for _, name := range header {
		if _, err := profile.ParseAddress(name); err == nil {
			return unusable(NoHeader, 0, "The first row has an address instead of column names. Add a first line with the column names, for example: email,display_name")
		}
		c, err := o.column(name)
		if err != nil {
			return err
		}
		c.kept = o.Manifest && c.isOurs()
		s.columns = append(s.columns, c)
	}
	if err := o.check(s.columns); err != nil {
		return err
	}
	if o.Manifest && !has(s.columns, "row", "email", "profile identifier", "content sha256", "status", "platform", "variant") {
		return unusable(NoManifest, 0, "It isn't the manifest.csv of a batch.")
	}
	for i, c := range s.columns {
		if c.Secret {
			s.secrets = append(s.secrets, i)
		}
	}
	if err := s.disambiguate(); err != nil {
		return err
	}
	if err := settle(s.columns); err != nil {
		return err
	}
	s.where = whereOf(s.columns)
	return needAddress(s.where)
}

// disambiguate removes the field from ambiguous columns if their first value,
// in the rows read ahead, isn't an address.
func (s *csvSource) disambiguate() error {
	const rows = 64
	var open []int
	for i, c := range s.columns {
		if c.Field == Email && c.rank > 0 && isAmbiguous(c.folded) {
			open = append(open, i)
		}
	}
	for n := 0; n < rows && len(open) > 0; n++ {
		r, err := s.following()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		s.pending = append(s.pending, r)
		rest := open[:0]
		for _, i := range open {
			switch {
			case i >= len(r.cells) || strings.TrimSpace(r.cells[i]) == "":
				rest = append(rest, i)
			case !strings.Contains(r.cells[i], "@") && index(s.columns, "domain") < 0:
				s.columns[i].Field = noField
			}
		}
		open = rest
	}
	for _, i := range open { // there is no value to prove it
		s.columns[i].Field = noField
	}
	return nil
}

// whereOf returns the column of each field.
func whereOf(columns []Column) map[Field]int {
	where := map[Field]int{}
	for i, c := range columns {
		if c.Field != noField {
			where[c.Field] = i
		}
	}
	return where
}

// needAddress refuses an input without a column for addresses. The error
// doesn't repeat the column names: if the header is missing, they are values.
func needAddress(where map[Field]int) error {
	_, email := where[Email]
	_, local := where[LocalPart]
	_, domain := where[MailDomain]
	if email || local && domain {
		return nil
	}
	return unusable(ColumnMissing, 0, "No column name says that it has addresses. Rename one to email, or choose one. If the file has no header, add a first line with the column names, for example: email,display_name")
}

func (s *csvSource) all() []Column { return s.columns }

// next returns the next row that isn't empty.
func (s *csvSource) next() (record, error) {
	for {
		var r record
		var err error
		if len(s.pending) > 0 {
			r, s.pending = s.pending[0], s.pending[1:]
		} else if r, err = s.following(); err != nil {
			return r, err
		}
		r.columns, r.where = s.columns, s.where
		if r.problem != nil {
			return r, nil
		}
		if blank, err := s.clear(&r); err != nil || !blank {
			return r, err
		}
	}
}

// following reads the next record. Wrong quotes are a problem of the row.
func (s *csvSource) following() (record, error) {
	cells, line, err := s.read()
	if errors.As(err, new(*csv.ParseError)) {
		return record{line: line, problem: &Problem{Row: line, Code: Malformed, Detail: "the quotes don't match: in a value with quotes, double each of them and put quotes around the value"}}, nil
	}
	return record{line: line, cells: cells}, err
}

// clear removes values without a field from the record, and refuses secrets. It
// reports whether the row is empty.
func (s *csvSource) clear(r *record) (blank bool, err error) {
	for _, i := range s.secrets {
		if i < len(r.cells) && holdsSecret(r.cells[i]) {
			return false, secretFound(s.columns[i], r.line)
		}
	}
	blank = true
	for _, cell := range r.cells {
		blank = blank && strings.TrimSpace(cell) == ""
	}
	if n := len(s.columns); len(r.cells) != n && (len(r.cells) < n || strings.Join(r.cells[n:], "") != "") {
		r.problem = &Problem{Row: r.line, Code: CellsMismatch, Detail: fmt.Sprintf("it has %d values, but the header has %d; put quotes around values that contain the separator", len(r.cells), n)}
		r.cells = nil
		return blank, nil
	}
	r.cells = r.cells[:len(s.columns)]
	for i := range r.cells {
		if s.columns[i].Field == noField && !s.columns[i].kept {
			r.cells[i] = ""
		}
	}
	return blank, nil
}

// holdsSecret reports whether the cell of a column for secrets contains one.
// Exports have stars for what they hide.
func holdsSecret(cell string) bool { return strings.Trim(cell, "* \t\r\n") != "" }

func secretFound(c Column, line int) error {
	return unusable(SecretFound, line, "The column %q contains passwords or other secrets. Profiles never contain any: remove the column, or drop it.", c.Name)
}

// Join reads several inputs one after the other, for example the manifests of
// the parts of one batch.
func Join(readers ...*Reader) *Reader {
	if len(readers) == 1 {
		return readers[0]
	}
	return &Reader{source: &joined{readers: readers, first: readers[0]}, marked: readers[0].marked}
}

type joined struct {
	readers []*Reader
	first   *Reader
}

func (j *joined) all() []Column { return j.first.all() }

func (j *joined) next() (record, error) {
	for len(j.readers) > 0 {
		r, err := j.readers[0].next()
		if err != io.EOF {
			return r, err
		}
		j.readers = j.readers[1:]
	}
	return record{}, io.EOF
}
