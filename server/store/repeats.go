package store

import (
	"bytes"
	"context"

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
