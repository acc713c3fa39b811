package batch

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/updatecase/mobileconfig/server/batch/format"
	"github.com/updatecase/mobileconfig/server/ordered"
)

// A Chunk is a run of rows of a spool.
type Chunk struct {
	Rows   int   `json:"rows"`
	Files  int   `json:"files"`
	Offset int64 `json:"offset"` // in the spool
	Size   int64 `json:"size"`
	// Errors is how much of errors.csv belongs to the rows before the chunk.
	Errors int64 `json:"errors"`
}

// A Plan is what a batch will create.
type Plan struct {
	Columns []Column `json:"columns"`
	Notices []string `json:"notices"`
	Read    int      `json:"read"` // rows of the input
	Rows    int      `json:"rows"` // good ones
	Bad     int      `json:"bad"`
	Twice   int      `json:"duplicates"` // of the bad ones
	Off     int      `json:"off"`        // suspended, and therefore skipped
	Files   int      `json:"files"`
	Devices bool     `json:"devices"` // some rows name a device
	// Declarations says that the archives also contain the passcode policies
	// as declarations.
	Declarations bool    `json:"declarations,omitempty"`
	Chunks       []Chunk `json:"chunks,omitempty"`
	Errors       int64   `json:"errors_size,omitempty"` // of errors.csv
}

// A Checking configures the check of rows.
type Checking struct {
	Defaults Defaults
	Orders   Orders
	// Declarations adds the passcode policy of each row's domain, as
	// declarations. Orders has to permit it.
	Declarations bool
	// Rows receives the good rows in order.
	Rows io.Writer
	// Errors receives errors.csv. It stays empty if no row is bad.
	Errors io.Writer
	// Problem, if it isn't nil, is called for each problem, in the order of
	// rows.
	Problem func(Problem)
}

// Rows are checked in blocks: large enough that passing them to goroutines
// costs little, and small enough for memory.
const (
	blockRows  = 200
	blockBytes = 128 << 10
)

// Check reads the whole input. Problems of single rows are reported and the
// plan skips these rows; if the whole input is unusable, the error is an
// [*InputError].
func Check(ctx context.Context, r *Reader, c Checking) (*Plan, error) {
	p := &planner{Checking: c, plan: Plan{Declarations: c.Declarations}, seen: map[uint64]int{}, domains: map[string]bool{}}
	check := checker{marked: r.marked, defaults: c.Defaults, orders: c.Orders, declarations: c.Declarations}
	work := func(_ context.Context, block []record) ([]checked, error) {
		out := make([]checked, len(block))
		for i := range block {
			out[i] = check.check(&block[i])
		}
		return out, nil
	}
	if err := ordered.Do(ctx, r.blocks(), work, p.take); err != nil {
		return nil, err
	}
	p.plan.Columns = r.Columns()
	p.notice(r)
	if p.plan.Read == 0 {
		return nil, unusable(Empty, 0, "It has a header and no rows.")
	}
	return &p.plan, p.flush()
}

// blocks returns the records of the input in blocks.
func (r *Reader) blocks() iter.Seq2[[]record, error] {
	return func(yield func([]record, error) bool) {
		for more := true; more; {
			block := make([]record, 0, blockRows)
			for size := 0; len(block) < blockRows && size < blockBytes; {
				next, err := r.next()
				if err == io.EOF {
					more = false
					break
				}
				if err != nil {
					yield(nil, err)
					return
				}
				for _, cell := range next.cells {
					size += len(cell)
				}
				block = append(block, next)
			}
			if len(block) > 0 && !yield(block, nil) {
				return
			}
		}
	}
}

// A planner collects the results.
type planner struct {
	Checking
	plan Plan
	// seen is the line of each address and platform, by 64 bits of their
	// digest. Among a million addresses, two collide in one of forty million
	// batches; then the second is reported.
	seen    map[uint64]int
	domains map[string]bool // with declarations
	rows    []byte          // not written yet
	errors  []byte
}

func (p *planner) take(block []checked) error {
	for i := range block {
		c := &block[i]
		p.plan.Read++
		if c.off {
			p.plan.Off++
			continue
		}
		if len(c.problems) == 0 {
			p.findTwice(c)
		}
		if len(c.problems) > 0 {
			p.refuse(c)
			continue
		}
		p.accept(&c.row)
		if !p.Declarations {
			continue
		}
		if p.domains[c.row.Person.Address.Domain()] = true; len(p.domains) > declaredDomains {
			return unusable(TooLarge, 0, "It has more than %d email domains. With declarations, split it into smaller lists.", declaredDomains)
		}
	}
	if len(p.rows)+len(p.errors) > 64<<10 {
		return p.flush()
	}
	return nil
}

