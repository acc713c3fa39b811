package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/batch"
)

// A reporter reports progress, as messages for people or as JSON events.
type reporter struct {
	streams
	events   *json.Encoder // nil: messages for people
	terminal bool
	problems int
}

// shownProblems limits the problems shown to people. errors.csv has all of
// them.
const shownProblems = 20

func newReporter(s streams, asJSON bool) reporter {
	t := reporter{streams: s, terminal: isTerminal(s.err)}
	if asJSON {
		t.events = json.NewEncoder(s.out)
		t.events.SetEscapeHTML(false)
	}
	return t
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// event writes an event, if JSON was requested.
func (t *reporter) event(name string, v any) bool {
	if t.events == nil {
		return false
	}
	data, err := json.Marshal(v)
	if err == nil {
		event := json.RawMessage(fmt.Sprintf("{\"event\":%q,%s", name, strings.TrimPrefix(string(data), "{")))
		t.events.Encode(event)
	}
	return true
}

func (t *reporter) warn(text string) {
	if !t.event("warning", map[string]string{"detail": text}) {
		fmt.Fprintf(t.err, "mobileconfig: warning: %s\n", text)
	}
}

func (t *reporter) problem(p batch.Problem) {
	t.problems++
	if t.event("problem", p) || t.problems > shownProblems {
		return
	}
	where := fmt.Sprintf("row %d", p.Row)
	if p.Column != "" {
		where += fmt.Sprintf(", column %q", p.Column)
	}
	if p.Value != "" {
		where += fmt.Sprintf(" (%s)", p.Value)
	}
	fmt.Fprintf(t.err, "%s: %s [%s]\n", where, p.Detail, p.Code)
}

// checked reports the result of checking the input.
func (t *reporter) checked(p *batch.Plan) {
	if t.event("checked", p.Summary()) {
		return
	}
	if more := t.problems - shownProblems; more > 0 {
		fmt.Fprintf(t.err, "and %d more problems\n", more)
	}
	for _, notice := range p.Notices {
		fmt.Fprintf(t.err, "mobileconfig: note: %s\n", notice)
	}
	for _, c := range p.Columns {
		if c.Field != "" {
			fmt.Fprintf(t.out, "%-24s %s\n", c.Field, c.Name)
		}
	}
	fmt.Fprintf(t.out, "Rows: %d. Good: %d. With problems: %d (%d duplicates). Suspended: %d. Files: %d.\n", p.Read, p.Rows, p.Bad, p.Twice, p.Off, p.Files)
}

// differs reports a file that differs from the one in an earlier batch.
func (t *reporter) differs(how, address string) error {
	if !t.event("difference", map[string]string{"difference": how, "email": address}) {
		_, err := fmt.Fprintf(t.out, "%-8s %s\n", how, address)
		return err
	}
	return nil
}

func (t *reporter) compared(d batch.Difference) {
	if !t.event("compared", d) {
		fmt.Fprintf(t.out, "New: %d. Changed: %d. Unchanged: %d. Removed: %d.\n", d.New, d.Changed, d.Same, d.Gone)
	}
}

func (t *reporter) refused(p *batch.Plan, errorsFile string) {
	if !t.event("refused", map[string]any{"bad": p.Bad, "errors": errorsFile}) {
		fmt.Fprintf(t.err, "mobileconfig: no files were created. Correct the rows in %s, or skip them with --skip-bad-rows.\n", errorsFile)
	}
}

func (t *reporter) finished(p *batch.Plan, b *batch.Batch, output string) {
	archives, errorsFile := b.Names(output)
	files := archives
	if p.Bad > 0 {
		files = append(slices.Clone(archives), errorsFile)
	}
	if t.event("finished", map[string]any{"archives": archives, "rows": p.Rows, "files": p.Files, "bad": p.Bad}) {
		return
	}
	for _, name := range files {
		fmt.Fprintln(t.out, name)
	}
}

// A bar shows the progress of a batch on a terminal or as events.
type bar struct {
	*reporter
	all   int
	now   func() time.Time
	begun time.Time
	from  int // files that already existed
	shown time.Time
	first bool
}

func (t *reporter) bar(all int) *bar {
	return &bar{reporter: t, all: all, now: time.Now, first: true}
}

// A pace is the progress of a batch.
type pace struct {
	Done    int     `json:"done"`
	Of      int     `json:"of"`
	Rate    float64 `json:"rows_per_second"`
	Seconds float64 `json:"seconds_left"`
}

// update shows how many files are done.
func (b *bar) update(done int) {
	now := b.now()
	if b.first {
		b.begun, b.from, b.first = now, done, false
	}
	p := pace{Done: done, Of: b.all}
	if passed := now.Sub(b.begun).Seconds(); passed > 0 && done > b.from {
		p.Rate = float64(done-b.from) / passed
		p.Seconds = float64(b.all-done) / p.Rate
	}
	if b.event("progress", p) || !b.terminal || now.Sub(b.shown) < 100*time.Millisecond && done < b.all {
		return
	}
	b.shown = now
	fmt.Fprintf(b.err, "\r%s\x1b[K", p)
}

// String formats the progress as a line.
func (p pace) String() string {
	const width = 30
	full := 0
	if p.Of > 0 {
		full = width * p.Done / p.Of
	}
	line := fmt.Sprintf("[%s%s] %d of %d", strings.Repeat("#", full), strings.Repeat(".", width-full), p.Done, p.Of)
	if p.Rate > 0 {
		line += fmt.Sprintf(", %.0f rows/s, %s left", p.Rate, time.Duration(p.Seconds*float64(time.Second)).Round(time.Second))
	}
	return line
}

// clear removes the bar from the terminal.
func (b *bar) clear() {
	if b.events == nil && b.terminal && !b.shown.IsZero() {
		fmt.Fprint(b.err, "\r\x1b[K")
	}
}
