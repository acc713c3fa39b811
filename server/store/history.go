package store

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/setup"
)

// Usage counts the links that the account's domains have created since the
// time, and their downloads, by day and domain.
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

// FirstRun returns how far the account has come with its first device.
func (s *Store) FirstRun(ctx context.Context, owner string) (setup.FirstRun, error) {
	var r setup.FirstRun
	var created, opened, downloaded int64
	err := s.db.Read(ctx).Row(`SELECT
		CASE WHEN EXISTS (SELECT 1 FROM links WHERE account = $1) THEN 1 ELSE 0 END,
		CASE WHEN EXISTS (SELECT 1 FROM links WHERE account = $1 AND progress IN ('opened', 'downloaded', 'used')) THEN 1 ELSE 0 END,
		CASE WHEN EXISTS (SELECT 1 FROM links WHERE account = $1 AND downloads > 0) THEN 1 ELSE 0 END`, owner).Scan(&created, &opened, &downloaded)
	if err != nil {
		return r, fmt.Errorf("store: first run: %w", s.db.Diagnose(err))
	}
	return setup.FirstRun{Created: created != 0, Opened: opened != 0, Downloaded: downloaded != 0}, nil
}
