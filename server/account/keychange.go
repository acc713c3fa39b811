package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// KeySettings are the fields of a key that can be changed.
type KeySettings struct {
	Name    string
	Expires time.Time // zero: never
}

// Check returns a fault for each setting that a new key can't have.
func (k *Keys) Check(spec KeySpec) error {
	_, err := k.build(spec)
	return err
}

// Seen returns a key in any state, with the details that [Keys.ListSeen] shows.
// A key that the caller may not see is a NotFound fault.
func (k *Keys) Seen(ctx context.Context, by Key, id string) (Key, error) {
	all, err := k.ListSeen(ctx, by)
	if err != nil {
		return Key{}, err
	}
	i := slices.IndexFunc(all, func(key Key) bool { return key.ID == id })
	if i < 0 {
		return Key{}, fault.New(fault.NotFound, "There is no such key.")
	}
	return all[i], nil
}

// ChangeByKey updates a key on behalf of another key. The other key may change
// only keys that it could have created, and only to settings that it could
// create. If change returns an error, nothing is changed; it may be called more
// than once. The error has a fault for each invalid field; a revoked key is a
// Conflict.
func (k *Keys) ChangeByKey(ctx context.Context, parent Key, by audit.Grant, id string, change func(Key) (KeySettings, error)) (Key, error) {
	seen, err := k.Seen(ctx, parent, id)
	if err != nil {
		return Key{}, err
	}
	return k.change(ctx, by, seen, func(old Key) (KeySettings, error) {
		if parent.covers(old) != nil {
			return KeySettings{}, fault.New(fault.Forbidden, "This key can't change a key that may do more.")
		}
		return change(old)
	}, func(key Key) error {
		if parent.covers(key) != nil {
			return fault.On("expires_at", fault.Forbidden, "The key can't expire later than the one that changes it.")
		}
		return nil
	})
}

// Change is ChangeByKey for callers who may create any key of the account.
func (k *Keys) Change(ctx context.Context, by audit.Grant, account, id string, change func(Key) (KeySettings, error)) (Key, error) {
	return k.change(ctx, by, Key{ID: id, Account: account}, change, func(Key) error { return nil })
}

// change updates the key, and shows only as much of its creator as was visible
// before.
func (k *Keys) change(ctx context.Context, by audit.Grant, seen Key, change func(Key) (KeySettings, error), permit func(Key) error) (Key, error) {
	var key Key
	err := k.store.ChangeKey(ctx, by, seen.Account, seen.ID, func(old Key) (Key, audit.Action, error) {
		if seen.CreatedBy.Kind != "" && seen.CreatedBy.ID == "" {
			old.CreatedBy = seen.CreatedBy
		}
		key = old
		s, err := change(old)
		if err == nil {
			err = key.apply(s, k.now())
		}
		if err == nil {
			err = permit(key)
		}
		a := keyAction(audit.KeyUpdate, by, key)
		a.Changes = keyChanges(old, key)
		return key, a, err
	})
	return key, err
}

// Get returns a key of the account in any state, or a NotFound fault.
func (k *Keys) Get(ctx context.Context, account, id string) (Key, error) {
	return k.Seen(ctx, Key{Account: account}, id)
}

// apply sets the settings. The error has a fault for each invalid one.
func (k *Key) apply(s KeySettings, now time.Time) error {
	if !k.Revoked.IsZero() {
		return fault.New(fault.Conflict, "This key has been revoked. Create a new one.")
	}
	name, err := parseKeyName(s.Name)
	bad := []error{err}
	s.Expires = s.Expires.Truncate(time.Millisecond)
	if !s.Expires.IsZero() && !s.Expires.Equal(k.Expires) && !s.Expires.After(now) {
		bad = append(bad, fault.On("expires_at", fault.Invalid, "The expiry must be in the future. To end the key now, revoke it."))
	}
	k.Name, k.Expires = name, s.Expires
	return errors.Join(bad...)
}

func keyChanges(old, key Key) []audit.Change {
	var all []audit.Change
	for _, c := range []audit.Change{
		{Field: "name", Old: old.Name, New: key.Name},
		{Field: "expires_at", Old: timeText(old.Expires), New: timeText(key.Expires)},
	} {
		if c.Old != c.New {
			all = append(all, c)
		}
	}
	return all
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
