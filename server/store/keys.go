package store

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

var _ account.KeyStore = (*Store)(nil)

var keys = db.NewTable("keys", func(k *account.Key) []db.Column {
	return []db.Column{
		db.Col("id", &k.ID), db.Col("account", &k.Account), db.Col("name", &k.Name), db.Col("scopes", db.Words(&k.Scopes)),
		db.Col("domains", db.Words(&k.Domains)), db.Col("networks", networks(&k.Networks)), db.Col("hash", &k.Hash),
		db.Col("created", db.Time(&k.Created)), db.Col("expires", db.Time(&k.Expires)), db.Col("revoked", db.Time(&k.Revoked)),
		db.Col("last_used", db.Time(&k.LastUsed)), db.Col("last_network", network(&k.LastNetwork)), db.Col("test", db.Bool(&k.Test)),
		db.Col("created_by_kind", &k.CreatedBy.Kind), db.Col("created_by", &k.CreatedBy.ID),
	}
})

// selectKeys is followed by a condition on keys.
var selectKeys = `SELECT ` + keys.Columns + `, COALESCE(
		(SELECT CASE WHEN members.name = '' THEN members.email ELSE members.name END FROM members WHERE members.id = keys.created_by),
		(SELECT creators.name FROM keys AS creators WHERE creators.id = keys.created_by), '')
	FROM keys `

var selectKey = selectKeys + `WHERE id = $1 AND account ` + notSuspended

// keysOf selects the keys of the account $1 that the member $2 created, and
// those that were created with these, if they work at the time $3.
const keysOf = `WHERE id IN (
		WITH RECURSIVE below (id) AS (
			SELECT own.id FROM keys AS own WHERE own.account = $1 AND own.created_by = $2
			UNION SELECT child.id FROM below JOIN keys AS child ON child.created_by = below.id
		) SELECT below.id FROM below)
	AND revoked = 0 AND (expires = 0 OR expires > $3) ORDER BY created DESC, id`

// networks stores networks as text.
func networks(at *[]netip.Prefix) any {
	return db.Text(func() string { return db.List(texts(*at)) }, func(s string) error {
		*at = nil
		for text := range strings.FieldsSeq(s) {
			p, _ := netip.ParsePrefix(text) // an unreadable one contains no address
			*at = append(*at, p)
		}
		return nil
	})
}

// network stores a network; the zero value as an empty text.
func network(at *netip.Prefix) any {
	return db.Text(func() string {
		if !at.IsValid() {
			return ""
		}
		return at.String()
	}, func(s string) error {
		*at, _ = netip.ParsePrefix(s)
		return nil
	})
}

// CreateKey stores k and a. If the ID exists, it returns a Conflict fault.
func (s *Store) CreateKey(ctx context.Context, by audit.Grant, k account.Key, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error { return keys.Insert(t, k) })
	if s.db.Taken(err) {
		err = fault.New(fault.Conflict, "A key with this ID already exists.")
	}
	if err != nil {
		return fmt.Errorf("store: create key: %w", err)
	}
	return nil
}

// Key returns a key in any state. If it doesn't exist or its account is
// suspended, it returns a NotFound fault.
func (s *Store) Key(ctx context.Context, id string) (account.Key, error) {
	k, err := scanKey(s.db.Read(ctx).ByKey(selectKey, id))
	if err != nil {
		return account.Key{}, s.found("key", err)
	}
	return k, nil
}

