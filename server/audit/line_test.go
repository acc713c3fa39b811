package audit_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/audit"
)

// The form of an export is published.
func TestLineGolden(t *testing.T) {
	r := someLog(t, 1)[0].Record
	r.Leaf, r.Personal = []byte(`{"v":1,"changes":"<&>"}`), []byte("{}\u2028")
	line, err := r.Line()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"seq":1,"time":"2026-03-01T11:30:46.678Z","hash":"` + strings.Split(string(line), `"`)[9] + `",` +
		`"leaf":"{\"v\":1,\"changes\":\"<&>\"}","personal":"{}\u2028","salt":"MDAwMDAwMDAwMDAwMDAwMQ=="}` + "\n"
	if string(line) != want {
		t.Errorf("the line is\n%swant\n%s", line, want)
	}
}

func TestLineReadsBack(t *testing.T) {
	for _, r := range someLog(t, 3) {
		for _, r := range []audit.Record{r.Record, erased(r).Record, bare(r).Record} {
			line, err := r.Line()
			if err != nil {
				t.Fatal(err)
			}
			got, err := audit.ParseLine(line)
			if err != nil || !reflect.DeepEqual(got, audit.Line{Record: r}) {
				t.Errorf("%s was read as %v, %v", line, got, err)
			}
		}
	}
}

func TestParseLineRefuses(t *testing.T) {
	line, err := someLog(t, 1)[0].Line()
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"nothing":         "",
		"no object":       "7",
		"too long":        strings.Repeat(" ", audit.MaxLine) + string(line),
		"two":             string(line) + string(line),
		"unknown member":  strings.Replace(string(line), `"salt"`, `"sugar"`, 1),
		"a key change":    strings.Replace(string(line), `{`, `{"key_change":"x",`, 1),
		"time":            strings.Replace(string(line), "2026", "26", 1),
		"hash not base64": strings.Replace(string(line), `"hash":"`, `"hash":"!`, 1),
	} {
		if _, err := audit.ParseLine([]byte(bad)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	for _, r := range someLog(f, 1) {
		for _, r := range []audit.Record{r.Record, bare(r).Record} {
			line, err := r.Line()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(line)
		}
	}
	f.Add([]byte(`{"key_change":"x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := audit.ParseLine(data)
		if err != nil {
			return
		}
		line, err := r.Line()
		if r.KeyChange != nil {
			line, err = audit.Part{KeyChanges: [][]byte{r.KeyChange}}.Lines()
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := audit.ParseLine(line)
		if err != nil || again.Seq != r.Seq || !again.At.Equal(r.At) || !bytes.Equal(again.Leaf, r.Leaf) || !bytes.Equal(again.KeyChange, r.KeyChange) {
			t.Errorf("%q was read as %v and then as %v, %v", data, r, again, err)
		}
	})
}
