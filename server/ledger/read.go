package ledger

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/notify"
)

// A row is an action in the log of an account, and its events.
type row struct {
	account string
	events  []notify.Type
	audit.Row
}

var (
	records = db.NewTable("actions", recordColumns)
	entries = db.NewTable("actions", entryColumns)
	actions = db.NewTable("actions", func(r *row) []db.Column {
		return append([]db.Column{db.Col("account", &r.account), db.Col("events", db.Words(&r.events))}, entryColumns(&r.Row)...)
	})
)

func recordColumns(r *audit.Record) []db.Column {
	return []db.Column{
		db.Col("seq", &r.Seq), db.Col("at", db.Time(&r.At)), db.Col("leaf", &r.Leaf), db.Col("personal", &r.Personal), db.Col("salt", &r.Salt),
		db.Col("hash", &r.Hash),
	}
}

func entryColumns(r *audit.Row) []db.Column {
	c := &r.Columns
	return append(recordColumns(&r.Record),
		db.Col("name", &c.Name), db.Col("outcome", &c.Outcome), db.Col("actor_kind", &c.ActorKind), db.Col("actor_id", &c.Actor),
		db.Col("interface", &c.Interface), db.Col("target_kind", &c.TargetKind), db.Col("target_id", &c.Target), db.Col("link", &c.Link),
		db.Col("profile", &c.Profile), db.Col("domain", &c.Domain), db.Col("mailbox", &c.Mailbox), db.Col("ip", db.Binary(&c.IP)))
}

// Actions returns at most limit records of the account's action log, those
// after the sequence number, in the order of the log.
func (l *Ledger) Actions(ctx context.Context, account string, after int64, limit int) ([]audit.Record, error) {
	all, err := records.All(l.db.Read(ctx), `SELECT `+records.Columns+` FROM actions WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
		account, after, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("ledger: actions: %w", l.db.Diagnose(err))
	}
	return all, nil
}

// ReadRecord returns an action of the account's log. If there is none the error
// is [db.ErrNoRows].
func ReadRecord(t *db.Tx, account string, seq int64) (audit.Record, error) {
	return records.Scan(t.Row(`SELECT `+records.Columns+` FROM actions WHERE account = $1 AND seq = $2`, account, seq))
}

// Retained returns up to which action of the account's log the content has been
// removed, or a NotFound fault.
func (l *Ledger) Retained(ctx context.Context, account string) (int64, error) {
	_, retained, _, err := l.logBounds(ctx, account)
	if err != nil {
		return 0, l.found("log", err)
	}
	return retained, nil
}

// EachRow calls found with at most limit rows of the account's action log, those
// after the sequence number, in the order of the log. A row is only valid during
// the call, and must not be changed.
func (l *Ledger) EachRow(ctx context.Context, account string, after int64, limit int, found func(*audit.Row) error) error {
	read := 0
	var r audit.Row
	var at int64
	var texts string
	to := []any{
		&r.Seq, &at, db.Borrowed(&r.Leaf), db.Borrowed(&r.Personal), db.Borrowed(&r.Salt), db.Borrowed(&r.Hash), &texts, db.Binary(&r.Columns.IP),
	}
	err := l.db.Read(ctx).Each(func(row db.Row) error {
		if err := row.Scan(to...); err != nil {
			return err
		}
		r.At = db.Moment(at)
		if !cutTexts(&r.Columns, texts) {
			return errUnclear
		}
		after, read = r.Seq, read+1
		return found(&r)
	}, `SELECT seq, at, leaf, personal, salt, hash, `+joinedTexts+`, ip FROM actions WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
		account, after, max(limit, 0))
	if errors.Is(err, errUnclear) {
		return l.eachRowByColumn(ctx, account, after, limit-read, found)
	}
	return l.rowsError(err)
}

// eachRowByColumn is EachRow and reads each column by itself.
func (l *Ledger) eachRowByColumn(ctx context.Context, account string, after int64, limit int, found func(*audit.Row) error) error {
	return l.rowsError(l.db.Read(ctx).Each(func(row db.Row) error {
		r, err := entries.Scan(row)
		if err != nil {
			return err
		}
		return found(&r)
	}, `SELECT `+entries.Columns+` FROM actions WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3`, account, after, limit))
}

