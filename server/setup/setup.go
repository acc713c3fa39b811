// Package setup holds setup links and the tickets that they issue.
package setup

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/settings"
)

// A Link leads one person to the page that sets up their devices.
type Link struct {
	ID      string
	Account string
	Domain  string // its name
	// The person: address as entered with the domain in A-label form; name,
	// login and locale may be empty.
	Address string
	Name    string
	Login   string
	Locale  string
	// Variant is the only one that the page offers. Empty: the person chooses.
	Variant settings.Variant
	// ExternalID is the creator's own ID for the link. May be empty.
	ExternalID string
	// ReturnURL is where the page links back to. May be empty.
	ReturnURL string
	// Metadata is data of programs.
	Metadata settings.Metadata
	// Test means that the link was created with a test key: its profiles are
	// marked.
	Test bool

	Created time.Time
	Expires time.Time
	Revoked time.Time // zero: not revoked
	// MaxDownloads is how many tickets the link issues in total.
	MaxDownloads int
	// Tickets counts those issued, Downloads those of them that were fetched
	// at least once.
	Tickets   int
	Downloads int
}

// A State is the state of a link.
type State string

// The states, in the order in which a link goes through them.
const (
	Waiting    State = "waiting"
	Opened     State = "opened" // a ticket was requested
	Downloaded State = "downloaded"
	Used       State = "used" // no tickets left
	Expired    State = "expired"
	Revoked    State = "revoked"
)

// State returns the state of l at the time.
func (l Link) State(now time.Time) State {
	switch {
	case !l.Revoked.IsZero():
		return Revoked
	case !now.Before(l.Expires):
		return Expired
	case l.Tickets >= l.MaxDownloads:
		return Used
	case l.Downloads > 0:
		return Downloaded
	case l.Tickets > 0:
		return Opened
	}
	return Waiting
}

// Live reports whether a person can still use l.
func (l Link) Live(now time.Time) bool {
	switch l.State(now) {
	case Waiting, Opened, Downloaded:
		return true
	}
	return false
}

// A Ticket permits a few downloads of one profile for a short time.
type Ticket struct {
	ID       string
	Link     string // the link's ID
	Variant  settings.Variant
	Platform profile.Platform
	Created  time.Time
	Expires  time.Time
	// MaxFetches is how many downloads the ticket permits, and Fetches how
	// many there were.
	MaxFetches int
	Fetches    int
}

// A Usage is how many links of a domain were created on a day, and how many
// downloads these have led to since.
type Usage struct {
	Day       time.Time // its start, in UTC
	Domain    string
	Links     int
	Downloads int
}

// A FirstRun is how far an account has come with its first device. Links that
// were deleted with their domain don't count, nor do revoked ones without a
// download.
type FirstRun struct {
	Created    bool // a link
	Opened     bool // someone has tapped the button on its page
	Downloaded bool // a device has fetched the profile
}

// A Store stores links and tickets. Each method that writes stores the change
// and its action, or neither.
type Store interface {
	// CreateLink stores l. If one of the limits is used up, it stores nothing
	// and returns a Limited fault that says how long to wait. If the request
	// was executed before, the error is [replay.ErrDone].
	CreateLink(ctx context.Context, by audit.Grant, l Link, limits []admission.Limit, a audit.Action) error
	// CreateLinks stores the links, each with the action of the same index. If
	// the request was executed before, the error is [replay.ErrDone].
	CreateLinks(ctx context.Context, by audit.Grant, links []Link, actions []audit.Action) error
	// CreateLinkOnce is CreateLink that also records the pass as used. If it
	// was used before, the fault is RedirectUsed, and if its key was deleted,
	// RedirectInvalid.
	CreateLinkOnce(ctx context.Context, by audit.Grant, l Link, p Pass, limits []admission.Limit, a audit.Action) error
	// Link returns a link in any state, or a NotFound fault.
	Link(ctx context.Context, id string) (Link, error)
	// ChangeLink applies change to the link of the account, and stores its
	// changeable fields and a, to whose changes it adds. If nothing differs,
	// it stores nothing. If the link doesn't exist, it returns a NotFound
	// fault. Change may be called more than once.
	ChangeLink(ctx context.Context, by audit.Grant, account, id string, change func(Link) (Link, error), a audit.Action) error
	// LinkAndDomain returns a link in any state with its domain. If it doesn't
	// exist or the account is suspended, it returns a NotFound fault.
	LinkAndDomain(ctx context.Context, id string) (Link, settings.Domain, error)
	// CreateTicket stores t and counts it on its link. If the link isn't
	// active at t.Created, it stores nothing and returns a NotFound fault.
	CreateTicket(ctx context.Context, by audit.Grant, t Ticket, a audit.Action) error
	// Permit returns a ticket with its link and the link's domain. If it
	// doesn't exist or the account is suspended, it returns a NotFound fault.
	Permit(ctx context.Context, ticket string) (Permit, error)
	// UseTicket counts one fetch of the ticket and, if it's the first, a
	// download on its link. If the ticket is used up or expired, or its link
	// revoked, it stores nothing and returns a Gone fault.
	UseTicket(ctx context.Context, by audit.Grant, id string, at time.Time, a audit.Action) error
	// Links returns a page of the links that match the filter at the time.
	Links(ctx context.Context, f Filter, at time.Time) (Found, error)
	// RevokeLink revokes a link of the account. If it is already revoked, it
	// stays as it is, without an action. If it doesn't exist, it returns a
	// NotFound fault.
	RevokeLink(ctx context.Context, by audit.Grant, account, id string, at time.Time, a audit.Action) error
	// RevokeLinks revokes the links of a mailbox or domain that could still
	// lead to a download, records their number in a, and returns it. If there
	// are none, it stores nothing.
	RevokeLinks(ctx context.Context, by audit.Grant, g Group, at time.Time, a audit.Action) (int, error)
	// CountLinks returns how many links RevokeLinks would revoke.
	CountLinks(ctx context.Context, g Group, at time.Time) (int, error)
}
