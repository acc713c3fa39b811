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

const keyColumns = `id, account, name, scopes, domains, networks, hash, created, expires, revoked, last_used, test`

// CreateKey keeps k and a. An id that exists is a Conflict fault.
func (s *Store) CreateKey(ctx context.Context, by audit.Grant, k account.Key, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		_, err := t.Exec(`INSERT INTO keys (`+keyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			k.ID, k.Account, k.Name, db.List(k.Scopes), db.List(k.Domains), db.List(texts(k.Networks)), k.Hash,
			db.Millis(k.Created), db.Millis(k.Expires), db.Millis(k.Revoked), db.Millis(k.LastUsed), db.Bit(k.Test))
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
	k, err := scanKey(s.db.Read(ctx).ByKey(`SELECT `+keyColumns+` FROM keys WHERE id = $1 AND account `+notSuspended, id))
	if err != nil {
		return account.Key{}, s.found("key", err)
	}
	return k, nil
}

// Keys returns the keys of an account, the newest first.
func (s *Store) Keys(ctx context.Context, owner string) ([]account.Key, error) {
	var keys []account.Key
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		k, err := scanKey(r)
		keys = append(keys, k)
		return err
	}, `SELECT `+keyColumns+` FROM keys WHERE account = $1 ORDER BY created DESC, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("store: keys: %w", s.db.Diagnose(err))
	}
	return keys, nil
}

// RevokeKey revokes a key of the account and keeps a. One that is not the
// account's, or is revoked already, is a NotFound fault.
func (s *Store) RevokeKey(ctx context.Context, by audit.Grant, owner, id string, at time.Time, a audit.Action) error {
	err := s.changeRight(ctx, by, owner, a, func(t *db.Tx) error {
		if err := lockKey(t, "keys", id); err != nil {
			return err
		}
		n, err := t.Exec(`UPDATE keys SET revoked = $1 WHERE id = $2 AND account = $3 AND revoked = 0`, db.Millis(at), id, owner)
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
	err := r.Scan(&k.ID, &k.Account, &k.Name, &scopes, &domains, &networks, &k.Hash, &created, &expires, &revoked, &used, &test)
	if err != nil {
		return account.Key{}, err
	}
	k.Created, k.Expires, k.Revoked, k.LastUsed = db.Moment(created), db.Moment(expires), db.Moment(revoked), db.Moment(used)
	k.Domains, k.Test = strings.Fields(domains), test != 0
	for _, name := range strings.Fields(scopes) {
		k.Scopes = append(k.Scopes, account.Scope(name))
	}
	for _, text := range strings.Fields(networks) {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return account.Key{}, err
		}
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

// lockKey takes a row of keys or redirect_keys alone before it is changed. A
// change alone wouldn't do: a grant that waits for the account shares the row
// as its statement first saw it, unless the row itself was taken FOR UPDATE.
func lockKey(t *db.Tx, table, id string) error {
	if !t.Locks() {
		return nil
	}
	return t.Each(func(db.Row) error { return nil }, `SELECT 1 FROM `+table+` WHERE id = $1`+t.Exclusive(), id)
}
