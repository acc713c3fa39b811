package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

// ChangeKey gives the key of the account the name and the end of what change
// makes of it as it is, and keeps the action that change returns. If that has no
// changes, it keeps nothing. One that is not the account's is a NotFound fault.
func (s *Store) ChangeKey(ctx context.Context, by audit.Grant, owner, id string, change func(account.Key) (account.Key, audit.Action, error)) error {
	err := s.ChangeRights(ctx, by, owner, func(t *db.Tx) ([]audit.Action, error) {
		if err := lockKey(t, "keys", id); err != nil {
			return nil, err
		}
		old, err := scanKey(t.Row(selectKeys+`WHERE id = $1 AND account = $2`, id, owner))
		if errors.Is(err, db.ErrNoRows) {
			err = fault.New(fault.NotFound, "There is no such key.")
		}
		if err != nil {
			return nil, err
		}
		k, a, err := change(old)
		if err != nil || len(a.Changes) == 0 {
			return nil, err
		}
		if !k.Expires.Equal(old.Expires) {
			if err := untell(t, id); err != nil {
				return nil, err
			}
		}
		_, err = t.Exec(`UPDATE keys SET name = $3, expires = $4 WHERE id = $1 AND account = $2`, id, owner, k.Name, db.Millis(k.Expires))
		return []audit.Action{a}, err
	})
	if err != nil {
		return fmt.Errorf("store: change key: %w", err)
	}
	return nil
}
