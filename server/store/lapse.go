package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/setup"
)

// lapsing selects links that have expired by the time $1 but aren't marked as
// lapsed.
const lapsing = `links.lapsed = 0 AND links.progress <> 'revoked' AND links.progress <> 'used' AND links.expires <= $1`

// LapseLinks stores the action that lapse creates for each link that has
// expired by at. It does so once per link, on whichever server is first. Links
// that were revoked or used up don't lapse. It returns the number of links.
func (s *Store) LapseLinks(ctx context.Context, by audit.Grant, at time.Time, lapse func(setup.Link) audit.Action) (int, error) {
	total := 0
	for {
		var found, lapsed int
		err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
			due, err := links.All(t, `SELECT `+links.Columns+` FROM links WHERE `+lapsing+` ORDER BY links.expires, links.id LIMIT $2`, db.Millis(at), setup.LapseBatch)
			if err != nil {
				return nil, err
			}
			found = len(due)
			due, err = lapseAll(t, due, at)
			lapsed = len(due)
			actions := make([]audit.Action, len(due))
			for i, l := range due {
				actions[i] = lapse(l)
			}
			return actions, err
		})
		if err != nil {
			return total, fmt.Errorf("store: lapse links: %w", err)
		}
		if total += lapsed; found < setup.LapseBatch || lapsed == 0 {
			return total, nil
		}
	}
}

// lapseAll marks the links as lapsed and returns those that weren't before.
// All transactions lock the rows in the same order.
func lapseAll(t *db.Tx, due []setup.Link, at time.Time) ([]setup.Link, error) {
	slices.SortFunc(due, func(a, b setup.Link) int { return cmp.Compare(a.ID, b.ID) })
	runs := make([][]any, len(due))
	for i, l := range due {
		runs[i] = []any{db.Millis(at), l.ID}
	}
	var lapsed []setup.Link
	err := t.Many(func(i int, _ db.Row) error {
		lapsed = append(lapsed, due[i])
		return nil
	}, `UPDATE links SET lapsed = 1 WHERE `+lapsing+` AND links.id = $2 RETURNING id`, runs)
	return lapsed, err
}
