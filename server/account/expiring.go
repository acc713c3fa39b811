package account

import (
	"strconv"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
)

// An ExpiringKey is a key that ends soon: of the API, or one for redirects.
type ExpiringKey struct {
	ID, Account, Name string
	Redirects         bool
	Created, Expires  time.Time
	// Told is the fewest days before its end of which somebody was told, or
	// Untold.
	Told int
}

// Untold is more days than a key is told of before its end.
const Untold = 1 << 20

// noticeDays are how many days before its end a key is told of, the nearest
// first.
var noticeDays = []int{1, 7, 30}

// NoticeAhead is how long before its end a key is first told of.
const NoticeAhead = 30 * 24 * time.Hour

// Notice returns for how many days before its end the key is to be told of now,
// and the action that does; ok is false if it isn't. Nobody is told of days that
// the key has never had.
func (k ExpiringKey) Notice(by audit.Grant, now time.Time) (days int, a audit.Action, ok bool) {
	const day = 24 * time.Hour
	for _, days := range noticeDays {
		before := k.Expires.Add(-time.Duration(days) * day)
		if now.Before(before) || !k.Created.Before(before) {
			continue
		}
		if days >= k.Told {
			break
		}
		kind := audit.KeyTarget
		if k.Redirects {
			kind = audit.RedirectKeyTarget
		}
		left := int((k.Expires.Sub(now) + day - 1) / day)
		return days, audit.Action{
			Account: k.Account,
			Name:    audit.KeyExpiring,
			Outcome: audit.Done,
			Actor:   by.Actor,
			Target:  audit.Target{Kind: kind, ID: k.ID, Name: k.Name},
			Changes: []audit.Change{{Field: "expires_at", New: timeText(k.Expires)}, {Field: DaysField, New: strconv.Itoa(left)}},
		}, true
	}
	return 0, audit.Action{}, false
}

// DaysField is the change by which a notice says how many days are left.
const DaysField = "days"
