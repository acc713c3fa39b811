package store

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/db"
)

// ExpiringKeys returns the API keys and the public keys for redirects that
// expire between the two times, each with the shortest remaining time, in
// days, that was already reported.
func (s *Store) ExpiringKeys(ctx context.Context, after, until time.Time) ([]account.ExpiringKey, error) {
	var all []account.ExpiringKey
	for _, table := range []string{"keys", "redirect_keys"} {
		live := ``
		if table == "keys" {
			live = ` AND revoked = 0`
		}
		err := s.db.Read(ctx).Each(func(r db.Row) error {
			k := account.ExpiringKey{Redirects: table == "redirect_keys"}
			err := r.Scan(&k.ID, &k.Account, &k.Name, db.Time(&k.Created), db.Time(&k.Expires), &k.LastNotice)
			all = append(all, k)
			return err
		}, `SELECT id, account, name, created, expires,
				COALESCE((SELECT MIN(days) FROM expiry_notices WHERE identity = `+table+`.id), $3) FROM `+table+`
			WHERE expires > 0 AND expires > $1 AND expires <= $2`+live+` ORDER BY expires, id`, db.Millis(after), db.Millis(until), account.NoNotice)
		if err != nil {
			return nil, fmt.Errorf("store: expiring keys: %w", s.db.Diagnose(err))
		}
	}
	return all, nil
}

// untell deletes the reports about the expiry of a key whose expiry has
// changed.
func untell(t *db.Tx, id string) error {
	_, err := t.Exec(`DELETE FROM expiry_notices WHERE identity = $1`, id)
	return err
}
