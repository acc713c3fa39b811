package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

var _ settings.PolicyStore = (*Store)(nil)

const (
	rulesColumns = `min_length, max_failed_attempts, reset_minutes, auto_lock_minutes, grace_minutes, ` +
		`min_complex, alphanumeric, max_age_days, history`
	policyColumns = `id, account, name, created, updated, ` + rulesColumns
)

// selectPolicies reads policies, each once for every domain that uses it.
const selectPolicies = `SELECT policies.id, policies.account, policies.name, policies.created, policies.updated, ` + rulesColumns + `,
	COALESCE(domains.name, '') FROM policies LEFT JOIN domains ON domains.policy_id = policies.id WHERE policies.account = $1`

// Policies returns the policies of an account by name.
func (s *Store) Policies(ctx context.Context, account string) ([]settings.Policy, error) {
	all, err := s.policies(ctx, selectPolicies+` ORDER BY policies.name, policies.id, domains.name`, account)
	if err != nil {
		return nil, fmt.Errorf("store: policies: %w", err)
	}
	return all, nil
}

// Policy returns a policy of the account, or a NotFound fault.
func (s *Store) Policy(ctx context.Context, account, id string) (settings.Policy, error) {
	all, err := s.policies(ctx, selectPolicies+` AND policies.id = $2 ORDER BY domains.name`, account, id)
	if err == nil && len(all) == 0 {
		err = errPolicyMissing()
	}
	if err != nil {
		return settings.Policy{}, fmt.Errorf("store: policy: %w", err)
	}
	return all[0], nil
}

func errPolicyMissing() error { return fault.New(fault.NotFound, "There is no such policy.") }

// policies puts the rows of each policy together.
func (s *Store) policies(ctx context.Context, query string, args ...any) ([]settings.Policy, error) {
	var all []settings.Policy
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		var domain string
		p, err := scanPolicy(r, &domain)
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
	var names []string
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		var name string
		err := r.Scan(&name)
		names = append(names, name)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: domains of a policy: %w", s.db.Diagnose(err))
	}
	return names, nil
}

// CreatePolicy keeps p and a, whose changes it fills in.
func (s *Store) CreatePolicy(ctx context.Context, by audit.Grant, p settings.Policy, a audit.Action) error {
	a.Changes = changes(nil, policyText(p))
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		_, err := t.Exec(`INSERT INTO policies (`+policyColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
			append([]any{p.ID, p.Account, p.Name, db.Millis(p.Created), db.Millis(p.Updated)}, rules(p.Passcode)...)...)
		return err
	})
	if s.db.Taken(err) {
		err = fault.New(fault.Conflict, "There is a policy with this id.")
	}
	if err != nil {
		return fmt.Errorf("store: create policy: %w", err)
	}
	return nil
}

// UpdatePolicy gives the policy of that id in the same account the name and
// rules of p, and keeps a, whose changes it fills in. Where nothing differs it
// keeps nothing. One that is not there is a NotFound fault.
func (s *Store) UpdatePolicy(ctx context.Context, by audit.Grant, p settings.Policy, a audit.Action) error {
	err := s.Change(ctx, by, func(t *db.Tx) ([]audit.Action, error) {
		changes, err := updatePolicy(t, p)
		if err != nil || len(changes) == 0 {
			return nil, err
		}
		a := a // fn may run again
		a.Changes = changes
		return []audit.Action{a}, nil
	})
	if err != nil {
		return fmt.Errorf("store: update policy: %w", err)
	}
	return nil
}

func updatePolicy(t *db.Tx, p settings.Policy) ([]audit.Change, error) {
	// The statement changes nothing: it locks the row until the transaction
	// ends, so that what it returns stays true.
	old, err := scanPolicy(t.Row(`UPDATE policies SET updated = updated WHERE id = $1 AND account = $2 RETURNING `+policyColumns, p.ID, p.Account))
	if errors.Is(err, db.ErrNoRows) {
		return nil, errPolicyMissing()
	}
	if err != nil {
		return nil, err
	}
	differ := changes(policyText(old), policyText(p))
	if len(differ) == 0 {
		return nil, nil
	}
	_, err = t.Exec(`UPDATE policies SET name = $2, updated = $3, min_length = $4, max_failed_attempts = $5, reset_minutes = $6,
		auto_lock_minutes = $7, grace_minutes = $8, min_complex = $9, alphanumeric = $10, max_age_days = $11, history = $12 WHERE id = $1`,
		append([]any{p.ID, p.Name, db.Millis(p.Updated)}, rules(p.Passcode)...)...)
	return differ, err
}

// DeletePolicy deletes a policy of the account and keeps a. One that a domain
// uses is a Conflict fault that names the domains: that is decided by the
// reference in the domain's row. One that is not there is a NotFound fault.
func (s *Store) DeletePolicy(ctx context.Context, by audit.Grant, account, id string, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		n, err := t.Exec(`DELETE FROM policies WHERE id = $1 AND account = $2`, id, account)
		if err == nil && n == 0 {
			err = errPolicyMissing()
		}
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

// policyText is what can be set of a policy, as its log shows it.
func policyText(p settings.Policy) []setting {
	names := strings.Split(rulesColumns, ", ")
	all := []setting{{"name", p.Name}}
	for i, n := range numbers(p.Passcode) {
		all = append(all, setting{names[i], strconv.FormatInt(n, 10)})
	}
	return all
}

// numbers are the rules in the order of rulesColumns.
func numbers(p profile.Passcode) []int64 {
	return []int64{int64(p.MinLength), int64(p.MaxFailedAttempts), int64(p.ResetAfter / time.Minute), int64(p.AutoLock / time.Minute),
		int64(p.Grace / time.Minute), int64(p.MinComplex), db.Bit(p.Alphanumeric), int64(p.MaxAgeDays), int64(p.History)}
}

// rules are the numbers as arguments.
func rules(p profile.Passcode) []any {
	var args []any
	for _, n := range numbers(p) {
		args = append(args, n)
	}
	return args
}

// A rulesRow holds the rulesColumns of a row, which may have none.
type rulesRow [9]*int64

// fields are where rulesColumns are scanned to.
func (r *rulesRow) fields() []any {
	out := make([]any, len(r))
	for i := range r {
		out[i] = &r[i]
	}
	return out
}

// passcode is the reverse of numbers.
func (r *rulesRow) passcode() profile.Passcode {
	n := func(i int) int {
		if r[i] == nil {
			return 0
		}
		return int(*r[i])
	}
	minutes := func(i int) time.Duration { return time.Duration(n(i)) * time.Minute }
	return profile.Passcode{
		MinLength:         n(0),
		MaxFailedAttempts: n(1),
		ResetAfter:        minutes(2),
		AutoLock:          minutes(3),
		Grace:             minutes(4),
		MinComplex:        n(5),
		Alphanumeric:      n(6) != 0,
		MaxAgeDays:        n(7),
		History:           n(8),
	}
}

// scanPolicy reads the policyColumns of a row and what comes after them.
func scanPolicy(r db.Row, more ...any) (settings.Policy, error) {
	var p settings.Policy
	var created, updated int64
	var rules rulesRow
	into := append([]any{&p.ID, &p.Account, &p.Name, &created, &updated}, rules.fields()...)
	if err := r.Scan(append(into, more...)...); err != nil {
		return settings.Policy{}, err
	}
	p.Created, p.Updated, p.Passcode = db.Moment(created), db.Moment(updated), rules.passcode()
	return p, nil
}
