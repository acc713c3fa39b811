package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// KeySettings are what can be changed of a key.
type KeySettings struct {
	Name    string
	Expires time.Time // zero: never
}

// Check returns a fault for each field that a new key cannot have.
func (k *Keys) Check(spec KeySpec) error {
	_, err := k.build(spec)
	return err
}

// Seen returns a key in any state, as [Keys.ListSeen] does. One that the
// key may not know of is a NotFound fault.
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

// ChangeBelow gives a key what change makes of it as it is, by another key: that
// changes no key that it could not have made, and to none that it could not
// make. If change fails, nothing is changed; it may be called more than once. The
// error holds a fault for each field that cannot be taken; a key that is revoked
// is a Conflict.
func (k *Keys) ChangeBelow(ctx context.Context, parent Key, by audit.Grant, id string, change func(Key) (KeySettings, error)) (Key, error) {
	seen, err := k.Seen(ctx, parent, id)
	if err != nil {
		return Key{}, err
	}
	return k.change(ctx, by, seen, func(old Key) (KeySettings, error) {
		if parent.covers(old) != nil {
			return KeySettings{}, fault.New(fault.Forbidden, "This key may not change one that may do more.")
		}
		return change(old)
	}, func(key Key) error {
		if parent.covers(key) != nil {
			return fault.On("expires_at", fault.Forbidden, "The key may live no longer than the one that changes it.")
		}
		return nil
	})
}

// Change is ChangeBelow by whoever may create any key of the account.
func (k *Keys) Change(ctx context.Context, by audit.Grant, account, id string, change func(Key) (KeySettings, error)) (Key, error) {
	return k.change(ctx, by, Key{ID: id, Account: account}, change, func(Key) error { return nil })
}

// change changes the key that was seen, and shows of its creator what was seen.
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

// apply takes the settings. The error holds a fault for each that cannot be
// taken.
func (k *Key) apply(s KeySettings, now time.Time) error {
	if !k.Revoked.IsZero() {
		return fault.New(fault.Conflict, "This key has been revoked. Create a new one.")
	}
	name, err := parseKeyName(s.Name)
	bad := []error{err}
	s.Expires = s.Expires.Truncate(time.Millisecond)
	if !s.Expires.IsZero() && !s.Expires.Equal(k.Expires) && !s.Expires.After(now) {
		bad = append(bad, fault.On("expires_at", fault.Invalid, "A key ends in the future. Revoke it to end it now."))
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
