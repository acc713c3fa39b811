package store

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/replay"
)

// Replayed returns the request of the API key that was done under the name, or
// a NotFound fault. If that one asked for something else, as its fingerprint
// tells, the fault is RepeatDiffers.
func (s *Store) Replayed(ctx context.Context, r replay.Request) (replay.Request, error) {
	done := replay.Request{Key: r.Key, Name: r.Name}
	err := s.db.Read(ctx).Row(`SELECT fingerprint, target, answer FROM replays
		WHERE api_key = $1 AND name = $2 AND expires > $3`, r.Key, r.Name, db.Millis(s.now())).
		Scan(&done.Fingerprint, &done.Target, &done.Answer)
	if err != nil {
		return replay.Request{}, s.found("request", err)
	}
	if !bytes.Equal(done.Fingerprint, r.Fingerprint) {
		return replay.Request{}, fault.New(fault.RepeatDiffers, "This Idempotency-Key was used for another request. Send a new one.")
	}
	return done, nil
}

// RecordOnce is Record for a request that is done once. One that was done
// before is [replay.ErrDone].
func (s *Store) RecordOnce(ctx context.Context, by audit.Grant, once *replay.Request, a audit.Action) error {
	if err := s.change(ctx, by, a, func(t *db.Tx) error { return claim(t, once, a.Target.ID, s.now()) }); err != nil {
		return fmt.Errorf("store: record once: %w", err)
	}
	return nil
}

// claim keeps that the request, which created the target, is done. The
// statement decides which of two that come at once is first: the other fails
// with [replay.ErrDone].
func claim(t *db.Tx, r *replay.Request, target string, now time.Time) error {
	if r == nil {
		return nil
	}
	answer := r.Answer
	if answer == nil {
		answer = []byte{}
	}
	n, err := t.Exec(`INSERT INTO replays (api_key, name, fingerprint, target, answer, expires)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (api_key, name) DO UPDATE SET fingerprint = $3, target = $4, answer = $5, expires = $6
		WHERE replays.expires <= $7`,
		r.Key, r.Name, r.Fingerprint, target, answer, db.Millis(now.Add(replay.Life)), db.Millis(now))
	if err == nil && n == 0 {
		err = replay.ErrDone
	}
	return err
}
