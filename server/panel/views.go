package panel

import (
	"time"

	"github.com/updatecase/mobileconfig/templates"
)

// A Frame is what every page of the panel shows around its own content.
type Frame struct {
	Operator  string // the account's name for its people, or the host
	Brand     templates.Brand
	Languages []templates.Language
	Language  templates.Language
	Path      string // the page's own path
	// Nav is the sidebar entry of the page: overview, domains, policies,
	// links, keys, members, sign-in, log, notifications, accounts.
	Nav    string
	Person Person // empty on the pages before sign-in
	// What the member's role allows; pages hide buttons for the rest.
	Write    bool // settings, policies, links
	Automate bool // keys, webhooks, batches
	Manage   bool // members and the account
	Operate  bool // accounts of the installation
	Visited  Visited
	OwnZone  string // the time zone that the member has chosen; empty: the browser's
	Problems []problem
	// Done is what has just been done, the last part of a text ID:
	// "domain.saved".
	Done        string
	Development bool // profiles are signed with the development identity
}

// A Person is the member who views the page.
type Person struct {
	Name    string
	Email   string
	Account string
}

// A Visited is the customer's account that an operator has opened; zero: none.
type Visited struct {
	ID, Name  string
	Changes   bool
	Suspended bool
	Here      bool // the page is about that account, otherwise about the member's own
}

// A problem is a problem in the page's language; Field is empty if it concerns
// the whole form.
type problem struct {
	Field string
	Code  string
	Text  string
}

// A confirmPage asks for a fresh factor before a change. Its form goes to
// Action with the Fields as hidden values.
type confirmPage struct {
	Frame
	Action   string // the requested path
	Method   string // "post": repeat the form; "get": continue to the page
	Fields   []Field
	Passkey  bool // has one and may use it here
	Code     bool // has an authenticator app or recovery codes; otherwise the password is requested
	Withheld bool // the input contained a secret, which must be entered again
}

// A Field is a form field with its value.
type Field struct{ Name, Value string }

// A Paging is one page of a list.
type Paging struct {
	Query string // the list's filter
	Total int    // rows that match
	From  int    // the first row shown, from 1
	To    int
	Prev  string // paths; empty: none
	Next  string
	// Sort is the column by which the list is sorted, after a "-" if
	// descending; empty: the default order.
	Sort    string
	Columns []Column
}

// A Column is a column by which a list can be sorted.
type Column struct {
	By    string
	Path  string // the list in that order
	Order string // ascending, descending; empty: it is sorted by another column
}

// A Choice is a value in a list of choices.
type Choice struct {
	Value  string
	Label  string
	Erases bool
}

// A RemovePage says what will be lost, and asks for confirmation. Its texts
// begin with ID: "panel.remove.domain".
type RemovePage struct {
	Frame
	ID     string // domain, policy, link, mailbox-links, links, key, member, invitation, passkey, totp, recipient, webhook, webhook-off, webhook-secret, mailbox, entry, nanomdm, nanomdm-secret
	Values map[string]any
	Action string
	Fields []Field // hidden
	Back   string
	// Keys are revoked with the member, unless the form says keep_keys. The
	// page shows as many as fit, and MoreKeys is the number of the others.
	Keys     []KeyRow
	MoreKeys int
}

// A KeyRow is an API key in a list.
type KeyRow struct {
	ID            string
	Name          string
	Scopes        []string
	Domains       []string
	Networks      []string
	Created       time.Time
	Expires       time.Time
	LastUsed      time.Time
	LastNetwork   string // it has been used from there
	Unused        bool   // it works, and hasn't been used for a long time
	State         string // live, expired, revoked
	Soon          bool   // it works, and expires soon
	Test          bool
	CreatedBy     string // a member or key; empty: a member who was removed, or neither
	CreatedByKind string // member, key, operator, system
}

// An errorPage describes an error.
type errorPage struct {
	Frame
	Status int
	Code   string
	Detail string
}
