package account

import (
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
)

// UnusedAfter is how long a key can go unused before a notice is sent.
const UnusedAfter = 90 * 24 * time.Hour

// Unused reports whether the key is active and hasn't been used for a long
// time.
func (k Key) Unused(now time.Time) bool {
	since := k.LastUsed
	if since.IsZero() {
		since = k.Created
	}
	return k.Revoked.IsZero() && (k.Expires.IsZero() || now.Before(k.Expires)) && !now.Before(since.Add(UnusedAfter))
}

// UnusedNotice returns the action that reports an unused key.
func (k Key) UnusedNotice(by audit.Grant) audit.Action {
	return audit.Action{
		Account: k.Account,
		Name:    audit.KeyUnused,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.KeyTarget, ID: k.ID, Name: k.Name},
		Changes: []audit.Change{{Field: "last_used_at", New: timeText(k.LastUsed)}},
	}
}
