package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/setup"
)

var _ redirect.KeyStore = (*Store)(nil)

var redirectKeys = db.NewTable("redirect_keys", func(k *redirect.Key) []db.Column {
	return []db.Column{
		db.Col("id", &k.ID), db.Col("account", &k.Account), db.Col("name", &k.Name), db.Col("public_key", &k.Public),
		db.Col("domains", db.Words(&k.Domains)), db.Col("created", db.Time(&k.Created)), db.Col("expires", db.Time(&k.Expires)),
		db.Col("last_used", db.Time(&k.LastUsed)),
	}
})

// CreateRedirectKey stores k and a.
func (s *Store) CreateRedirectKey(ctx context.Context, by audit.Grant, k redirect.Key, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error { return redirectKeys.Insert(t, k) })
	if err != nil {
		return fmt.Errorf("store: create redirect key: %w", err)
	}
	return nil
}

// RedirectKey returns a key. If it doesn't exist or its account is suspended,
// it returns a NotFound fault.
func (s *Store) RedirectKey(ctx context.Context, id string) (redirect.Key, error) {
	k, err := redirectKeys.Scan(s.db.Read(ctx).Row(`SELECT `+redirectKeys.Columns+` FROM redirect_keys WHERE id = $1 AND account `+notSuspended, id))
	if err != nil {
		return redirect.Key{}, s.found("redirect key", err)
	}
	return k, nil
}

// RedirectKeys returns the keys of an account, newest first.
func (s *Store) RedirectKeys(ctx context.Context, owner string) ([]redirect.Key, error) {
	keys, err := redirectKeys.All(s.db.Read(ctx), `SELECT `+redirectKeys.Columns+` FROM redirect_keys WHERE account = $1 ORDER BY created DESC, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("store: redirect keys: %w", s.db.Diagnose(err))
	}
	return keys, nil
}

// ChangeRedirectKey applies change to the key of the account, and stores its
// name and domains with the action that change returns. If that has no
// changes, it stores nothing. If the account has no such key, it returns a
// NotFound fault.
func (s *Store) ChangeRedirectKey(ctx context.Context, by audit.Grant, owner, id string, change func(redirect.Key) (redirect.Key, audit.Action, error)) error {
	err := s.ChangeRights(ctx, by, owner, func(t *db.Tx) ([]audit.Action, error) {
		old, err := lockRedirectKey(t, owner, id)
		if err != nil {
			return nil, err
		}
		k, a, err := change(old)
		if err != nil || len(a.Changes) == 0 {
			return nil, err
		}
		_, err = t.Exec(`UPDATE redirect_keys SET name = $1, domains = $2 WHERE id = $3 AND account = $4`, k.Name, db.List(k.Domains), id, owner)
		return []audit.Action{a}, err
	})
	if err != nil {
		return fmt.Errorf("store: change redirect key: %w", err)
	}
	return nil
}

// lockRedirectKey returns the key and locks its row until the transaction
// ends.
func lockRedirectKey(t *db.Tx, owner, id string) (redirect.Key, error) {
	if err := lockKey(t, "redirect_keys", id); err != nil {
		return redirect.Key{}, err
	}
	k, err := redirectKeys.Scan(t.Row(`SELECT `+redirectKeys.Columns+` FROM redirect_keys WHERE id = $1 AND account = $2`, id, owner))
	if errors.Is(err, db.ErrNoRows) {
		err = fault.New(fault.NotFound, "There is no such public key.")
	}
	return k, err
}

// DeleteRedirectKey deletes a key of the account if check allows it, and
// stores a. If the account has no such key, it returns a NotFound fault.
func (s *Store) DeleteRedirectKey(ctx context.Context, by audit.Grant, owner, id string, check func(redirect.Key) error, a audit.Action) error {
	err := s.changeRight(ctx, by, owner, a, func(t *db.Tx) error {
		k, err := lockRedirectKey(t, owner, id)
		if err == nil && check != nil {
			err = check(k)
		}
		if err != nil {
			return err
		}
		_, err = t.Exec(`DELETE FROM redirect_keys WHERE id = $1 AND account = $2`, id, owner)
		return err
	})
	if err != nil {
		return fmt.Errorf("store: delete redirect key: %w", err)
	}
	return nil
}

// usePass records the pass as used, unless it was used before.
func usePass(t *db.Tx, p setup.Pass, now time.Time) error {
	n, err := t.Exec(`INSERT INTO redirect_uses (redirect_key, name, expires)
		SELECT id, $2, $3 FROM redirect_keys WHERE id = $1
		ON CONFLICT (redirect_key, name) DO NOTHING`, p.Key, p.Name, db.Millis(p.Expires))
	if err != nil {
		return err
	}
	if n == 1 {
		_, err = t.Exec(`UPDATE redirect_keys SET last_used = $1 WHERE id = $2 AND last_used <= $3`,
			db.Millis(now), p.Key, db.Millis(now.Add(-redirect.UseGrain)))
		return err
	}
	err = t.Row(`SELECT COUNT(*) FROM redirect_keys WHERE id = $1`, p.Key).Scan(&n)
	switch {
	case err != nil:
		return err
	case n == 0:
		return fault.On("kid", fault.RedirectInvalid, "The public key was deleted.")
	}
	return fault.New(fault.RedirectUsed, "This button was already used. Go back, reload its page, and press it again.")
}
