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

// A Filter selects links of an account and their order. Empty fields don't
// restrict the result.
type Filter struct {
	Account string
	// Domains limits the result to links of these domains. None: all.
	Domains    []string
	Mailbox    string // a folded address
	Domain     string
	ExternalID string
	// States limits the result to links in one of these states.
	States []State
	// From and To limit the time of creation. From is included, To isn't.
	From, To time.Time
	// Test selects links that are tests, or links that aren't.
	Test *bool
	// Name is part of the name, ignoring case.
	Name string
	// Metadata is a pair that the links must have. Zero: any.
	Metadata settings.Pair
	// Sort is the order. Empty: NewestFirst.
	Sort Order
	// After is the link after which the page begins.
	After Place
	// Limit is the maximum number of links. Required.
	Limit int
}

// An Order is the order of a list of links.
type Order string

// The orders.
const (
	NewestFirst      Order = "-created_at"
	OldestFirst      Order = "created_at"
	LatestEndFirst   Order = "-expires_at"
	EarliestEndFirst Order = "expires_at"
)

// Orders lists all orders, the default one first.
func Orders() []Order { return []Order{NewestFirst, OldestFirst, LatestEndFirst, EarliestEndFirst} }

// ByEnd reports whether links are sorted by expiry rather than by creation.
func (o Order) ByEnd() bool { return o == LatestEndFirst || o == EarliestEndFirst }

// Ascends reports whether the earliest comes first.
func (o Order) Ascends() bool { return o == OldestFirst || o == EarliestEndFirst }

// PlaceOf returns the place of the link.
func (o Order) PlaceOf(l Link) Place {
	if o.ByEnd() {
		return Place{l.Expires, l.ID}
	}
	return Place{l.Created, l.ID}
}

// Compare returns a negative number if p comes before q.
func (o Order) Compare(p, q Place) int {
	n := cmp.Or(p.Time.Compare(q.Time), cmp.Compare(p.ID, q.ID))
	if o.Ascends() {
		return n
	}
	return -n
}

const (
	// ListReach is how many links a list checks in one call if the filters
	// have no index.
	ListReach = 10_000
	// ListBatch is how many of them it reads at once.
	ListBatch = 500
	// LapseBatch is how many links expire in one transaction, which locks
	// their logs.
	LapseBatch = 500
)

// Found is a page of a list of links. It may be shorter than the limit, or
// empty, and still have a next page: with filters without an index, a call
// checks only a limited part of the list.
type Found struct {
	Links []Link
	// Next is where the next page begins. Zero: this is the last page.
	Next Place
}

// A Place is the position of a link in a list: the time by which the list is
// sorted, and the ID.
type Place struct {
	Time time.Time
	ID   string
}

// String returns the place as a cursor, or an empty text if p is zero.
func (p Place) String() string {
	if p == (Place{}) {
		return ""
	}
	return strconv.FormatInt(p.Time.UnixMilli(), 10) + "." + p.ID
}

// ParsePlace parses a cursor. For an invalid one it returns a fault of the
// field "cursor".
func ParsePlace(cursor string) (Place, error) {
	if cursor == "" {
		return Place{}, nil
	}
	const longest = 60
	millis, id, _ := strings.Cut(cursor, ".")
	n, err := strconv.ParseInt(millis, 10, 64)
	if err != nil || n < 0 || !strings.HasPrefix(id, "lnk_") || len(cursor) > longest || !profile.IsLine(cursor) {
		return Place{}, fault.On("cursor", fault.Invalid, "Send the next_cursor of the previous page as the cursor.")
	}
	return Place{time.UnixMilli(n).UTC(), id}, nil
}

// States lists all states.
func States() []State { return []State{Waiting, Opened, Downloaded, Used, Expired, Revoked} }

// ParseState parses a state, or an empty text. For an unknown one it returns a
// fault of the field "state".
func ParseState(name string) (State, error) {
	if name != "" && !slices.Contains(States(), State(name)) {
		return "", fault.On("state", fault.Invalid, "Choose one of the states.")
	}
	return State(name), nil
}

// A Group selects the links of a mailbox, by its folded address, or of a
// domain.
type Group struct {
	Account string
	Mailbox string
	Domain  string
}
