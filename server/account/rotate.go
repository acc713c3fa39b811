package account

import (
	"context"
	"crypto/rand"
	"net/netip"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// How long a key stays active beside its replacement.
const (
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 30 * 24 * time.Hour
)

// RotateByKey is Rotate on behalf of another key, or the key itself. A key that
// may do more can't be replaced.
func (k *Keys) RotateByKey(ctx context.Context, parent Key, by audit.Grant, keyID string, overlap time.Duration) (Key, string, error) {
	seen, err := k.Seen(ctx, parent, keyID)
	if err != nil {
		return Key{}, "", err
	}
	return k.rotate(ctx, by, seen.Account, seen.ID, overlap, func(old Key) error {
		if parent.covers(old) != nil {
			return fault.New(fault.Forbidden, "This key can't replace a key that may do more.")
		}
		return nil
	})
}

// Rotate replaces a key with a new one that differs only in ID and secret. The
// old one expires after the overlap (0 is DefaultOverlap), or earlier if it
// would have anyway. A revoked or expired key is a Conflict.
func (k *Keys) Rotate(ctx context.Context, by audit.Grant, account, keyID string, overlap time.Duration) (Key, string, error) {
	return k.rotate(ctx, by, account, keyID, overlap, func(Key) error { return nil })
}

func (k *Keys) rotate(ctx context.Context, by audit.Grant, account, keyID string, overlap time.Duration, permit func(Key) error) (Key, string, error) {
	if overlap == 0 {
		overlap = DefaultOverlap
	}
	if overlap < 0 || overlap > MaxOverlap {
		return Key{}, "", fault.On("overlap", fault.Invalid, "The old key can stay active for up to %d days. To end it now, revoke it.", MaxOverlap/(24*time.Hour))
	}
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails
	var made Key
	err := k.store.RotateKey(ctx, by, account, keyID, func(old Key) (Key, Key, []audit.Action, error) {
		now := k.now()
		if !old.Revoked.IsZero() || !old.Expires.IsZero() && !now.Before(old.Expires) {
			return old, Key{}, nil, fault.New(fault.Conflict, "This key has expired. Create a new one.")
		}
		if err := permit(old); err != nil {
			return old, Key{}, nil, err
		}
		made = old
		made.ID, made.Hash, made.Created = id.New("key"), hash(secret), now
		made.LastUsed, made.LastNetwork = time.Time{}, netip.Prefix{}
		made.CreatedBy = Creator{by.Actor.Kind, by.Actor.ID, by.Actor.Name}
		ends := old
		if end := now.Add(overlap).Truncate(time.Millisecond); old.Expires.IsZero() || end.Before(old.Expires) {
			ends.Expires = end
		}
		created := keyAction(audit.KeyCreate, by, made)
		created.Changes = append(created.Changes, audit.Change{Field: "replaces", New: old.ID})
		updated := keyAction(audit.KeyUpdate, by, ends)
		updated.Changes = append(keyChanges(old, ends), audit.Change{Field: "replaced_by", New: made.ID})
		return ends, made, []audit.Action{created, updated}, nil
	})
	if err != nil {
		return Key{}, "", err
	}
	return made, made.token(secret), nil
}
