package store

import (
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/certificate"
	"github.com/updatecase/mobileconfig/server/db"
)

var _ certificate.Store = (*Store)(nil)

// CertificateValue returns a value for the installation's certificate, or a
// NotFound fault.
func (s *Store) CertificateValue(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := s.db.Read(ctx).Row(`SELECT value FROM certificate_values WHERE name = $1 AND (expires = 0 OR expires > $2)`,
		name, db.Millis(s.now())).Scan(&value)
	if err != nil {
		return nil, s.found("certificate", err)
	}
	return value, nil
}

// SetCertificateValue stores a value; with a lifetime, only that long. It is
// bookkeeping: changes of the certificate have actions of their own.
func (s *Store) SetCertificateValue(ctx context.Context, name string, value []byte, life time.Duration) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error { return s.setCertificateValue(t, name, value, life) })
	if err != nil {
		return fmt.Errorf("store: certificate: %w", err)
	}
	return nil
}

func (s *Store) setCertificateValue(t *db.Tx, name string, value []byte, life time.Duration) error {
	_, err := t.Exec(`INSERT INTO certificate_values (name, value, expires) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET value = $2, expires = $3`, name, value, s.until(life))
	return err
}

// until returns when a lifetime ends, in milliseconds; without a lifetime,
// never.
func (s *Store) until(life time.Duration) int64 {
	if life == 0 {
		return 0
	}
	return db.Millis(s.now().Add(life))
}

// DeleteCertificateValue deletes a value if it exists.
func (s *Store) DeleteCertificateValue(ctx context.Context, name string) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(`DELETE FROM certificate_values WHERE name = $1`, name)
		return err
	})
	if err != nil {
		return fmt.Errorf("store: certificate: %w", err)
	}
	return nil
}

// leaseName is the value that says which server may place an order.
const leaseName = "lease"

// Lease reports whether the owner is the one that may place an order, for that
// long. There is only one owner at a time.
func (s *Store) Lease(ctx context.Context, owner string, life time.Duration) (won bool, err error) {
	err = s.db.Transact(ctx, func(t *db.Tx) error {
		n, err := t.Exec(`INSERT INTO certificate_values (name, value, expires) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET value = $2, expires = $3
			WHERE certificate_values.expires <= $4 OR certificate_values.value = $2`,
			leaseName, []byte(owner), s.until(life), db.Millis(s.now()))
		won = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("store: lease: %w", err)
	}
	return won, nil
}

// EndLease ends the owner's lease early.
func (s *Store) EndLease(ctx context.Context, owner string) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(`DELETE FROM certificate_values WHERE name = $1 AND value = $2`, leaseName, []byte(owner))
		return err
	})
	if err != nil {
		return fmt.Errorf("store: lease: %w", err)
	}
	return nil
}

// ChangeCertificate stores a value for the person who requests it, with a as
// the action.
func (s *Store) ChangeCertificate(ctx context.Context, by audit.Grant, name string, value []byte, a audit.Action) error {
	return s.change(ctx, by, a, func(t *db.Tx) error { return s.setCertificateValue(t, name, value, 0) })
}

// NoteCertificate records an action on the certificate.
func (s *Store) NoteCertificate(ctx context.Context, by audit.Grant, a audit.Action) error {
	return s.change(ctx, by, a, func(*db.Tx) error { return nil })
}
