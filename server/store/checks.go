package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/settings"
)

var _ settings.CheckStore = (*Store)(nil)

// The kinds of checks.
const (
	serverChecks = "servers"
	recordChecks = "records"
)

// Checks returns the latest checks of the domain with the ID.
func (s *Store) Checks(ctx context.Context, domain string) (settings.Checks, error) {
	var c settings.Checks
	err := s.db.Read(ctx).Each(func(r db.Row) error {
		var kind, result string
		var at time.Time
		if err := r.Scan(&kind, &result, db.Time(&at)); err != nil {
			return err
		}
		if kind == serverChecks {
			c.ServersAt = at
			return json.Unmarshal([]byte(result), &c.Servers)
		}
		c.RecordsAt = at
		return json.Unmarshal([]byte(result), &c.Records)
	}, `SELECT kind, result, checked FROM domain_checks WHERE domain = $1`, domain)
	if err != nil {
		return settings.Checks{}, fmt.Errorf("store: checks: %w", s.db.Diagnose(err))
	}
	return c, nil
}

// KeepServerChecks stores the results of checking the servers of the domain
// with the ID. If the domain was deleted, it stores nothing.
func (s *Store) KeepServerChecks(ctx context.Context, domain string, at time.Time, checks []settings.ServerCheck) error {
	return s.keepChecks(ctx, domain, serverChecks, at, checks)
}

// KeepRecordChecks stores the results of checking the DNS records of the
// domain with the ID. If the domain was deleted, it stores nothing.
func (s *Store) KeepRecordChecks(ctx context.Context, domain string, at time.Time, checks []settings.RecordCheck) error {
	return s.keepChecks(ctx, domain, recordChecks, at, checks)
}

func (s *Store) keepChecks(ctx context.Context, domain, kind string, at time.Time, checks any) error {
	result, err := json.Marshal(checks)
	if err != nil {
		return fmt.Errorf("store: keep checks: %w", err)
	}
	err = s.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(`INSERT INTO domain_checks (domain, kind, result, checked)
			SELECT $1, $2, $3, $4 WHERE EXISTS (SELECT 1 FROM domains WHERE id = $1)
			ON CONFLICT (domain, kind) DO UPDATE SET result = excluded.result, checked = excluded.checked`,
			domain, kind, string(result), db.Millis(at))
		return err
	})
	if err != nil {
		return fmt.Errorf("store: keep checks: %w", err)
	}
	return nil
}
