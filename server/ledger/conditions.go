package ledger

import (
	"bytes"
	"encoding/json"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
)

// A condition is one filter of a search: a column that has one of the values.
type condition struct {
	column string
	values []any
	// leads says that the column has an index for these values, and but is the
	// predicate by which that index leaves others out.
	leads bool
	but   string
	// With between, the values are the first and the last of a range.
	between bool
}

// conditions returns the filters of f, those first that usually match fewer
// actions.
func conditions(f audit.Filter) []condition {
	all := []condition{
		text("profile", f.Profile),
		text("target_id", f.Target),
		text("link", f.Link),
		text("mailbox", f.Mailbox),
		text("actor_id", f.Actor),
		network(f.Network),
		rare("outcome", string(f.Outcome), string(audit.Done)),
		rare("actor_kind", string(f.ActorKind), string(audit.Visitor)),
		rare("interface", string(f.Interface), string(audit.Page)),
		rare("target_kind", string(f.TargetKind), string(audit.TicketTarget), string(audit.LinkTarget)),
		names(f.Names),
		text("domain", f.Domain),
	}
	return slices.DeleteFunc(all, func(t condition) bool { return len(t.values) == 0 })
}

// text returns a filter on a column whose index has all values except the empty
// one.
func text(column, value string) condition {
	if value == "" {
		return condition{}
	}
	return condition{column: column, values: []any{value}, leads: true, but: column + ` <> ''`}
}

// rare returns a filter on a column whose index leaves out the values that most
// actions have.
func rare(column, value string, common ...string) condition {
	t := text(column, value)
	if value == "" {
		return t
	}
	t.leads = !slices.Contains(common, value)
	for _, c := range common {
		t.but += ` AND ` + column + ` <> '` + c + `'`
	}
	return t
}

func names(wanted []audit.Name) condition {
	t := text("name", "any")
	t.values = nil
	for _, name := range slices.Compact(slices.Sorted(slices.Values(wanted))) {
		t.values = append(t.values, string(name))
	}
	return t
}

// times returns the filter on the time.
func times(f audit.Filter) condition {
	if f.From.IsZero() && f.To.IsZero() {
		return condition{}
	}
	first, last := int64(math.MinInt64), int64(math.MaxInt64)
	if !f.From.IsZero() {
		first = db.Millis(up(f.From))
	}
	if !f.To.IsZero() {
		last = db.Millis(up(f.To)) - 1
	}
	return condition{column: "at", values: []any{first, last}, between: true}
}

// network returns the filter on addresses. A single address has an index; a
// range isn't in the order of the log there.
func network(p netip.Prefix) condition {
	if !p.IsValid() {
		return condition{}
	}
	first := p.Masked().Addr().As16()
	last := first
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	for i := bits; i < 128; i++ {
		last[i/8] |= 1 << (7 - i%8)
	}
	t := condition{column: "ip", values: []any{first[:]}, leads: true, but: `ip IS NOT NULL`}
	if first != last {
		t = condition{column: "ip", values: []any{first[:], last[:]}, between: true}
	}
	return t
}

// indexed returns the SQL for one value that makes both databases use the
// column's index.
func (t *condition) indexed() string { return t.column + ` = ? AND ` + t.but }

// applyTo adds the filter in a form that uses no index: only the lead's
// keeps the order of the log.
func (t *condition) applyTo(w *db.Where) {
	column := `COALESCE(` + t.column + `, ` + t.column + `)`
	if t.between {
		w.Add(column+` >= ?`, t.values[0])
		w.Add(column+` <= ?`, t.values[1])
		return
	}
	w.Add(column+` IN (?`+strings.Repeat(`, ?`, len(t.values)-1)+`)`, t.values...)
}

// A matcher looks for a text in actions. Case doesn't matter.
type matcher struct {
	text string
	raw  []byte // as it is in JSON
}

// newMatcher returns nil for no text.
func newMatcher(wanted string) *matcher {
	wanted = strings.ToLower(strings.TrimSpace(wanted))
	if wanted == "" {
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(wanted) // a string never fails
	quoted := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	return &matcher{wanted, bytes.ToLower(quoted[1 : len(quoted)-1])}
}

// fits reports whether the text is in a name of the actor or the target, in a
// change, or in the reason of a refusal.
func (m *matcher) fits(r audit.Record) bool {
	if !bytes.Contains(bytes.ToLower(r.Leaf), m.raw) && !bytes.Contains(bytes.ToLower(r.Personal), m.raw) {
		return false // most aren't decoded
	}
	e, err := r.Read()
	if err != nil {
		return false
	}
	in := []string{e.Personal.ActorName, e.Personal.TargetName, e.Reason}
	for _, c := range e.Changes {
		in = append(in, c.Field, c.Old, c.New)
	}
	return slices.ContainsFunc(in, func(s string) bool { return strings.Contains(strings.ToLower(s), m.text) })
}
