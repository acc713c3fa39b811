package store

import (
	"context"
	"fmt"
	"time"

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
