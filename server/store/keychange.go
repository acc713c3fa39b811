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

// ChangeKey applies change to the key of the account, and stores its name and
// expiry with the action that change returns. If that has no changes, it
// stores nothing. If the account has no such key, it returns a NotFound fault.
func (s *Store) ChangeKey(ctx context.Context, by audit.Grant, owner, id string, change func(account.Key) (account.Key, audit.Action, error)) error {
	err := s.ChangeRights(ctx, by, owner, func(t *db.Tx) ([]audit.Action, error) {
		old, err := lockedKey(t, owner, id)
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

// RotateKey sets the expiry of the account's key to that of the first key that
// rotate returns, and stores the second key and the actions. If the account
// has no such key, it returns a NotFound fault.
func (s *Store) RotateKey(ctx context.Context, by audit.Grant, owner, id string, rotate func(account.Key) (ends, made account.Key, all []audit.Action, err error)) error {
	err := s.ChangeRights(ctx, by, owner, func(t *db.Tx) ([]audit.Action, error) {
		old, err := lockedKey(t, owner, id)
		if err != nil {
			return nil, err
		}
		ends, made, all, err := rotate(old)
		if err != nil {
			return nil, err
		}
		if err := untell(t, id); err != nil {
			return nil, err
		}
		if _, err := t.Exec(`UPDATE keys SET expires = $3 WHERE id = $1 AND account = $2`, id, owner, db.Millis(ends.Expires)); err != nil {
			return nil, err
		}
		return all, keys.Insert(t, made)
	})
	if err != nil {
		return fmt.Errorf("store: rotate key: %w", err)
	}
	return nil
}

// lockedKey returns a key and locks its row until the transaction ends.
func lockedKey(t *db.Tx, owner, id string) (account.Key, error) {
	if err := lockKey(t, "keys", id); err != nil {
		return account.Key{}, err
	}
	k, err := scanKey(t.Row(selectKeys+`WHERE id = $1 AND account = $2`, id, owner))
	if errors.Is(err, db.ErrNoRows) {
		err = fault.New(fault.NotFound, "There is no such key.")
	}
	return k, err
}
