package audit

import (
	"net/netip"
	"time"
)

// How many actions a page of a search has: the default and the maximum.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// A Filter selects the actions of a log to show. The zero value of a field
// filters nothing.
type Filter struct {
	Account string // required
	// From and To limit the time: From is inclusive, To is exclusive.
	From, To time.Time
	// Actor is the id of a member or key.
	Actor     string
	ActorKind ActorKind
	Names     []Name
	Outcome   Outcome
	Interface Interface
	// Target is the ID of what was acted on. TargetKind alone selects all
	// targets of a kind.
	TargetKind TargetKind
	Target     string
	// Mailbox is the folded address of a person, Domain an email domain.
	Mailbox string
	Domain  string
	// Network is where requests came from.
	Network netip.Prefix
	// Link is the id of a setup link, and Profile the hash of a profile.
	Link    string
	Profile string
	// Text is searched for in names of actors and targets, changes and codes.
	// Case doesn't matter.
	Text string

	// Before selects only actions with smaller sequence numbers: it is the
	// cursor of the next page.
	Before int64
	// Limit is the maximum number of actions, up to MaxLimit; 0 is
	// DefaultLimit.
	Limit int
}

// Found is the result of a search in a part of a log, the newest action first.
type Found struct {
	Records []Record
	// Next is the value of Before for the next page; 0 if there is no more. A
	// search covers only a limited part of the log at a time, so a Found with a
	// Next may hold fewer records than the limit, or none.
	Next int64
	// Reached is the time of the oldest action that was searched.
	Reached time.Time
}
