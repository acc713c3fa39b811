package store

import (
	"bytes"
	"context"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
)

// Repeated returns the request of the API key that was done under the name, or
// a NotFound fault. If that one asked for something else, as its fingerprint
// tells, the fault is RepeatDiffers.
func (s *Store) Repeated(ctx context.Context, r audit.Repeat) (audit.Repeat, error) {
	done := audit.Repeat{Key: r.Key, Name: r.Name}
	err := s.db.Read(ctx).Row(`SELECT fingerprint, target, answer FROM repeats
		WHERE api_key = $1 AND name = $2 AND expires > $3`, r.Key, r.Name, db.Millis(s.now())).
		Scan(&done.Fingerprint, &done.Target, &done.Answer)
	if err != nil {
		return audit.Repeat{}, s.found("request", err)
	}
	if !bytes.Equal(done.Fingerprint, r.Fingerprint) {
		return audit.Repeat{}, fault.New(fault.RepeatDiffers, "This Idempotency-Key was used for another request. Send a new one.")
	}
	return done, nil
}

// claimRequest keeps that the request behind a is done, if it may be sent again. The
// statement decides which of two that come at once is: the other fails with
// audit.ErrRepeated.
func claimRequest(t *db.Tx, by audit.Grant, a audit.Action, now time.Time) error {
	r := by.Repeat
	if r == nil {
		return nil
	}
	answer := r.Answer
	if answer == nil {
		answer = []byte{}
	}
	n, err := t.Exec(`INSERT INTO repeats (api_key, name, fingerprint, target, answer, expires)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (api_key, name) DO UPDATE SET fingerprint = $3, target = $4, answer = $5, expires = $6
		WHERE repeats.expires <= $7`,
		r.Key, r.Name, r.Fingerprint, a.Target.ID, answer, db.Millis(now.Add(audit.RepeatLife)), db.Millis(now))
	if err == nil && n == 0 {
		err = audit.ErrRepeated
	}
	return err
}
