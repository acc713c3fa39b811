package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

const selectPending = `SELECT account, name, spec, created, updated FROM pending_domains WHERE account = $1`

func scanPending(r db.Row) (settings.Pending, error) {
	var p settings.Pending
	var spec string
	if err := r.Scan(&p.Account, &p.Name, &spec, db.Time(&p.Created), db.Time(&p.Updated)); err != nil {
		return p, err
	}
	return p, json.Unmarshal([]byte(spec), &p.Spec)
}

// PendingDomains returns those of an account, sorted by name.
func (s *Store) PendingDomains(ctx context.Context, account string) ([]settings.Pending, error) {
	var all []settings.Pending
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		p, err := scanPending(r)
		all = append(all, p)
		return err
	}, selectPending+` ORDER BY name`, account)
	if err != nil {
		return nil, fmt.Errorf("store: pending domains: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// PendingDomain returns one of an account, or a NotFound fault.
func (s *Store) PendingDomain(ctx context.Context, account, name string) (settings.Pending, error) {
	p, err := scanPending(s.db.Read(ctx).Row(selectPending+` AND name = $2`, account, name))
	if err != nil {
		return settings.Pending{}, s.found("domain", err)
	}
	return p, nil
}

// KeepPending creates or replaces the pending domain with p's name, and stores
// a, whose changes it fills in. If nothing differs, it stores nothing. If the
// account has the domain or settings.MaxPending pending domains, it returns a
// Conflict fault.
func (s *Store) KeepPending(ctx context.Context, by audit.Grant, p settings.Pending, a audit.Action) error {
	spec, err := json.Marshal(p.Spec)
	if err != nil {
		return fmt.Errorf("store: keep pending: %w", err)
	}
	err = s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		// This locks the row, so that nobody else changes it meanwhile.
		if _, err := t.Exec(`UPDATE pending_domains SET updated = updated WHERE account = $1 AND name = $2`, p.Account, p.Name); err != nil {
			return nil, err
		}
		old, err := scanPending(t.Row(selectPending+` AND name = $2`, p.Account, p.Name))
		there := err == nil
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			return nil, err
		}
		if err := errors.Join(checkPending(t, p, there), checkPolicy(t, p.Domain())); err != nil {
			return nil, err
		}
		a := a // fn may run again
		before := old.Domain()
		if a.Changes = domainChanges(nil, p.Domain()); there {
			a.Changes = domainChanges(&before, p.Domain())
		}
		if there && len(a.Changes) == 0 {
			return nil, nil
		}
		_, err = t.Exec(`INSERT INTO pending_domains (account, name, spec, created, updated) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (account, name) DO UPDATE SET spec = excluded.spec, updated = excluded.updated`,
			p.Account, p.Name, string(spec), db.Millis(p.Created), db.Millis(p.Updated))
		if err != nil {
			return nil, err
		}
		return allowed(t, by, before, p.Domain(), a, s.now())
	})
	if err != nil {
		return fmt.Errorf("store: keep pending: %w", s.policyFault(err))
	}
	return nil
}

// checkPending refuses a domain that the account has, and a new one if there
// are too many.
func checkPending(t *db.Tx, p settings.Pending, there bool) error {
	var has, waiting int
	err := t.Row(`SELECT (SELECT COUNT(*) FROM domains WHERE account = $1 AND name = $2),
		(SELECT COUNT(*) FROM pending_domains WHERE account = $1)`, p.Account, p.Name).Scan(&has, &waiting)
	switch {
	case err != nil:
		return err
	case has > 0:
		return fault.On("name", fault.Conflict, "This domain already exists.")
	case !there && waiting >= settings.MaxPending:
		return fault.On("name", fault.Conflict, "%d domains are waiting for their DNS proof. Verify or delete some first.", settings.MaxPending)
	}
	return nil
}

// DeletePending deletes a pending domain of an account and stores a. If it
// doesn't exist, it returns a NotFound fault.
func (s *Store) DeletePending(ctx context.Context, by audit.Grant, account, name string, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		n, err := t.Exec(`DELETE FROM pending_domains WHERE account = $1 AND name = $2`, account, name)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "There is no such domain.")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store: delete pending: %w", err)
	}
	return nil
}
