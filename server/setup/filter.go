package setup

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
)

// A Filter says which links of an account to find. What is empty says
// nothing.
type Filter struct {
	Account string
	// Domains are those whose links may be found. None: all.
	Domains    []string
	Mailbox    string // a folded address
	Domain     string
	ExternalID string
	State      State
	// Before is where the part of the list begins: behind this link.
	Before Place
	// Limit is how many links to return at most. Required.
	Limit int
}

// Found is a part of a list of links.
type Found struct {
	Links []Link
	// Next is where the next part begins. Zero: this is the last.
	Next Place
}

// A Place is that of a link in a list, the newest first.
type Place struct {
	Created time.Time
	ID      string
}

// String is the place as a cursor; empty if p is zero.
func (p Place) String() string {
	if p == (Place{}) {
		return ""
	}
	return strconv.FormatInt(p.Created.UnixMilli(), 10) + "." + p.ID
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
