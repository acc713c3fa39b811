package account

import (
	"strconv"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
)

// An ExpiringKey is a key that expires soon: an API key, or one for redirects.
type ExpiringKey struct {
	ID, Account, Name string
	Redirects         bool
	Created, Expires  time.Time
	// LastNotice is the smallest number of days before expiry for which a notice was
	// sent, or NoNotice.
	LastNotice int
}

// NoNotice is more days than any notice is sent ahead.
const NoNotice = 1 << 20

// noticeDays are the numbers of days before expiry at which notices are sent,
// the smallest first.
var noticeDays = []int{1, 7, 30}

// NoticeAhead is how long before its expiry the first notice about a key is
// sent.
const NoticeAhead = 30 * 24 * time.Hour

// Notice returns the number of days before expiry that the notice due now is
// for, and the action that sends it; ok is false if none is due. A key gets no
// notice for more days than its whole life.
func (k ExpiringKey) Notice(by audit.Grant, now time.Time) (days int, a audit.Action, ok bool) {
	const day = 24 * time.Hour
	for _, days := range noticeDays {
		before := k.Expires.Add(-time.Duration(days) * day)
		if now.Before(before) || !k.Created.Before(before) {
			continue
		}
		if days >= k.LastNotice {
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

// DaysField is the change in which a notice says how many days are left.
const DaysField = "days"
