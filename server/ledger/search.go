package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
)

var _ interface {
	Search(ctx context.Context, f audit.Filter) (audit.Found, error)
} = (*Ledger)(nil)

// A reach limits how many actions a search reads: consecutive ones, those that
// the best index leads to, which may be far apart, and those in which it looks
// for a text.
type reach struct{ rows, led, texts int64 }

// searchReach keeps a search below 100 ms; BenchmarkSearch measures it.
var searchReach = reach{rows: 12_000, led: 5_000, texts: 2_500}

// Search returns the newest actions that match the filter, and where to
// continue. Actions whose content has been removed aren't found.
func (l *Ledger) Search(ctx context.Context, f audit.Filter) (audit.Found, error) {
	found, err := l.search(ctx, f, searchReach)
	if err != nil {
		return audit.Found{}, fmt.Errorf("ledger: search: %w", l.db.Diagnose(err))
	}
	return found, nil
}

// A search is a search in a log, after the action lo and before hi.
type search struct {
	l       *Ledger
	ctx     context.Context
	account string
	lo, hi  int64
	limit   int
	// lead is the filter whose index is used, nil for all actions; rest are the
	// others, which are applied to each action.
	lead *condition
	rest []condition
	text *matcher
	// end is where lo was before the reach of the search raised it.
	end int64
	reach
}

func (l *Ledger) search(ctx context.Context, f audit.Filter, r reach) (audit.Found, error) {
	q := &search{l: l, ctx: ctx, account: f.Account, limit: f.Limit, text: newMatcher(f.Text), reach: r}
	if q.limit <= 0 {
		q.limit = audit.DefaultLimit
	}
	q.limit = min(q.limit, audit.MaxLimit)
	if err := q.bound(f); err != nil || q.hi-q.lo <= 1 {
		return audit.Found{}, err
	}
	if err := q.choose(conditions(f)); err != nil {
		return audit.Found{}, err
	}
	return q.run()
}

// bound converts times to places in the log.
func (q *search) bound(f audit.Filter) error {
	size, retained, stepped, err := q.l.logBounds(q.ctx, q.account)
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	q.lo, q.hi = retained, size+1
	if f.Before > 0 {
		q.hi = min(q.hi, f.Before)
	}
	if stepped > retained { // the times aren't in order: each is compared
		if c := times(f); c.column != "" {
			q.rest = append(q.rest, c)
		}
		return nil
	}
	if !f.From.IsZero() {
		if q.lo, err = q.l.lastBefore(q.ctx, q.account, up(f.From), q.lo, max(q.lo, q.hi-1)); err != nil {
			return err
		}
	}
	if !f.To.IsZero() {
		last, err := q.l.lastBefore(q.ctx, q.account, up(f.To), q.lo, max(q.lo, q.hi-1))
		if err != nil {
			return err
		}
		q.hi = min(q.hi, last+1)
	}
	return nil
}

// up rounds the time up to whole milliseconds, like those of actions.
func up(t time.Time) time.Time { return t.Add(time.Millisecond - 1).Truncate(time.Millisecond) }

// probe is how many actions count as many when choosing the lead.
const probe = 1000

// choose makes the filter with the fewest matches the lead, estimated from a
// few actions.
func (q *search) choose(all []condition) error {
	best, fewest := -1, int64(probe+1)
	for i, t := range all {
		if !t.leads {
			continue
		}
		n, err := q.count(t, fewest)
		if err != nil {
			return err
		}
		if n < fewest || best < 0 {
			best, fewest = i, n
		}
	}
	for i := range all {
		if i == best {
			q.lead = &all[i]
		} else {
			q.rest = append(q.rest, all[i])
		}
	}
	return nil
}

