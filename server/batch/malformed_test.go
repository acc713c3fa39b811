//go:build !race

package batch_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/batch"
)

// A malformed input is generated at random.
type malformed struct {
	*rand.Rand
}

// pick returns one of several texts.
func (m malformed) pick(texts ...string) string { return texts[m.IntN(len(texts))] }

// cell returns a value of any kind.
func (m malformed) cell() string {
	return m.pick("", "jane@example.com", fmt.Sprintf("j%d@example.com", m.IntN(50)), "Jane", "=cmd|' /C calc'!A0", "@SUM(1)", "+1", "\x00", "a\x00b", "\"", "\"\"", "\"open", "a\"b", "\xff\xfe", "\xed\xa0\x80",
		"M\xfcller", "a\nb", "\r", "\u202e", "\ufeff", "\u200b", "<plist>", "${x}", "../../x", strings.Repeat("x", 5000), strings.Repeat("\"", 7), "\t", ";", ",", "NULL", "\x1b[31m", "é", "e\u0301", "***")
}

// text returns an input that may be valid by accident.
func (m malformed) text() string {
	comma := m.pick(",", ";", "\t")
	end := m.pick("\n", "\r\n", "\r")
	header := []string{m.pick("email", "E-Mail", "mail", "\ufeffemail", "x")}
	for range m.IntN(6) {
		header = append(header, m.pick("name", "login", "locale", "note", "group", "serial", "ecid", "platform", "password", "zzz", "email", "", "domain", m.cell()))
	}
	var out strings.Builder
	out.WriteString(m.pick("", "", "", "version:v1.0"+end, "#TYPE x"+end, "sep="+comma+end, end) + strings.Join(header, comma) + end)
	for range m.IntN(30) {
		n := len(header)
		if m.IntN(8) == 0 {
			n = m.IntN(12)
		}
		for i := range n {
			if i > 0 {
				out.WriteString(comma)
			}
			cell := m.cell()
			if i == 0 && m.IntN(2) == 0 {
				cell = fmt.Sprintf("p%d@example.com", m.IntN(1000))
			}
			if m.IntN(2) == 0 {
				cell = "\"" + strings.ReplaceAll(cell, "\"", "\"\"") + "\""
			}
			out.WriteString(cell)
		}
		out.WriteString(end)
	}
	return out.String()
}

// json returns the same as JSON Lines.
func (m malformed) json() string {
	var out strings.Builder
	for range 1 + m.IntN(20) {
		out.WriteString(m.pick(`{"email":"a%d@example.com","name":"X"}`, `{"email":"a%d@example.com"`, `{"email":%d}`, `[%d]`, `"%d"`, `{"email":"a%d@example.com","email":"b"}`, `{"a%d":{"password":"x"},"email":"c@example.com"}`,
			`{"email":"\u0000%d@example.com"}`, `{"email":"x\ud800%d@example.com"}`, `{}%d`, strings.Repeat(`{"a%d":`, 2000), `{"email":null,"n":%d}`, "\xff{%d", `{"email":"d%d@example.com"} {}`))
		out.WriteString(m.pick("\n", "\r\n", "\n\n", " "))
	}
	text := out.String()
	if text[0] != '{' {
		text = "{}\n" + text
	}
	return strings.ReplaceAll(text, "%d", fmt.Sprint(m.IntN(10)))
}

// input returns the text in an encoding, perhaps truncated or damaged.
func (m malformed) input() string {
	text := m.text()
	if m.IntN(4) == 0 {
		text = m.json()
	}
	text = []func(string) string{encodings["UTF-8"], encodings["UTF-8"], encodings["BOM"], encodings["UTF-16LE"], encodings["UTF-16BE"]}[m.IntN(5)](text)
	switch m.IntN(6) {
	case 0:
		text = text[:m.IntN(len(text))]
	case 1:
		b := []byte(text)
		for range 1 + m.IntN(5) {
			b[m.IntN(len(b))] = byte(m.IntN(256))
		}
		text = string(b)
	}
	return text
}

// TestMalformed checks inputs that are hardly ever valid: each gives rows,
// problems with line and code, or an InputError.
func TestMalformed(t *testing.T) { checkMalformed(t, 2000) }

