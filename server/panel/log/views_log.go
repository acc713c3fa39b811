package log

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// A logPage shows the action log. Form: from, to, zone, actor (an ID, or
// "kind:…"), action (a name, or the beginning of several: "domain."), outcome,
// interface, kind, target, mailbox, domain, network, link, profile, text.
type logPage struct {
	panel.Frame
	Form    web.Form
	Zone    string // of the shown times, for example "Europe/Berlin"
	Members []panel.Choice
	Keys    []panel.Choice
	Names   []string // of actions
	Chips   []chip   // the active filters
	Rows    []logRow
	Older   string // the path of the next page; empty: this is the last
	Newest  string // the path of the first page
	// Searched is how far back the search went, if there may be more.
	Searched time.Time
	// Ahead means that a log is ahead of the clock.
	Ahead bool
}

// A chip is an active filter, with a link that removes it.
type chip struct {
	Name  string
	Value string
	Path  string
}

// A logRow is an action. Its At is in the zone of the page.
type logRow struct {
	Seq        int64
	At         time.Time
	Name       string // "domain.update"; empty: the content was removed by retention
	Refused    bool
	Reason     string // the code of the fault
	Who        string
	WhoKind    string
	WhoID      string
	WhoTest    bool // a test key
	Target     string
	TargetKind string
	TargetID   string
	History    string // the path of all actions on the target
	Interface  string
	Request    string
	IP         string
	Client     string
	Link       string
	Profile    string
	Identity   string
	Told       string // the change in its own words: a reason, a page
	Changes    []change
	Erased     bool // the personal text was erased
	Unreadable bool // the content was altered outside of the program: only number and time are known
}

type change struct{ Field, Old, New string }
