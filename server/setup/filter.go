package setup

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

// A Filter says which links of an account to find, and in which order. What is
// empty says nothing.
type Filter struct {
	Account string
	// Domains are those whose links may be found. None: all.
	Domains    []string
	Mailbox    string // a folded address
	Domain     string
	ExternalID string
	// States are those in one of which a link is.
	States []State
	// From and To bound the time of creation: From itself is within, To is not.
	From, To time.Time
	// Test finds links that are tests, or those that are none.
	Test *bool
	// Name is part of the name, in upper or lower case.
	Name string
	// Metadata is a pair that the links have. Zero: any.
	Metadata settings.Pair
	// Sort is the order. Empty: NewestFirst.
	Sort Order
	// After is where the part of the list begins: behind this link.
	After Place
	// Limit is how many links to return at most. Required.
	Limit int
}

// An Order is that of a list of links.
type Order string

// The orders.
const (
	NewestFirst      Order = "-created_at"
	OldestFirst      Order = "created_at"
	LatestEndFirst   Order = "-expires_at"
	EarliestEndFirst Order = "expires_at"
)

// Orders lists all orders, that of lists by default first.
func Orders() []Order { return []Order{NewestFirst, OldestFirst, LatestEndFirst, EarliestEndFirst} }

// ByEnd reports whether links are in the order of their ends rather than of
// their creation.
func (o Order) ByEnd() bool { return o == LatestEndFirst || o == EarliestEndFirst }

// Ascends reports whether the earliest is the first.
func (o Order) Ascends() bool { return o == OldestFirst || o == EarliestEndFirst }

// PlaceOf is that of the link.
func (o Order) PlaceOf(l Link) Place {
	if o.ByEnd() {
		return Place{l.Expires, l.ID}
	}
	return Place{l.Created, l.ID}
}

// Compare is negative if p comes before q.
func (o Order) Compare(p, q Place) int {
	n := cmp.Or(p.Time.Compare(q.Time), cmp.Compare(p.ID, q.ID))
	if o.Ascends() {
		return n
	}
	return -n
}

const (
	// ListReach is how many links a list looks at before it gives way, where
	// they have to be held against filters that no index has.
	ListReach = 10_000
	// ListBatch is how many of them it reads at once.
	ListBatch = 500
	// LapseBatch is how many links lapse in one transaction, for whose length
	// their logs are locked.
	LapseBatch = 500
)

// Found is a part of a list of links. It may be shorter than the limit, or
// empty, and have a next one: of filters without an index a bounded part of the
// list is looked at.
type Found struct {
	Links []Link
	// Next is where the next part begins. Zero: this is the last.
	Next Place
}

// A Place is that of a link in a list: the time that the order goes by, and the
// ID.
type Place struct {
	Time time.Time
	ID   string
}

// String is the place as a cursor; empty if p is zero.
func (p Place) String() string {
	if p == (Place{}) {
		return ""
	}
	return strconv.FormatInt(p.Time.UnixMilli(), 10) + "." + p.ID
}

// ParsePlace reads a cursor. One that is none is a fault of the field
// "cursor".
func ParsePlace(cursor string) (Place, error) {
	if cursor == "" {
		return Place{}, nil
	}
	const longest = 60
	millis, id, _ := strings.Cut(cursor, ".")
	n, err := strconv.ParseInt(millis, 10, 64)
	if err != nil || n < 0 || !strings.HasPrefix(id, "lnk_") || len(cursor) > longest || !profile.IsLine(cursor) {
		return Place{}, fault.On("cursor", fault.Invalid, "Send as the cursor what next_cursor of the page before was.")
	}
	return Place{time.UnixMilli(n).UTC(), id}, nil
}

// States lists all states.
func States() []State { return []State{Waiting, Opened, Downloaded, Used, Expired, Revoked} }

// ParseState reads a state, or none. An unknown one is a fault of the field
// "state".
func ParseState(name string) (State, error) {
	if name != "" && !slices.Contains(States(), State(name)) {
		return "", fault.On("state", fault.Invalid, "Choose one of the states.")
	}
	return State(name), nil
}

// A Group is the links of a mailbox, by its folded address, or of a domain.
type Group struct {
	Account string
	Mailbox string
	Domain  string
}
