package batch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// A jsonSource reads JSON Lines: an object with strings in each line. Keys are
// columns; any line may add new ones.
type jsonSource struct {
	text    *bufio.Reader
	options Options
	line    int
	columns []Column
	index   map[string]int // of a key
	first   *record
}

// peek reads the first object, which says whether this is a valid input.
func (s *jsonSource) peek() error {
	r, err := s.following()
	if err != nil {
		return err
	}
	if r.problem == nil {
		if err := s.options.check(s.columns); err != nil {
			return err
		}
	}
	s.first = &r
	return nil
}

func (s *jsonSource) all() []Column { return s.columns }

func (s *jsonSource) next() (record, error) {
	if r := s.first; r != nil {
		s.first = nil
		return *r, nil
	}
	return s.following()
}

// following reads the next line that isn't blank.
func (s *jsonSource) following() (record, error) {
	for {
		line, err := s.text.ReadSlice('\n')
		s.line++
		if errors.Is(err, bufio.ErrBufferFull) {
			return record{}, unusable(TooLarge, s.line, "It's longer than %d bytes.", maxRecord)
		}
		if err != nil && err != io.EOF {
			return record{}, err
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return s.object(line)
		}
		if err != nil {
			return record{}, io.EOF
		}
	}
}

// object reads the object of a line.
func (s *jsonSource) object(line []byte) (record, error) {
	r := record{line: s.line}
	refuse := func(code Code, detail string) (record, error) {
		r.cells, r.problem = nil, &Problem{Row: s.line, Code: code, Detail: detail}
		return r, nil
	}
	if !utf8.Valid(line) {
		return refuse(NotUTF8, "it isn't UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return refuse(Malformed, "it isn't a JSON object")
	}
	seen := map[int]bool{}
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return refuse(Malformed, "it isn't a JSON object")
		}
		i, err := s.column(name)
		if err != nil {
			return r, err
		}
		if seen[i] {
			return refuse(Malformed, "it has a key twice")
		}
		seen[i] = true
		if err := s.set(&r, i, value); err != nil {
			return r, err
		}
	}
	if _, err := d.Token(); err != nil {
		return refuse(Malformed, "it isn't a JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return refuse(Malformed, "there is something after the object")
	}
	r.columns = s.columns[:len(s.columns):len(s.columns)]
	return r, s.settle(&r, seen)
}

// column returns the position of a key.
func (s *jsonSource) column(key string) (int, error) {
	if i, ok := s.index[key]; ok {
		return i, nil
	}
	if len(s.columns) == maxColumns {
		return 0, unusable(TooLarge, s.line, "There are more than %d different keys.", maxColumns)
	}
	c, err := s.options.column(key)
	if err != nil {
		return 0, err
	}
	s.index[key] = len(s.columns)
	s.columns = append(s.columns, c)
	return len(s.columns) - 1, nil
}

// set sets a cell if its column has a field.
func (s *jsonSource) set(r *record, i int, value json.RawMessage) error {
	c := s.columns[i]
	text := string(value)
	switch {
	case text == "null":
		text = ""
	case value[0] == '"':
		if err := json.Unmarshal(value, &text); err != nil {
			return err
		}
	}
	if c.Secret && holdsSecret(text) {
		return secretFound(c, s.line)
	}
	if c.Field == noField {
		return nil
	}
	for len(r.cells) <= i {
		r.cells = append(r.cells, "")
	}
	r.cells[i] = text
	return nil
}

// settle decides which key of the object is used for each field.
func (s *jsonSource) settle(r *record, seen map[int]bool) error {
	r.where = map[Field]int{}
	for i := range s.columns {
		c := s.columns[i]
		if c.Field == noField || !seen[i] {
			continue
		}
		j, taken := r.where[c.Field]
		switch {
		case !taken || c.rank < s.columns[j].rank:
			r.where[c.Field] = i
		case c.rank == s.columns[j].rank:
			return unusable(ColumnTwice, s.line, "The keys %q and %q are both for %s. Remove or rename one.", s.columns[j].Name, c.Name, c.Field)
		}
	}
	return nil
}
