package ledger

import (
	"context"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/replay"
)

// claimRequest makes fn also store that the request of the context is done, if
// there is one. The statement decides which of two concurrent requests is
// first: the other fails with [replay.ErrDone].
func (l *Ledger) claimRequest(ctx context.Context, fn func(*db.Tx) ([]audit.Action, error)) func(*db.Tx) ([]audit.Action, error) {
	r, ok := replay.Of(ctx)
	if !ok {
		return fn
	}
	return func(t *db.Tx) ([]audit.Action, error) {
		now := l.now()
		n, err := t.Exec(`INSERT INTO replays (api_key, name, fingerprint, answer, expires) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (api_key, name) DO UPDATE SET fingerprint = $3, answer = $4, expires = $5 WHERE replays.expires <= $6`,
			r.Key, r.Name, r.Fingerprint, []byte{}, db.Millis(now.Add(replay.Life)), db.Millis(now))
		if err == nil && n == 0 {
			err = replay.ErrDone
		}
		if err != nil {
			return nil, err
		}
		return fn(t)
	}
}