func checkMalformed(t *testing.T, times int) {
	m := malformed{rand.New(rand.NewPCG(5, 6))}
	outcomes := map[string]int{}
	for range times {
		input := m.input()
		plan, problems, bad, err := check(t, input, choice{})
		switch e, unusable := errors.AsType[*batch.InputError](err); {
		case unusable && e.Code != "" && e.Detail != "":
			outcomes["unusable"]++
			continue
		case err != nil:
			t.Fatalf("%q: %v", input, err)
		case len(problems) == 0:
			outcomes["good"]++
		default:
			outcomes["bad rows"]++
		}
		if plan.Rows+plan.Bad+plan.Off != plan.Read || (plan.Bad > 0) != (len(problems) > 0) || (plan.Bad > 0) != (bad != "") {
			t.Fatalf("%q: %+v, %d problems", input, plan, len(problems))
		}
		for _, p := range problems {
			if p.Row < 1 || p.Code == "" || p.Detail == "" || len(p.Value) > 4 || strings.ContainsAny(p.Detail+p.Column, "\x1b\x00") {
				t.Fatalf("%q: %+v", input, p)
			}
		}
		for _, c := range plan.Columns {
			if strings.ContainsFunc(c.Name, func(r rune) bool { return r < ' ' || r == 0x202e }) {
				t.Fatalf("%q: column %q", input, c.Name)
			}
		}
	}
	t.Logf("%v", outcomes)
	for _, outcome := range []string{"unusable", "bad rows"} {
		if outcomes[outcome] < times/20 {
			t.Errorf("%d inputs of %d: %s", outcomes[outcome], times, outcome)
		}
	}
}

// TestHugeInputs reads 100 MB in every form without an end, and a million bytes
// of rows that do end. It never takes more than 64 MiB above what was in use.
func TestHugeInputs(t *testing.T) { checkHuge(t, 1<<20) }

func checkHuge(t *testing.T, sizeOfRows int) {
	for name, tt := range map[string]struct{ start, more string }{
		"line":               {"email,name\na@example.com,", "xxxxxxxxxxxxxxxx"},
		"header":             {"email,", "xxxxxxxxxxxxxxxx"},
		"columns":            {"email", ",x"},
		"open quote":         {"email,name\na@example.com,\"", "x,y\n"},
		"quotes":             {"email,name\na@example.com,", "\"\""},
		"json line":          {`{"email":"`, "xxxxxxxxxxxxxxxx"},
		"json depth":         {`{"email":`, "[[[[[[[["},
		"json keys":          {"", `{"email":"a@example.com"` + strings.Repeat(`,"x":1`, 20) + "}\n"},
		"blank lines":        {"email\n", "\n\n\n\n\n\n\n\n"},
		"separators":         {"email,name\n", ",\n,\n,\n,\n"},
		"version":            {"version:v1.0", "xxxxxxxxxxxxxxxx"},
		"types":              {"#TYPE\n", "#TYPE\n"},
		"NUL":                {"email\n" + strings.Repeat("a@example.com\n", 200), "\x00"},
		"wide rows":          {"email,note\n", "a@example.com," + strings.Repeat("x", 60_000) + "\n"},
		"UTF-16":             {"\xff\xfee\x00m\x00a\x00i\x00l\x00\n\x00", "x\x00x\x00x\x00x\x00"},
		"problems in a row":  {"email\n", "x\n"},
		"addresses in a row": {"email\n", "a@example.com\n"},
	} {
		t.Run(name, func(t *testing.T) {
			size := 100 << 20
			if strings.HasSuffix(tt.more, "\n") {
				size = sizeOfRows
			}
			reader := &generator{n: size / len(tt.more), row: func(int) string { return tt.more }, next: []byte(tt.start)}
			watched := &watcher{r: reader}
			r, err := batch.NewReader(watched, batch.Options{})
			if err == nil {
				checking := choice{}.checking()
				checking.Rows, checking.Errors = io.Discard, io.Discard
				_, err = batch.Check(t.Context(), r, checking)
			}
			if err != nil && !errors.As(err, new(*batch.InputError)) {
				t.Error(err)
			}
			if watched.peak > 64<<20 {
				t.Errorf("%d MiB in use", watched.peak>>20)
			}
		})
	}
}

// A watcher measures memory use while a reader is read.
type watcher struct {
	r    io.Reader
	n    int
	idle uint64
	peak uint64
}

func (w *watcher) Read(p []byte) (int, error) {
	if w.n%(64<<10) == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if w.idle == 0 {
			w.idle = m.HeapInuse
		}
		w.peak = max(w.peak, m.HeapInuse-min(w.idle, m.HeapInuse))
	}
	n, err := w.r.Read(p)
	w.n += n
	return n, err
}
