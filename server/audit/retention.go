package audit

import (
	"strconv"
	"time"

	"github.com/updatecase/mobileconfig/server/fault"
)

const day = 24 * time.Hour

// How many days the content of actions is kept: the range that an account can
// choose from, besides 0 for keeping it forever, and the default.
const (
	MinRetention     = 90
	MaxRetention     = 2557 // seven years
	DefaultRetention = 400
)

// ClockSkew is by how much correct clocks may differ.
const ClockSkew = 5 * time.Minute

// CheckRetention returns an Invalid fault for a number of days that is out of
// range.
func CheckRetention(days int) error {
	if days != 0 && (days < MinRetention || days > MaxRetention) {
		return fault.On(retentionField, fault.Invalid, "Choose %d to %d days, or 0 to keep everything.", MinRetention, MaxRetention)
	}
	return nil
}

// A Setting is how long the content of a log's actions is kept, and the action
// that set it. Seq 0 is the default.
type Setting struct {
	Seq  int64
	Days int
}

// A Retention is what the recorded setting removes from a log: the content of
// all actions up to Through, which are from before a time. Content is removed
// by whole days, UTC.
type Retention struct {
	Through int64
	Before  time.Time
	// Root is the hash of the log's tree when it had Through actions.
	Root Hash
	Setting
	// Checked is how many actions the log had when it was checked. Later
	// actions may have changed the setting.
	Checked int64
}

// retentionLimit returns the end of the last day whose content may be removed
// at the time.
func retentionLimit(now time.Time, days int) time.Time {
	return now.UTC().Add(-time.Duration(days) * day).Truncate(day)
}

// A dayEnd is the state of a log after its last action of a day.
type dayEnd struct {
	at int64 // time of that action, in Unix milliseconds
	Tree
}

// sameDay reports whether two times in Unix milliseconds are on one day, UTC.
func sameDay(x, y int64) bool { return x/day.Milliseconds() == y/day.Milliseconds() }

// A Report is what a check has learned about a log in which it found nothing
// wrong.
type Report struct {
	// Size is how many actions the log has.
	Size int64
	// Emptied is how many actions have lost their content to retention.
	Emptied int64
	// Erased is how many other actions have lost their personal text, by
	// reason.
	Erased map[Reason]int64
	// Setting is the last recorded retention setting.
	Setting Setting
	// Keys are the public keys of the log, the oldest first.
	Keys []PublicKey

	days []dayEnd
}

// Retention returns what is to be removed at the time, and false if that is
// nothing. Actions are removed in the order of their numbers: none after one
// that is kept. A time in the future comes from a wrong clock and is ignored.
func (r Report) Retention(now time.Time) (Retention, bool) {
	if r.Setting.Days == 0 {
		return Retention{}, false
	}
	limit := retentionLimit(now, r.Setting.Days)
	var last dayEnd
	for _, d := range r.days {
		if d.at >= limit.UnixMilli() && d.at <= now.Add(ClockSkew).UnixMilli() {
			break
		}
		if d.at < limit.UnixMilli() {
			last = d
		}
	}
	return Retention{last.Size, limit, last.Root, r.Setting, r.Size}, last.Size > r.Emptied
}

// setting returns the retention setting that the action records, if it does.
func (e Entry) setting() (s Setting, ok bool) {
	if e.Name != AccountUpdate || e.Outcome != Done {
		return s, false
	}
	for _, c := range e.Changes {
		if c.Field == retentionField {
			days, err := strconv.Atoi(c.New)
			return Setting{e.Seq, days}, err == nil
		}
	}
	return s, false
}
