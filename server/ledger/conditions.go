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
	// leads says that the column has an index for these values, and but is
	// the predicate by which that index leaves others out.
	leads bool
	but   string
	// With between, the values are the first and the last of a range.
	between bool
}

// conditions are the filters of f, those first that mostly fit fewer actions.
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

// text is a filter on a column that has an index of all values but none.
func text(column, value string) condition {
	if value == "" {
		return condition{}
	}
	return condition{column: column, values: []any{value}, leads: true, but: column + ` <> ''`}
}

// rare is a filter on a column whose index leaves out the values that most
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

// times is the filter on the time.
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

// network is a filter on addresses. A single one has an index; more are not in
// the order of the log there.
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

// indexed is the SQL for one value by which both databases take the
// index of the column.
func (t *condition) indexed() string { return t.column + ` = ? AND ` + t.but }

// holdAgainst adds the filter in a form for which no index is taken: only the
// lead's keeps the order of the log.
func (t *condition) holdAgainst(w *db.Where) {
	column := `COALESCE(` + t.column + `, ` + t.column + `)`
	if t.between {
		w.Add(column+` >= ?`, t.values[0])
		w.Add(column+` <= ?`, t.values[1])
		return
	}
	w.Add(column+` IN (?`+strings.Repeat(`, ?`, len(t.values)-1)+`)`, t.values...)
}

// A matcher looks for a text in actions, in upper or lower case.
type matcher struct {
	text string
	raw  []byte // as it stands in JSON
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
	_ = e.Encode(wanted) // a string always can be
	quoted := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	return &matcher{wanted, bytes.ToLower(quoted[1 : len(quoted)-1])}
}

// fits reports whether the text stands in a name of the actor or the target,
// in a change, or in the reason of a refusal.
func (m *matcher) fits(r audit.Record) bool {
	if !bytes.Contains(bytes.ToLower(r.Leaf), m.raw) && !bytes.Contains(bytes.ToLower(r.Personal), m.raw) {
		return false // and most are not decoded
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
