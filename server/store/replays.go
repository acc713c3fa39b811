package store

import (
	"bytes"
	"context"
	"fmt"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/replay"
)

// Replayed returns the API key's executed request with the name, or a NotFound
// fault. If the fingerprint shows that it was another request, it returns a
// RepeatDiffers fault.
func (s *Store) Replayed(ctx context.Context, r replay.Request) (replay.Request, error) {
	done := replay.Request{Key: r.Key, Name: r.Name}
	err := s.db.Read(ctx).Row(`SELECT fingerprint, answer FROM replays
		WHERE api_key = $1 AND name = $2 AND expires > $3`, r.Key, r.Name, db.Millis(s.now())).
		Scan(&done.Fingerprint, &done.Answer)
	if err != nil {
		return replay.Request{}, s.found("request", err)
	}
	if !bytes.Equal(done.Fingerprint, r.Fingerprint) {
		return replay.Request{}, fault.New(fault.RepeatDiffers, "This Idempotency-Key was already used for another request. Send a new one.")
	}
	return done, nil
}

// KeepAnswer stores the response to the request for as long as it can be
// repeated. A request that changed nothing is marked as executed only now.
func (s *Store) KeepAnswer(ctx context.Context, r replay.Request) error {
	err := s.db.Transact(ctx, func(t *db.Tx) error {
		_, err := t.Exec(`INSERT INTO replays (api_key, name, fingerprint, answer, expires) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (api_key, name) DO UPDATE SET answer = $4, expires = $5 WHERE replays.fingerprint = $3`,
			r.Key, r.Name, r.Fingerprint, r.Answer, db.Millis(s.now().Add(replay.Life)))
		return err
	})
	if err != nil {
		return fmt.Errorf("store: keep answer: %w", err)
	}
	return nil
}
