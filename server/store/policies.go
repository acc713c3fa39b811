package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

var _ settings.PolicyStore = (*Store)(nil)

// rules are the columns of a policy that affect devices. They're empty if a
// domain has no policy of its own.
var rules = db.NewTable("policies", ruleColumns)

func ruleColumns(p *profile.Passcode) []db.Column {
	return []db.Column{
		db.Col("min_length", db.Int(&p.MinLength)), db.Col("max_failed_attempts", db.Int(&p.MaxFailedAttempts)),
		db.Col("reset_minutes", db.Minutes(&p.ResetAfter)), db.Col("auto_lock_minutes", db.Minutes(&p.AutoLock)),
		db.Col("grace_minutes", db.Minutes(&p.Grace)), db.Col("min_complex", db.Int(&p.MinComplex)),
		db.Col("alphanumeric", db.Bool(&p.Alphanumeric)), db.Col("max_age_days", db.Int(&p.MaxAgeDays)), db.Col("history", db.Int(&p.History)),
	}
}

var policies = db.NewTable("policies", func(p *settings.Policy) []db.Column {
	return append([]db.Column{
		db.Col("id", &p.ID), db.Col("account", &p.Account), db.Col("name", &p.Name), db.Col("created", db.Time(&p.Created)), db.Col("updated", db.Time(&p.Updated)),
	}, ruleColumns(&p.Passcode)...)
})

// selectPolicies reads policies, with one row for every domain that uses the
// policy.
var selectPolicies = `SELECT ` + policies.Columns + `, COALESCE(domains.name, '')
	FROM policies LEFT JOIN domains ON domains.policy_id = policies.id WHERE policies.account = $1`

// Policies returns the policies of an account, sorted by name.
func (s *Store) Policies(ctx context.Context, account string) ([]settings.Policy, error) {
	all, err := s.policiesBy(ctx, selectPolicies+` ORDER BY policies.name, policies.id, domains.name`, account)
	if err != nil {
		return nil, fmt.Errorf("store: policies: %w", err)
	}
	return all, nil
}

// Policy returns a policy of the account, or a NotFound fault.
func (s *Store) Policy(ctx context.Context, account, id string) (settings.Policy, error) {
	all, err := s.policiesBy(ctx, selectPolicies+` AND policies.id = $2 ORDER BY domains.name`, account, id)
	if err == nil && len(all) == 0 {
		err = errPolicyMissing()
	}
	if err != nil {
		return settings.Policy{}, fmt.Errorf("store: policy: %w", err)
	}
	return all[0], nil
}

func errPolicyMissing() error { return fault.New(fault.NotFound, "There is no such policy.") }

// policiesBy combines the rows of each policy.
func (s *Store) policiesBy(ctx context.Context, query string, args ...any) ([]settings.Policy, error) {
	var all []settings.Policy
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		var domain string
		p, err := policies.Scan(r, &domain)
		if err != nil {
			return err
		}
		if len(all) == 0 || all[len(all)-1].ID != p.ID {
			all = append(all, p)
		}
		if domain != "" {
			last := &all[len(all)-1]
			last.Domains = append(last.Domains, domain)
		}
		return nil
	}, query, args...)
	return all, s.db.Diagnose(err)
}

// StandardDomains returns the names of the account's domains that use the
// standard policy.
func (s *Store) StandardDomains(ctx context.Context, account string) ([]string, error) {
	return s.domainNames(ctx, `SELECT name FROM domains WHERE account = $1 AND policy_id IS NULL ORDER BY name`, account)
}

func (s *Store) domainNames(ctx context.Context, query string, args ...any) ([]string, error) {
	names, err := domainNames(s.db.Read(ctx), query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: domains of a policy: %w", s.db.Diagnose(err))
	}
	return names, nil
}

func domainNames(from interface {
	Each(func(db.Row) error, string, ...any) error
}, query string, args ...any) ([]string, error) {
	var names []string
	err := from.Each(func(r db.Row) error {
		var name string
		err := r.Scan(&name)
		names = append(names, name)
		return err
	}, query, args...)
	return names, err
}