// count returns how many actions match the filter, up to a maximum. The order
// keeps PostgreSQL from scanning the table.
func (q *search) count(t condition, most int64) (int64, error) {
	var total int64
	for _, value := range t.values {
		if total >= most {
			break
		}
		query, args := q.where(&t, value, q.hi).Query(`SELECT 1 AS one FROM actions`, `ORDER BY seq DESC LIMIT ?`, most-total)
		var n int64
		if err := q.l.db.Read(q.ctx).Row(`SELECT COUNT(*) FROM (`+query+`) AS probed`, args...).Scan(&n); err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// run reads what the lead leads to, value by value, and takes the newest.
func (q *search) run() (audit.Found, error) {
	values := []any{nil}
	if q.lead != nil {
		values = q.lead.values
	}
	q.end = q.lo
	for _, value := range values {
		if err := q.stop(value, len(values)); err != nil {
			return audit.Found{}, err
		}
	}
	var all []audit.Record
	for _, value := range values {
		records, err := q.records(value)
		if err != nil {
			return audit.Found{}, err
		}
		all = merge(all, records)
		all = all[:min(len(all), q.limit+1)]
	}
	return q.page(all)
}

// stop raises lo to where the reach ends, if filters have to be applied to
// actions. All values of the lead share it.
func (q *search) stop(value any, sharing int) error {
	most := q.rows
	if q.lead != nil {
		most = q.led
	}
	if q.text != nil {
		most = q.texts
	}
	if len(q.rest) == 0 && q.text == nil {
		return nil
	}
	if q.lead == nil {
		q.lo = max(q.lo, q.hi-1-most)
		return nil
	}
	query, args := q.where(q.lead, value, q.hi).Query(`SELECT seq FROM actions`, `ORDER BY seq DESC LIMIT 1 OFFSET ?`, most/int64(sharing))
	err := q.l.db.Read(q.ctx).Row(query, args...).Scan(&q.lo)
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	return err
}

// where returns the condition of a lead, between lo and hi.
func (q *search) where(lead *condition, value any, hi int64) *db.Where {
	w := &db.Where{}
	w.Add(`account = ?`, q.account)
	if lead != nil {
		w.Add(lead.indexed(), value)
	}
	w.Add(`seq > ?`, q.lo)
	w.Add(`seq < ?`, hi)
	return w
}

// textBatch is how many actions are searched for a text at a time.
const textBatch = 500

// records returns up to one more than a page of matching ones.
func (q *search) records(value any) ([]audit.Record, error) {
	if q.text == nil {
		return q.some(value, q.hi, q.limit+1)
	}
	var fit []audit.Record
	for hi := q.hi; len(fit) <= q.limit; {
		some, err := q.some(value, hi, textBatch)
		if err != nil {
			return nil, err
		}
		for _, r := range some {
			if q.text.fits(r) {
				fit = append(fit, r)
			}
		}
		if len(some) < textBatch {
			break
		}
		hi = some[len(some)-1].Seq
	}
	return fit[:min(len(fit), q.limit+1)], nil
}

func (q *search) some(value any, hi int64, limit int) ([]audit.Record, error) {
	w := q.where(q.lead, value, hi)
	for _, t := range q.rest {
		t.applyTo(w)
	}
	query, args := w.Query(`SELECT `+records.Columns+` FROM actions`, `ORDER BY seq DESC LIMIT ?`, limit)
	return records.All(q.l.db.Read(q.ctx), query, args...)
}

// page returns a page from at most one action too many, and where to continue.
func (q *search) page(records []audit.Record) (audit.Found, error) {
	if len(records) > q.limit {
		records = records[:q.limit]
		last := records[q.limit-1]
		return audit.Found{Records: records, Next: last.Seq, Reached: last.At}, nil
	}
	f := audit.Found{Records: records}
	if q.lo > q.end {
		f.Next = q.lo + 1
	}
	var at int64
	err := q.l.db.Read(q.ctx).Row(`SELECT at FROM actions WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT 1`, q.account, q.lo).Scan(&at)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return audit.Found{}, err
	}
	f.Reached = db.Moment(at)
	return f, nil
}

// merge merges two lists of records, the newest first.
func merge(a, b []audit.Record) []audit.Record {
	all := make([]audit.Record, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].Seq > b[0].Seq {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}
