package ledger

import (
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/db"
)

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