// CreatePolicy stores p and a, whose changes it fills in. If the account has a
// policy with this name, it returns a Conflict fault.
func (s *Store) CreatePolicy(ctx context.Context, by audit.Grant, p settings.Policy, a audit.Action) error {
	a.Changes = changes(nil, policyText(p))
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		if p.Wipes() {
			if err := checkErasing(t, by, "max_failed_attempts"); err != nil {
				return err
			}
		}
		return policies.Insert(t, p)
	})
	if err = s.policyNamed(err); err != nil {
		return fmt.Errorf("store: create policy: %w", err)
	}
	return nil
}

// policyNamed converts a name that is taken to a Conflict fault.
func (s *Store) policyNamed(err error) error {
	if s.db.Taken(err) {
		return fault.On("name", fault.Conflict, "A policy with this name already exists.")
	}
	return err
}

// ChangePolicy applies change to the policy with p's ID and account, and
// stores its name and rules and a, whose changes it fills in. If nothing
// differs, it stores nothing. If the policy doesn't exist, it returns a
// NotFound fault, and if another one has the name, a Conflict.
func (s *Store) ChangePolicy(ctx context.Context, by audit.Grant, account, id string, change func(settings.Policy) (settings.Policy, error), a audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		old, err := lockPolicy(t, account, id)
		if err != nil {
			return nil, err
		}
		p, err := change(old)
		if err == nil && p.Wipes() && p.Passcode.MaxFailedAttempts != old.Passcode.MaxFailedAttempts {
			err = checkErasing(t, by, "max_failed_attempts")
		}
		if err != nil {
			return nil, err
		}
		a := a // fn may run again
		a.Target.Name = p.Name
		if a.Changes = changes(policyText(old), policyText(p)); len(a.Changes) == 0 {
			return nil, nil
		}
		return []audit.Action{a}, policies.Update(t, p, "account", "created")
	})
	if err = s.policyNamed(err); err != nil {
		return fmt.Errorf("store: change policy: %w", err)
	}
	return nil
}

// lockPolicy returns the policy and locks its row until the transaction ends,
// by a statement that changes nothing.
func lockPolicy(t *db.Tx, account, id string) (settings.Policy, error) {
	p, err := policies.Scan(t.Row(`UPDATE policies SET updated = updated WHERE id = $1 AND account = $2 RETURNING `+policies.Columns, id, account))
	if errors.Is(err, db.ErrNoRows) {
		return settings.Policy{}, errPolicyMissing()
	}
	if err != nil {
		return settings.Policy{}, err
	}
	p.Domains, err = domainNames(t, `SELECT name FROM domains WHERE policy_id = $1 ORDER BY name`, id)
	return p, err
}

// DeletePolicy deletes a policy of the account if check allows it, and stores
// a. If domains use the policy, it returns a Conflict fault that names them:
// the reference in the domain's row decides that. If the policy doesn't exist,
// it returns a NotFound fault.
func (s *Store) DeletePolicy(ctx context.Context, by audit.Grant, account, id string, check func(settings.Policy) error, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		p, err := lockPolicy(t, account, id)
		if err == nil && check != nil {
			err = check(p)
		}
		if err != nil {
			return err
		}
		_, err = t.Exec(`DELETE FROM policies WHERE id = $1 AND account = $2`, id, account)
		return err
	})
	if s.db.Dangling(err) {
		err = s.policyInUse(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("store: delete policy: %w", err)
	}
	return nil
}

func (s *Store) policyInUse(ctx context.Context, id string) error {
	names, err := s.domainNames(ctx, `SELECT name FROM domains WHERE policy_id = $1 ORDER BY name`, id)
	if err != nil {
		return err
	}
	return settings.PolicyInUse(names)
}

// policyText returns a policy's settings as its log shows them.
func policyText(p settings.Policy) []setting {
	all := []setting{{"name", p.Name}}
	for _, c := range ruleColumns(&p.Passcode) {
		all = append(all, setting{c.Name, fmt.Sprint(c.Value())})
	}
	return all
}
