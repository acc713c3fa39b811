// Package setup holds setup links and the tickets that they give out.
package setup

import (
	"context"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/settings"
)

// A Link leads one person to the page that sets up their devices.
type Link struct {
	ID      string
	Account string
	Domain  string // its name
	// The person: address as typed with the domain in A-label form; name,
	// login and locale may be empty.
	Address string
	Name    string
	Login   string
	Locale  string
	// Variant is the one that the page offers. Empty: the person chooses.
	Variant settings.Variant
	// ExternalID is what whoever made the link knows it by; may be empty.
	ExternalID string
	// ReturnURL is where the page leads back to; may be empty.
	ReturnURL string
	// Metadata is what a program keeps with the link.
	Metadata settings.Metadata
	// Test says that a test key made the link: its profiles are marked.
	Test bool

	Created time.Time
	Expires time.Time
	Revoked time.Time // zero: not revoked
	// MaxDownloads is how many tickets the link gives out in all.
	MaxDownloads int
	// Tickets counts those given out, Downloads those of them that were
	// fetched at least once.
	Tickets   int
	Downloads int
}

// A State is where a link stands.
type State string

// The states, in the order in which a link goes through them.
const (
	Waiting    State = "waiting"
	Opened     State = "opened" // a ticket was asked for
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

// A Ticket permits to download one profile, a few times, for a short time.
type Ticket struct {
	ID       string
	Link     string // the link's ID
	Variant  settings.Variant
	Platform profile.Platform
	Created  time.Time
	Expires  time.Time
	// MaxFetches is how many downloads the ticket allows, and Fetches how
	// many there were.
	MaxFetches int
	Fetches    int
}

// A Usage is how many links a domain had made on a day, and how many downloads
// these have led to since.
type Usage struct {
	Day       time.Time // its start, in UTC
	Domain    string
	Links     int
	Downloads int
}

// A FirstRun is how far an account has come with its first device. Links that
// were deleted with their domain don't count, and neither do revoked ones that
// no device had downloaded from.
type FirstRun struct {
	Created    bool // a link
	Opened     bool // somebody has pressed the button on its page
	Downloaded bool // a device has fetched the profile
}

// A Limit allows Max new links to whatever Key names in any one Window that
// begins with the first of them.
type Limit struct {
	Key    string
	Max    int
	Window time.Duration
}

// A Store keeps links and tickets. Each method that writes keeps the change
// and its action, or neither.
type Store interface {
	// CreateLink keeps l. Where one of the limits is used up it keeps
	// nothing and returns a Limited fault that says how long to wait. If the
	// request was done before, the error is [replay.ErrDone].
	CreateLink(ctx context.Context, by audit.Grant, l Link, limits []Limit, a audit.Action) error
	// CreateLinks keeps the links, each with the action of the same index. If the
	// request was done before, the error is [replay.ErrDone].
	CreateLinks(ctx context.Context, by audit.Grant, links []Link, actions []audit.Action) error
	// CreateLinkOnce is CreateLink, and keeps that the pass was used. One that
	// was is a RedirectUsed fault, one whose key is gone RedirectInvalid.
	CreateLinkOnce(ctx context.Context, by audit.Grant, l Link, p Pass, limits []Limit, a audit.Action) error
	// Link returns a link in whatever state, or a NotFound fault.
	Link(ctx context.Context, id string) (Link, error)
	// ChangeLink gives the link of the account what can be changed of what
	// change makes of it as it is, and keeps a, whose changes it adds to. Where
	// nothing differs it keeps nothing. One that is not there is a NotFound
	// fault. Change may be called more than once.
	ChangeLink(ctx context.Context, by audit.Grant, account, id string, change func(Link) (Link, error), a audit.Action) error
	// LinkAndDomain returns a link in whatever state with its domain, or a
	// NotFound fault: also if their account is suspended.
	LinkAndDomain(ctx context.Context, id string) (Link, settings.Domain, error)
	// CreateTicket keeps t and counts it on its link. If the link is not
	// live at t.Created, nothing is kept and the fault is NotFound.
	CreateTicket(ctx context.Context, by audit.Grant, t Ticket, a audit.Action) error
	// Permit returns a ticket with its link and the link's domain, or a
	// NotFound fault: also if their account is suspended.
	Permit(ctx context.Context, ticket string) (Permit, error)
	// UseTicket counts one fetch of the ticket, and on its link the download
	// if it is the first. Once the ticket is spent or past its time, or its
	// link revoked, nothing is kept and the fault is Gone.
	UseTicket(ctx context.Context, by audit.Grant, id string, at time.Time, a audit.Action) error
	// Links returns a part of the links that the filter finds at the time.
	Links(ctx context.Context, f Filter, at time.Time) (Found, error)
	// RevokeLink revokes a link of the account. One that is revoked already
	// stays as it is, without an action; one that is not there is a NotFound
	// fault.
	RevokeLink(ctx context.Context, by audit.Grant, account, id string, at time.Time, a audit.Action) error
	// RevokeLinks revokes the links of a mailbox or domain that could still
	// lead to a download, says in a how many, and returns it. Where there are
	// none it keeps nothing.
	RevokeLinks(ctx context.Context, by audit.Grant, g Group, at time.Time, a audit.Action) (int, error)
	// CountLinks returns how many links RevokeLinks would revoke.
	CountLinks(ctx context.Context, g Group, at time.Time) (int, error)
}