func (l *Ledger) rowsError(err error) error {
	if err == nil || audit.IsFinding(err) {
		return err
	}
	return fmt.Errorf("ledger: log: %w", l.db.Diagnose(err))
}

// errUnclear says that a value of joinedTexts can't be cut.
var errUnclear = errors.New("a text contains the separator")

// textSeparator separates the columns in the value of joinedTexts.
const textSeparator = "\x1f"

// joinedTexts is an expression for all text columns as one value: reading that
// is much faster than reading each. It's empty if one of them is NULL.
const joinedTexts = `COALESCE(name` + andText + `outcome` + andText + `actor_kind` + andText + `actor_id` + andText + `interface` + andText +
	`target_kind` + andText + `target_id` + andText + `link` + andText + `profile` + andText + `domain` + andText + `mailbox, '')`

const andText = ` || '` + textSeparator + `' || `

// cutTexts sets the text columns from a value of joinedTexts. If it isn't clear
// where each ends, because one contains the separator, it returns false.
func cutTexts(c *audit.Columns, joined string) bool {
	if strings.Count(joined, textSeparator) != strings.Count(joinedTexts, textSeparator) {
		return false
	}
	next := func() (text string) {
		text, joined, _ = strings.Cut(joined, textSeparator)
		return text
	}
	c.Name, c.Outcome, c.ActorKind, c.Actor = audit.Name(next()), audit.Outcome(next()), audit.ActorKind(next()), next()
	c.Interface, c.TargetKind, c.Target, c.Link = audit.Interface(next()), audit.TargetKind(next()), next(), next()
	c.Profile, c.Domain, c.Mailbox = next(), next(), next()
	return true
}

// recentSpan is how far back Recent looks, in actions: there may be many
// downloads between those that it looks for, and an overview must not read them
// all.
const recentSpan = 2000

// Recent returns the latest actions of the account with one of the names, the
// newest first: at most limit, and only from the end of the log. With a target
// it returns only actions on that. Those without content are left out.
func (l *Ledger) Recent(ctx context.Context, owner string, names []audit.Name, target string, limit int) ([]audit.Record, error) {
	args := []any{owner, recentSpan, target, limit}
	marks := make([]string, len(names))
	for i, name := range names {
		args = append(args, string(name))
		marks[i] = fmt.Sprintf("$%d", len(args))
	}
	all, err := records.All(l.db.Read(ctx), `SELECT `+records.Columns+` FROM actions
		WHERE account = $1 AND seq > (SELECT size FROM logs WHERE account = $1) - $2
		AND ($3 = '' OR target_id = $3) AND name IN (`+strings.Join(marks, ", ")+`) ORDER BY seq DESC LIMIT $4`, args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: recent actions: %w", l.db.Diagnose(err))
	}
	return all, nil
}

// logBounds returns how many actions the log has, up to which of them the
// content has been removed, and the last one with an earlier time than the one
// before it.
func (l *Ledger) logBounds(ctx context.Context, account string) (size, retained, stepped int64, err error) {
	err = l.db.Read(ctx).Row(`SELECT size, retained, stepped FROM logs WHERE account = $1`, account).Scan(&size, &retained, &stepped)
	return size, retained, stepped, err
}

// lastBefore returns the last action from before the time, between two actions;
// if there is none, the one that it starts after. Their times must be in order,
// so it is a binary search.
func (l *Ledger) lastBefore(ctx context.Context, account string, before time.Time, after, to int64) (int64, error) {
	var failed error
	n := sort.Search(int(to-after), func(i int) bool {
		var at int64
		err := l.db.Read(ctx).Row(`SELECT at FROM actions WHERE account = $1 AND seq >= $2 ORDER BY seq LIMIT 1`,
			account, after+int64(i)+1).Scan(&at)
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			failed = err
		}
		return err != nil || at >= db.Millis(before)
	})
	return after + int64(n), failed
}
