package db_test

import (
	"database/sql"
	"reflect"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/db"
)

// A record has a field for each codec.
type record struct {
	Text   string
	Data   []byte
	Time   time.Time
	Bool   bool
	Int    int
	Grace  time.Duration
	Empty  string
	Words  []string
	Binary string
}

func (r *record) columns() []db.Column {
	return []db.Column{
		db.Col("text", &r.Text), db.Col("data", &r.Data), db.Col("time", db.Time(&r.Time)), db.Col("bool", db.Bool(&r.Bool)),
		db.Col("int", db.Int(&r.Int)), db.Col("grace", db.Minutes(&r.Grace)), db.Col("empty", db.Optional(&r.Empty)),
		db.Col("words", db.Words(&r.Words)), db.Col("binary", db.Binary(&r.Binary)),
	}
}

// TestCodecs checks that each codec reads what it has stored, reads NULL as the
// zero value, and refuses other types.
func TestCodecs(t *testing.T) {
	full := record{"text", []byte("data"), time.UnixMilli(1234).UTC(), true, 5, 15 * time.Minute, "some", []string{"a", "b"}, "\x00\xff"}
	for name, tt := range map[string]struct {
		in   record
		want []any
	}{
		"full":  {full, []any{"text", []byte("data"), int64(1234), int64(1), int64(5), int64(15), "some", "a b", []byte("\x00\xff")}},
		"empty": {record{}, []any{"", nil, int64(0), int64(0), int64(0), int64(0), nil, "", nil}},
	} {
		var out record
		to := out.columns()
		for i, c := range tt.in.columns() {
			stored := c.Value()
			if !reflect.DeepEqual(stored, tt.want[i]) {
				t.Errorf("%s: %s is stored as %#v, want %#v", name, c.Name, stored, tt.want[i])
			}
			if s, ok := to[i].At.(sql.Scanner); ok {
				if err := s.Scan(stored); err != nil {
					t.Errorf("%s: %s: %v", name, c.Name, err)
				}
			}
		}
		out.Text, out.Data = tt.in.Text, tt.in.Data // types that the drivers return
		if !reflect.DeepEqual(out, tt.in) {
			t.Errorf("%s: read as %+v, want %+v", name, out, tt.in)
		}
	}
	out := full
	for _, c := range out.columns() {
		s, ok := c.At.(sql.Scanner)
		if !ok {
			continue
		}
		if err := s.Scan(1.5); err == nil {
			t.Errorf("%s takes a float", c.Name)
		}
		if err := s.Scan(nil); err != nil {
			t.Errorf("%s takes no NULL: %v", c.Name, err)
		}
	}
	if want := (record{Text: full.Text, Data: full.Data}); !reflect.DeepEqual(out, want) {
		t.Errorf("NULLs are read as %+v", out)
	}
}
