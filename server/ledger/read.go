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
)

// recordColumns are what scanRecord scans.
const recordColumns = `seq, at, leaf, personal, salt, hash`

// Actions returns at most limit records of the account's action log, those
// after the sequence number, in the order of the log.
func (l *Ledger) Actions(ctx context.Context, account string, after int64, limit int) ([]audit.Record, error) {
	var records []audit.Record
	err := l.db.Read(ctx).Each(func(r db.Row) error {
		rec, err := scanRecord(r)
		records = append(records, rec)
		return err
	}, `SELECT `+recordColumns+` FROM actions WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
		account, after, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("ledger: actions: %w", l.db.Diagnose(err))
	}
	return records, nil
}

// ReadRecord returns an action of the account's log. If there is none the error
// is [db.ErrNoRows].
func ReadRecord(t *db.Tx, account string, seq int64) (audit.Record, error) {
	return scanRecord(t.Row(`SELECT `+recordColumns+` FROM actions WHERE account = $1 AND seq = $2`, account, seq))
}

func scanRecord(r db.Row) (audit.Record, error) {
	var rec audit.Record
	var at int64
	err := r.Scan(&rec.Seq, &at, &rec.Leaf, &rec.Personal, &rec.Salt, &rec.Hash)
	rec.At = db.Moment(at)
	return rec, err
}

// Retained returns up to which action of the account's log the content has
// been removed, or a NotFound fault.
func (l *Ledger) Retained(ctx context.Context, account string) (int64, error) {
	_, retained, err := l.logBounds(ctx, account)
	if err != nil {
		return 0, l.found("log", err)
	}
	return retained, nil
}

// Rows returns at most limit rows of the account's action log, those after the
// sequence number, in the order of the log, with what stands beside them.
func (l *Ledger) Rows(ctx context.Context, account string, after int64, limit int) ([]audit.Row, error) {
	var all []audit.Row
	err := l.db.Read(ctx).Each(func(r db.Row) error {
		scanned, err := scanRow(r)
		all = append(all, scanned)
		return err
	}, `SELECT `+recordColumns+`, name, outcome, actor_kind, actor_id, interface, target_kind, target_id,
		link, profile, domain, mailbox, ip FROM actions WHERE account = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
		account, after, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("ledger: log: %w", l.db.Diagnose(err))
	}
	return all, nil
}

func scanRow(r db.Row) (audit.Row, error) {
	var a audit.Row
	var at int64
	var ip []byte
	c := &a.Columns
	err := r.Scan(&a.Seq, &at, &a.Leaf, &a.Personal, &a.Salt, &a.Hash, &c.Name, &c.Outcome, &c.ActorKind, &c.Actor,
		&c.Interface, &c.TargetKind, &c.Target, &c.Link, &c.Profile, &c.Domain, &c.Mailbox, &ip)
	a.At, c.IP = db.Moment(at), string(ip)
	return a, err
}

// recentSpan is how far back Recent looks, in actions: downloads may stand
// between those that it looks for, and an overview must not read them all.
const recentSpan = 2000

// Recent returns the latest actions of the account with one of the names, the
// newest first: at most limit, and of the end of the log alone. With a target
// it returns those on that alone. Those without content are left out.
func (l *Ledger) Recent(ctx context.Context, owner string, names []audit.Name, target string, limit int) ([]audit.Record, error) {
	args := []any{owner, recentSpan, target, limit}
	marks := make([]string, len(names))
	for i, name := range names {
		args = append(args, string(name))
		marks[i] = fmt.Sprintf("$%d", len(args))
	}
	var all []audit.Record
	err := l.db.Read(ctx).Each(func(r db.Row) error {
		rec, err := scanRecord(r)
		all = append(all, rec)
		return err
	}, `SELECT `+recordColumns+` FROM actions
		WHERE account = $1 AND seq > (SELECT size FROM logs WHERE account = $1) - $2
		AND ($3 = '' OR target_id = $3) AND name IN (`+strings.Join(marks, ", ")+`) ORDER BY seq DESC LIMIT $4`, args...)
	if err != nil {
		return nil, fmt.Errorf("ledger: recent actions: %w", l.db.Diagnose(err))
	}
	return all, nil
}

// logBounds returns how many actions the log has, and up to which of them the
// content has been removed.
func (l *Ledger) logBounds(ctx context.Context, account string) (size, retained int64, err error) {
	err = l.db.Read(ctx).Row(`SELECT size, retained FROM logs WHERE account = $1`, account).Scan(&size, &retained)
	return size, retained, err
}

// lastBefore returns the last action from before the time, of those after one
// and up to another; if there is none, the one that it begins after. Times
// never run backwards in a log, so it looks at a few.
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
