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

const keyColumns = `id, account, name, scopes, domains, networks, hash, created, expires, revoked, last_used, test, created_by_kind, created_by`

// selectKeys is followed by a condition on keys.
const selectKeys = `SELECT ` + keyColumns + `, COALESCE(
		(SELECT CASE WHEN members.name = '' THEN members.email ELSE members.name END FROM members WHERE members.id = keys.created_by),
		(SELECT creators.name FROM keys AS creators WHERE creators.id = keys.created_by), '')
	FROM keys `

// keysOf are the keys of the account $1 that the member $2 created, and those
// that were created by these, which work at the time $3.
const keysOf = `WHERE id IN (
		WITH RECURSIVE below (id) AS (
			SELECT own.id FROM keys AS own WHERE own.account = $1 AND own.created_by = $2
			UNION SELECT child.id FROM below JOIN keys AS child ON child.created_by = below.id
		) SELECT below.id FROM below)
	AND revoked = 0 AND (expires = 0 OR expires > $3) ORDER BY created DESC, id`

// CreateKey keeps k and a. An id that exists is a Conflict fault.
func (s *Store) CreateKey(ctx context.Context, by audit.Grant, k account.Key, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		_, err := t.Exec(`INSERT INTO keys (`+keyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
			k.ID, k.Account, k.Name, db.List(k.Scopes), db.List(k.Domains), db.List(texts(k.Networks)), k.Hash,
			db.Millis(k.Created), db.Millis(k.Expires), db.Millis(k.Revoked), db.Millis(k.LastUsed), db.Bit(k.Test),
			string(k.CreatedBy.Kind), k.CreatedBy.ID)
		return err
	})
	if s.db.Taken(err) {
		err = fault.New(fault.Conflict, "There is a key with this id.")
	}
	if err != nil {
		return fmt.Errorf("store: create key: %w", err)
	}
	return nil
}

// Key returns a key in whatever state, or a NotFound fault: also if its account
// is suspended.
func (s *Store) Key(ctx context.Context, id string) (account.Key, error) {
	k, err := scanKey(s.db.Read(ctx).ByKey(selectKeys+`WHERE id = $1 AND account `+notSuspended, id))
	if err != nil {
		return account.Key{}, s.found("key", err)
	}
	return k, nil
}

// Keys returns the keys of an account, the newest first.
func (s *Store) Keys(ctx context.Context, owner string) ([]account.Key, error) {
	keys, err := scanKeys(s.db.Read(ctx), `WHERE account = $1 ORDER BY created DESC, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("store: keys: %w", s.db.Diagnose(err))
	}
	return keys, nil
}

// KeysOf returns the keys of an account that a member created, those that were
// created by these keys, and so on: as many as work at the time, the newest
// first.
func (s *Store) KeysOf(ctx context.Context, owner, member string, at time.Time) ([]account.Key, error) {
	keys, err := scanKeys(s.db.Read(ctx), keysOf, owner, member, db.Millis(at))
	if err != nil {
		return nil, fmt.Errorf("store: keys of a member: %w", s.db.Diagnose(err))
	}
	return keys, nil
}

func scanKeys(t *db.Tx, condition string, args ...any) ([]account.Key, error) {
	var keys []account.Key
	err := t.Each(func(r db.Row) error {
		k, err := scanKey(r)
		keys = append(keys, k)
		return err
	}, selectKeys+condition, args...)
	return keys, err
}

// RevokeKey revokes a key of the account and keeps a. One that is not the
// account's, or is revoked already, is a NotFound fault.
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

// revokeKey needs the account locked. It returns 0 if there is no such key, or
// it is revoked, or it is no test and the grant is a test key's.
func revokeKey(t *db.Tx, by audit.Grant, owner, id string, at time.Time) (int64, error) {
	if err := lockKey(t, "keys", id); err != nil {
		return 0, err
	}
	return t.Exec(`UPDATE keys SET revoked = $1 WHERE id = $2 AND account = $3 AND test >= $4 AND revoked = 0`,
		db.Millis(at), id, owner, db.Bit(by.Actor.Test))
}

// revokeKeysOf revokes the keys that a member created and those that were
// created by these, and returns the actions that revoked makes of them.
func revokeKeysOf(t *db.Tx, by audit.Grant, owner, member string, at time.Time, revoked func(account.Key) audit.Action) ([]audit.Action, error) {
	keys, err := scanKeys(t, keysOf, owner, member, db.Millis(at))
	if err != nil {
		return nil, err
	}
	var actions []audit.Action
	for _, k := range keys {
		if _, err := revokeKey(t, by, owner, k.ID, at); err != nil {
			return nil, err
		}
		actions = append(actions, revoked(k))
	}
	return actions, nil
}

// TouchKey notes that the key was used. It is bookkeeping and leaves no
// action.
func (s *Store) TouchKey(ctx context.Context, id string, at time.Time) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(`UPDATE keys SET last_used = $1 WHERE id = $2 AND last_used < $1`, db.Millis(at), id)
		return err
	})
	if err != nil {
		return fmt.Errorf("store: touch key: %w", err)
	}
	return nil
}

func scanKey(r db.Row) (account.Key, error) {
	var k account.Key
	var scopes, domains, networks string
	var created, expires, revoked, used, test int64
	err := r.Scan(&k.ID, &k.Account, &k.Name, &scopes, &domains, &networks, &k.Hash, &created, &expires, &revoked, &used, &test,
		&k.CreatedBy.Kind, &k.CreatedBy.ID, &k.CreatedBy.Name)
	if err != nil {
		return account.Key{}, err
	}
	k.Created, k.Expires, k.Revoked, k.LastUsed = db.Moment(created), db.Moment(expires), db.Moment(revoked), db.Moment(used)
	k.Domains, k.Test = strings.Fields(domains), test != 0
	for _, name := range strings.Fields(scopes) {
		k.Scopes = append(k.Scopes, account.Scope(name))
	}
	for _, text := range strings.Fields(networks) {
		p, _ := netip.ParsePrefix(text) // what can't be read holds no address
		k.Networks = append(k.Networks, p)
	}
	return k, nil
}

func texts(networks []netip.Prefix) []string {
	out := make([]string, len(networks))
	for i, p := range networks {
		out[i] = p.String()
	}
	return out
}