// findTwice refuses the second row with an address and platform.
func (p *planner) findTwice(c *checked) {
	folded := c.row.Person.Address.Folded()
	platforms := []Platforms{c.row.Platforms}
	if c.row.Platforms == Both {
		platforms = []Platforms{IPhone, Mac}
	}
	for _, platform := range platforms {
		sum := sha256.Sum256([]byte(string(platform) + " " + folded))
		key := binary.LittleEndian.Uint64(sum[:])
		if line, found := p.seen[key]; found {
			p.plan.Twice++
			c.values = c.row.values()
			c.problems = []Problem{{Row: c.row.Line, Column: c.column, Code: AddressTwice, Value: masked(folded),
				Detail: fmt.Sprintf("the row of line %d has the same address and platform", line)}}
			return
		}
		p.seen[key] = c.row.Line
	}
}

func (p *planner) accept(r *Row) {
	plan := &p.plan
	if plan.Rows%ChunkRows == 0 {
		chunk := Chunk{Errors: plan.Errors}
		if n := len(plan.Chunks); n > 0 {
			chunk.Offset = plan.Chunks[n-1].Offset + plan.Chunks[n-1].Size
		}
		plan.Chunks = append(plan.Chunks, chunk)
	}
	chunk := &plan.Chunks[len(plan.Chunks)-1]
	before, files := len(p.rows), len(r.fileKinds())
	p.rows = appendRow(p.rows, r)
	chunk.Rows, chunk.Files, chunk.Size = chunk.Rows+1, chunk.Files+files, chunk.Size+int64(len(p.rows)-before)
	plan.Rows, plan.Files = plan.Rows+1, plan.Files+files
	plan.Devices = plan.Devices || r.Serial != "" || r.ECID != ""
}

func (p *planner) refuse(c *checked) {
	p.plan.Bad++
	var details []string
	for _, problem := range c.problems {
		if p.Problem != nil {
			p.Problem(problem)
		}
		detail := problem.Detail
		if problem.Column != "" {
			detail = problem.Column + ": " + detail
		}
		details = append(details, detail)
	}
	if p.plan.Bad == 1 {
		p.error(errorsHeader())
	}
	values := []string{fmt.Sprint(c.problems[0].Row)}
	for _, f := range kept {
		values = append(values, c.values[f])
	}
	p.error(append(values, string(c.problems[0].Code), strings.Join(details, "; ")))
}

// errorsHeader are the columns of errors.csv.
func errorsHeader() []string {
	header := []string{"row"}
	for _, f := range kept {
		header = append(header, string(f))
	}
	return append(header, "error_code", "error")
}

func (p *planner) error(values []string) {
	before := len(p.errors)
	p.errors = format.AppendCSV(p.errors, values...)
	p.plan.Errors += int64(len(p.errors) - before)
}

func (p *planner) flush() error {
	if _, err := p.Checking.Rows.Write(p.rows); err != nil {
		return err
	}
	_, err := p.Checking.Errors.Write(p.errors)
	p.rows, p.errors = p.rows[:0], p.errors[:0]
	return err
}

// notice describes the unused columns.
func (p *planner) notice(r *Reader) {
	var ignored []string
	for _, c := range p.plan.Columns {
		switch {
		case c.Dropped:
			p.plan.Notices = append(p.plan.Notices, fmt.Sprintf("The column %q was dropped, as you asked.", c.Name))
		case c.Secret:
			p.plan.Notices = append(p.plan.Notices, fmt.Sprintf("The column %q is for secrets, but it's empty. It was dropped.", c.Name))
		case c.Field == noField && !(r.marked && c.isOurs()):
			ignored = append(ignored, fmt.Sprintf("%q", c.Name))
		}
	}
	const shown = 30
	if more := len(ignored) - shown; more > 0 {
		ignored = append(ignored[:shown], fmt.Sprintf("and %d more", more))
	}
	if len(ignored) > 0 {
		p.plan.Notices = append(p.plan.Notices, "These columns are ignored: "+strings.Join(ignored, ", ")+".")
	}
	if p.plan.Off > 0 {
		p.plan.Notices = append(p.plan.Notices, fmt.Sprintf("%d rows were skipped, because their status says suspended, blocked or similar.", p.plan.Off))
	}
}

// Summary returns the plan without its chunks.
func (p *Plan) Summary() Plan {
	s := *p
	s.Chunks = nil
	return s
}

// An Archive is one of the archives of a plan.
type Archive struct {
	Number, Of  int // starting at 1
	First, Last int // chunks, last exclusive
	Rows, Files int
}

// Archives returns the archives of the plan, in order.
func (p *Plan) Archives() []Archive { return p.archives(PartFiles) }

// archives combines chunks until an archive has as many files as allowed.
func (p *Plan) archives(limit int) []Archive {
	var all []Archive
	for i, chunk := range p.Chunks {
		n := len(all)
		if n == 0 || all[n-1].Files+chunk.Files > limit {
			all = append(all, Archive{Number: n + 1, First: i})
			n++
		}
		a := &all[n-1]
		a.Last, a.Rows, a.Files = i+1, a.Rows+chunk.Rows, a.Files+chunk.Files
	}
	for i := range all {
		all[i].Of = len(all)
	}
	return all
}