// Keys returns the keys of an account, newest first.
func (s *Store) Keys(ctx context.Context, owner string) ([]account.Key, error) {
	all, err := scanKeys(s.db.Read(ctx), `WHERE account = $1 ORDER BY created DESC, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("store: keys: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// KeysOf returns the keys of an account that a member created, those that were
// created with these keys, and so on, if they work at the time, newest first.
func (s *Store) KeysOf(ctx context.Context, owner, member string, at time.Time) ([]account.Key, error) {
	all, err := scanKeys(s.db.Read(ctx), keysOf, owner, member, db.Millis(at))
	if err != nil {
		return nil, fmt.Errorf("store: keys of a member: %w", s.db.Diagnose(err))
	}
	return all, nil
}

func scanKeys(t *db.Tx, condition string, args ...any) ([]account.Key, error) {
	var all []account.Key
	err := t.Each(func(r db.Row) error {
		k, err := scanKey(r)
		all = append(all, k)
		return err
	}, selectKeys+condition, args...)
	return all, err
}

// RevokeKey revokes a key of the account and stores a. If the account has no
// such key, or it is already revoked, it returns a NotFound fault.
func (s *Store) RevokeKey(ctx context.Context, by audit.Grant, owner, id string, at time.Time, a audit.Action) error {
	err := s.changeRight(ctx, by, owner, a, func(t *db.Tx) error {
		n, err := revokeKey(t, by, owner, id, at)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "There is no such key.")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store: revoke key: %w", err)
	}
	return nil
}

// revokeKey needs the account locked. It returns 0 if the key doesn't exist or
// is revoked, or if the grant is a test key's and the key isn't a test key.
func revokeKey(t *db.Tx, by audit.Grant, owner, id string, at time.Time) (int64, error) {
	if err := lockKey(t, "keys", id); err != nil {
		return 0, err
	}
	return t.Exec(`UPDATE keys SET revoked = $1 WHERE id = $2 AND account = $3 AND test >= $4 AND revoked = 0`,
		db.Millis(at), id, owner, db.Bit(by.Actor.Test))
}

// revokeKeysOf revokes the keys that a member created and those that were
// created with these, and returns the actions that revoked creates for them.
func revokeKeysOf(t *db.Tx, by audit.Grant, owner, member string, at time.Time, revoked func(account.Key) audit.Action) ([]audit.Action, error) {
	all, err := scanKeys(t, keysOf, owner, member, db.Millis(at))
	if err != nil {
		return nil, err
	}
	var actions []audit.Action
	for _, k := range all {
		if _, err := revokeKey(t, by, owner, k.ID, at); err != nil {
			return nil, err
		}
		actions = append(actions, revoked(k))
	}
	return actions, nil
}

// TouchKey records that the key was used. If it was used before, but never
// from this network, it stores a.
func (s *Store) TouchKey(ctx context.Context, by audit.Grant, use account.KeyUse, a audit.Action) error {
	err := s.Step(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		n, err := t.Exec(`UPDATE keys SET last_used = $1, last_network = $3, unused_told = 0 WHERE id = $2 AND last_used <= $1`, db.Millis(use.At), use.Key, use.Network.String())
		if err != nil || n == 0 {
			return nil, err
		}
		var others int
		if err := t.Row(`SELECT COUNT(*) FROM key_networks WHERE api_key = $1`, use.Key).Scan(&others); err != nil || others >= use.Networks {
			return nil, err
		}
		n, err = t.Exec(`INSERT INTO key_networks (api_key, network, created) VALUES ($1, $2, $3) ON CONFLICT (api_key, network) DO NOTHING`, use.Key, use.Network.String(), db.Millis(use.At))
		if err != nil || n == 0 || others == 0 {
			return nil, err
		}
		return []audit.Action{a}, nil
	})
	if err != nil {
		return fmt.Errorf("store: touch key: %w", err)
	}
	return nil
}

// UnusedKeys returns the keys that haven't been used since the time, and that
// haven't been reported yet.
func (s *Store) UnusedKeys(ctx context.Context, since time.Time) ([]account.Key, error) {
	var all []account.Key
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		k, err := scanKey(r)
		all = append(all, k)
		return err
	}, selectKeys+`WHERE revoked = 0 AND unused_told = 0 AND created <= $1 AND last_used <= $1 ORDER BY created`, db.Millis(since))
	if err != nil {
		return nil, fmt.Errorf("store: unused keys: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// NoteUnused stores a, which says that the key isn't used, unless a server has
// already done so or the key was used meanwhile.
func (s *Store) NoteUnused(ctx context.Context, by audit.Grant, k account.Key, a audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		n, err := t.Exec(`UPDATE keys SET unused_told = 1 WHERE id = $1 AND unused_told = 0 AND last_used = $2`, k.ID, db.Millis(k.LastUsed))
		if err != nil || n == 0 {
			return nil, err
		}
		return []audit.Action{a}, nil
	})
	if err != nil {
		return fmt.Errorf("store: note unused: %w", err)
	}
	return nil
}

func scanKey(r db.Row) (account.Key, error) {
	var creator string
	k, err := keys.Scan(r, &creator)
	k.CreatedBy.Name = creator
	return k, err
}

func texts(networks []netip.Prefix) []string {
	out := make([]string, len(networks))
	for i, p := range networks {
		out[i] = p.String()
	}
	return out
}

// lockKey locks a row of keys or redirect_keys before it is changed. The
// change itself isn't enough: a grant that waits for the account sees the row
// as its statement first saw it, unless the row itself was locked FOR UPDATE.
func lockKey(t *db.Tx, table, id string) error {
	if !t.Locks() {
		return nil
	}
	return t.Each(func(db.Row) error { return nil }, `SELECT 1 FROM `+table+` WHERE id = $1`+t.Exclusive(), id)
}
