package audit

import (
	"net/netip"
	"time"
)

// How many actions a page of a search has: by default, and at most.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// A Filter says which actions of a log to show. The zero value of a field
// filters nothing.
type Filter struct {
	Account string // required
	// From and To bound the time: From itself is within, To is not.
	From, To time.Time
	// Actor is the id of a member or key.
	Actor     string
	ActorKind ActorKind
	Names     []Name
	Outcome   Outcome
	Interface Interface
	// Target is the id of what was acted on; with TargetKind alone, all of a
	// kind.
	TargetKind TargetKind
	Target     string
	// Mailbox is the folded address of a person, Domain a mail domain.
	Mailbox string
	Domain  string
	// Network is where requests came from.
	Network netip.Prefix
	// Link is the id of a setup link, and Profile the hash of a profile.
	Link    string
	Profile string
	// Text is looked for, in upper or lower case, in names of actors and targets,
	// changes and codes.
	Text string

	// Before shows actions with smaller sequence numbers alone: it is the
	// cursor of the next page.
	Before int64
	// Limit is the most actions to show, up to MaxLimit; 0 is DefaultLimit.
	Limit int
}

// A Found is what a filter found in a part of a log, the newest action first.
type Found struct {
	Records []Record
	// Next is what Before must be to go on; 0 if there is no more. A
	// Found may hold fewer records than the limit, or none, and have a Next:
	// a search looks at a bounded part of the log at a time.
	Next int64
	// Reached is the time of the oldest action that was looked at.
	Reached time.Time
}
