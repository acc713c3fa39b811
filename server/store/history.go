package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/setup"
)

// Usage counts the links that the account's domains had made since the time,
// and their downloads, by day and domain.
func (s *Store) Usage(ctx context.Context, owner string, since time.Time) ([]setup.Usage, error) {
	const day = 24 * time.Hour
	var all []setup.Usage
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		var u setup.Usage
		var days int64
		err := r.Scan(&days, &u.Domain, &u.Links, &u.Downloads)
		u.Day = db.Moment(days * day.Milliseconds())
		all = append(all, u)
		return err
	}, `SELECT created / 86400000, domain, COUNT(*), CAST(SUM(downloads) AS BIGINT) FROM links
		WHERE account = $1 AND created >= $2 GROUP BY created / 86400000, domain ORDER BY 1, 2`, owner, db.Millis(since))
	if err != nil {
		return nil, fmt.Errorf("store: usage: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// recentSpan is how far back Recent looks, in actions: downloads may stand
// between those that it looks for, and an overview must not read them all.
const recentSpan = 2000

// Recent returns the latest actions of the account with one of the names, the
// newest first: at most limit, and of the end of the log alone. With a target
// it returns those on that alone. Those without content are left out.
func (s *Store) Recent(ctx context.Context, owner string, names []audit.Name, target string, limit int) ([]audit.Record, error) {
	args := []any{owner, recentSpan, target, limit}
	marks := make([]string, len(names))
	for i, name := range names {
		args = append(args, string(name))
		marks[i] = fmt.Sprintf("$%d", len(args))
	}
	var all []audit.Record
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		rec, err := scanRecord(r)
		all = append(all, rec)
		return err
	}, `SELECT `+recordColumns+` FROM actions
		WHERE account = $1 AND seq > (SELECT size FROM logs WHERE account = $1) - $2
		AND ($3 = '' OR target_id = $3) AND name IN (`+strings.Join(marks, ", ")+`) ORDER BY seq DESC LIMIT $4`, args...)
	if err != nil {
		return nil, fmt.Errorf("store: recent actions: %w", s.db.Diagnose(err))
	}
	return all, nil
}
