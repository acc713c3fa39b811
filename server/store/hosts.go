package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

var _ settings.HostStore = (*Store)(nil)

const selectHosts = `SELECT pattern, created FROM approved_hosts WHERE account = $1 ORDER BY pattern`

// ApprovedHosts returns those of an account, sorted by pattern.
func (s *Store) ApprovedHosts(ctx context.Context, account string) ([]settings.ApprovedHost, error) {
	all, err := approvedHosts(s.db.Read(ctx), account)
	if err != nil {
		return nil, fmt.Errorf("store: approved hosts: %w", s.db.Diagnose(err))
	}
	return all, nil
}

func approvedHosts(t *db.Tx, account string) ([]settings.ApprovedHost, error) {
	var all []settings.ApprovedHost
	err := t.Each(func(row db.Row) error {
		var h settings.ApprovedHost
		err := row.Scan(&h.Pattern, db.Time(&h.Created))
		all = append(all, h)
		return err
	}, selectHosts, account)
	return all, err
}

// ApproveHost stores h and a. If the pattern exists, or the account has
// settings.MaxApprovedHosts, it returns a Conflict fault.
func (s *Store) ApproveHost(ctx context.Context, by audit.Grant, account string, h settings.ApprovedHost, a audit.Action) error {
	err := s.change(ctx, by, a, func(t *db.Tx) error {
		added, err := approveHost(t, account, "host", h.Pattern, h.Created)
		if err == nil && !added {
			err = fault.On("host", fault.Conflict, "This server is already approved.")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store: approve host: %w", err)
	}
	return nil
}

// approveHost reports whether the pattern is new. The field is where it was
// entered.
func approveHost(t *db.Tx, account, field, pattern string, at time.Time) (bool, error) {
	n, err := t.Exec(`INSERT INTO approved_hosts (account, pattern, created)
		SELECT $1, $2, $3 WHERE (SELECT COUNT(*) FROM approved_hosts WHERE account = $1) < $4
		ON CONFLICT (account, pattern) DO NOTHING`, account, pattern, db.Millis(at), settings.MaxApprovedHosts)
	if err != nil || n > 0 {
		return n > 0, err
	}
	var there int
	if err := t.Row(`SELECT COUNT(*) FROM approved_hosts WHERE account = $1 AND pattern = $2`, account, pattern).Scan(&there); err != nil {
		return false, err
	}
	if there == 0 {
		return false, fault.On(field, fault.Conflict, "An account can approve up to %d servers. Revoke some approvals, or approve all servers below a domain with *.example.com.", settings.MaxApprovedHosts)
	}
	return false, nil
}

// WithdrawHost deletes the pattern and stores a. If the pattern doesn't exist,
// it returns a NotFound fault.
func (s *Store) WithdrawHost(ctx context.Context, by audit.Grant, account, pattern string, a audit.Action) error {
	err := s.changeRight(ctx, by, account, a, func(t *db.Tx) error {
		n, err := t.Exec(`DELETE FROM approved_hosts WHERE account = $1 AND pattern = $2`, account, pattern)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "This server isn't on the list.")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store: withdraw host: %w", err)
	}
	return nil
}

// approve ensures that d, which was old before, uses only approved servers. If
// the actor may approve servers for the account, setting them approves them,
// and approve returns the actions that record it. From anyone else it refuses
// new servers.
func approve(t *db.Tx, by audit.Grant, old, d settings.Domain, now time.Time) ([]audit.Action, error) {
	hosts, err := approvedHosts(t, d.Account)
	if err != nil {
		return nil, err
	}
	var patterns []string
	for _, h := range hosts {
		patterns = append(patterns, h.Pattern)
	}
	if !account.Decides(by) {
		return nil, errors.Join(settings.Unapproved(patterns, old, d)...)
	}
	var actions []audit.Action
	for _, s := range d.ServerFields() {
		if settings.Approves(patterns, s.Host) {
			continue
		}
		if _, err := approveHost(t, d.Account, s.Field, s.Host, now); err != nil {
			return nil, err
		}
		patterns = append(patterns, s.Host)
		actions = append(actions, settings.HostAction(audit.HostApprove, d.Account, s.Host))
	}
	return actions, nil
}

// checkErasing refuses an API key that sets a policy under which phones erase
// themselves, unless the account allows that for keys.
func checkErasing(t *db.Tx, by audit.Grant, field string) error {
	if by.Kind != audit.KeyGrant {
		return nil
	}
	var allowed int
	err := t.Row(`SELECT erasing_policies_by_key FROM accounts WHERE id = $1`, by.Account).Scan(&allowed)
	if err == nil && allowed == 0 {
		err = fault.On(field, fault.ErasingUnapproved,
			"API keys can't set policies that erase devices in this account. An owner can set one in the control panel, or allow it for keys under Members.")
	}
	return err
}

// checkErasingDomain is checkErasing for a change of a domain that adds an
// erasing policy for its devices, or makes it required.
func checkErasingDomain(t *db.Tx, by audit.Grant, old, d settings.Domain) error {
	asBefore := old.PolicyID == d.PolicyID && (old.Policy == d.Policy || old.Policy == settings.Required)
	if d.Policy == settings.Off || asBefore {
		return nil
	}
	attempts := profile.DefaultPasscode().MaxFailedAttempts
	if d.PolicyID != "" {
		if err := t.Row(`SELECT max_failed_attempts FROM policies WHERE id = $1`, d.PolicyID).Scan(&attempts); err != nil {
			return err
		}
	}
	if attempts == 0 {
		return nil
	}
	return checkErasing(t, by, "policy")
}
