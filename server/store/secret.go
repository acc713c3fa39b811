package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/maintenance"
	"github.com/updatecase/mobileconfig/server/secret"
)

var _ secret.Store = (*Store)(nil)

var secrets = db.NewTable("secrets", func(r *secret.Row) []db.Column {
	return []db.Column{db.Col("id", &r.ID), db.Col("value", &r.Value), db.Col("created", db.Time(&r.Created)), db.Col("ends", db.Time(&r.Ends))}
})

// SecretVersions returns the versions of the secret.
func (s *Store) SecretVersions(ctx context.Context) ([]secret.Row, error) {
	all, err := secrets.All(s.db.Read(ctx), `SELECT `+secrets.Columns+` FROM secrets ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("store: secrets: %w", s.db.Diagnose(err))
	}
	return all, nil
}

// RotateSecret ends the version old, which must be the current one, and stores
// the next one.
func (s *Store) RotateSecret(ctx context.Context, by audit.Grant, old, next secret.Row, a audit.Action) error {
	return s.change(ctx, by, a, func(t *db.Tx) error {
		var one int
		if err := t.Row(`SELECT id FROM installation WHERE id = 1` + t.Exclusive()).Scan(&one); err != nil {
			return err
		}
		var count int
		if err := t.Row(`SELECT COUNT(*) FROM secrets`).Scan(&count); err != nil {
			return err
		}
		if count == 0 { // it is the first rotation
			if err := secrets.Insert(t, old); err != nil {
				return err
			}
		} else if n, err := t.Exec(`UPDATE secrets SET ends = $2 WHERE id = $1 AND ends = 0`, old.ID, db.Millis(old.Ends)); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.Conflict, "Someone else has just rotated the secret."))
		}
		if err := secrets.Insert(t, next); err != nil {
			return err
		}
		return t.EnqueueOnce(secret.Job{Round: next.ID}, maintenance.Queue)
	})
}

// DeleteSecret deletes a version that has ended. It is bookkeeping and logs no
// action.
func (s *Store) DeleteSecret(ctx context.Context, id string) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(`DELETE FROM secrets WHERE id = $1 AND ends > 0`, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("store: secrets: %w", err)
	}
	return nil
}

// EnqueueRewrite enqueues a round in which values are re-encrypted, once
// across all servers. It is bookkeeping and logs no action.
func (s *Store) EnqueueRewrite(ctx context.Context, round string) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		return t.EnqueueOnce(secret.Job{Round: round}, maintenance.Queue)
	})
	if err != nil {
		return fmt.Errorf("store: secrets: %w", err)
	}
	return nil
}

// An encryptedColumn holds encrypted values, each for the context in another
// column. The column within distinguishes values with the same context:
// together they identify rows.
type encryptedColumn struct {
	table, column, context, within string
	purpose                        crypt.Purpose
	found                          bool
	// also is an additional condition.
	also string
}

// encryptedColumns are all encrypted columns: TestEncryptedPlaces looks for
// others.
var encryptedColumns = []encryptedColumn{
	{table: "members", column: "totp", context: "id", within: "totp", purpose: crypt.Seeds},
	{table: "recovery_codes", column: "hash", context: "member", within: "hash", purpose: crypt.RecoveryCodes, found: true},
	{table: "webhooks", column: "secret", context: "id", within: "secret", purpose: crypt.Webhooks},
	{table: "webhooks", column: "previous", context: "id", within: "previous", purpose: crypt.Webhooks},
	{table: "certificate_values", column: "value", context: "name", within: "value", purpose: crypt.Certificate, also: ` AND name NOT IN ('lease', 'request')`},
	{table: "device_servers", column: "api_key", context: "hook", within: "api_key", purpose: crypt.DeviceServers},
	{table: "device_servers", column: "secret", context: "hook", within: "secret", purpose: crypt.DeviceServers},
	{table: "replays", column: "answer", context: "api_key", within: "name", purpose: crypt.Answers},
}

func (c encryptedColumn) place() secret.Place {
	return secret.Place{Name: c.table + "." + c.column, Purpose: c.purpose, Found: c.found}
}

// EncryptedPlaces lists where encrypted values are stored.
func (s *Store) EncryptedPlaces() []secret.Place {
	all := make([]secret.Place, len(encryptedColumns))
	for i, c := range encryptedColumns {
		all[i] = c.place()
	}
	return all
}

func columnOf(p secret.Place) (encryptedColumn, error) {
	for _, c := range encryptedColumns {
		if c.place() == p {
			return c, nil
		}
	}
	return encryptedColumn{}, fmt.Errorf("store: %s holds nothing encrypted", p.Name)
}

// Encrypted returns up to n values of the place that follow a given one,
// ordered by context.
func (s *Store) Encrypted(ctx context.Context, p secret.Place, after secret.Value, most int) ([]secret.Value, error) {
	c, err := columnOf(p)
	if err != nil {
		return nil, err
	}
	var all []secret.Value
	if after.Within == nil {
		after.Within = []byte{}
	}
	err = s.db.Read(ctx).Each(func(r db.Row) error {
		var v secret.Value
		err := r.Scan(&v.Context, &v.Within, &v.Data)
		all = append(all, v)
		return err
	}, fmt.Sprintf(`SELECT %[1]s, %[2]s, %[3]s FROM %[4]s WHERE length(%[3]s) > 0 AND (%[1]s, %[2]s) > ($1, $2)%[5]s
		ORDER BY %[1]s, %[2]s LIMIT $3`, c.context, c.within, c.column, c.table, c.also),
		after.Context, after.Within, most)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", p.Name, s.db.Diagnose(err))
	}
	return all, nil
}

// Reencrypt replaces a value, unless it was changed meanwhile. It is
// bookkeeping and logs no action.
func (s *Store) Reencrypt(ctx context.Context, p secret.Place, old secret.Value, data []byte) error {
	c, err := columnOf(p)
	if err != nil {
		return err
	}
	err = s.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(fmt.Sprintf(`UPDATE %[4]s SET %[3]s = $4 WHERE %[1]s = $1 AND %[2]s = $2 AND %[3]s = $3`, c.context, c.within, c.column, c.table),
			old.Context, old.Within, old.Data, data)
		return err
	})
	if err != nil {
		return fmt.Errorf("store: %s: %w", p.Name, err)
	}
	return nil
}
