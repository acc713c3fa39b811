package panel

import (
	"time"

	"github.com/updatecase/mobileconfig/templates"
)

// A Frame is what every page of the panel shows around its own.
type Frame struct {
	Operator  string // the account's name for its people, or the host
	Brand     templates.Brand
	Languages []templates.Language
	Language  templates.Language
	Path      string // the page's own path
	// Nav is the entry of the side list that the page belongs to: overview,
	// domains, policies, links, keys, members, sign-in, log, notifications, accounts.
	Nav    string
	Person Person // empty on the pages before sign-in
	// What the member's role allows; pages show no button for the rest.
	Write    bool // settings, policies, links
	Automate bool // keys, webhooks, batches
	Manage   bool // members and the account
	Operate  bool // accounts of the installation
	Visited  Visited
	OwnZone  string // the time zone that the member has chosen; empty: the browser's
	Problems []problem
	// Done is what has just been done, the end of a text id: "domain.saved".
	Done        string
	Development bool // profiles are signed with the development identity
}

// A Person is the member who looks.
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
	Here      bool // the page is of that account; else of the member's own
}

// A problem is what is wrong, in the page's language; Field is empty where it
// is the whole form's.
type problem struct {
	Field string
	Code  string
	Text  string
}

// A confirmPage asks for a fresh factor before a change. Its form goes to
// Action with the Fields as hidden values.
type confirmPage struct {
	Frame
	Action   string // the path that is asked for
	Method   string // "post": repeat the form; "get": go on to the page
	Fields   []Field
	Passkey  bool // has one and may use it here
	Code     bool // has an authenticator app or recovery codes; else the password is asked for
	Withheld bool // something typed was secret and must be typed again
}

// A Field is a field of a form and what it holds.
type Field struct{ Name, Value string }

// A Paging is one page of a list.
type Paging struct {
	Query string // what the list is filtered by
	Total int    // rows that match
	From  int    // the first row shown, from 1
	To    int
	Prev  string // paths; empty: none
	Next  string
	// Sort is the column that the list is sorted by, after a "-" if it falls;
	// empty: as the list is by itself.
	Sort    string
	Columns []Column
}

// A Column is one that a list can be sorted by.
type Column struct {
	By    string
	Path  string // leads to the list in that order
	Order string // ascending, descending; empty: it is sorted by another one
}

// A Choice is one value of a list to choose from.
type Choice struct {
	Value  string
	Label  string
	Erases bool
}

// A RemovePage says what will be lost, and asks. Its texts begin with ID:
// "panel.remove.domain".
type RemovePage struct {
	Frame
	ID     string // domain, policy, link, mailbox-links, links, key, member, invitation, passkey, totp, recipient, webhook, webhook-off, webhook-secret, mailbox, entry, nanomdm, nanomdm-secret
	Values map[string]any
	Action string
	Fields []Field // hidden
	Back   string
	// Keys are revoked with the member, unless the form says keep_keys. The
	// page shows as many as fit, and MoreKeys is how many others there are.
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
	LastNetwork   string // it was used from then
	Unused        bool   // it works, and nothing has used it for long
	State         string // live, expired, revoked
	Soon          bool   // it works, and ends soon
	Test          bool
	CreatedBy     string // a member or key; empty: a member who was removed, or neither
	CreatedByKind string // member, key, operator, system
}

// An errorPage says what went wrong.
type errorPage struct {
	Frame
	Status int
	Code   string
	Detail string
}
