package log

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// A logPage shows the action log. Form: from, to, zone, actor (an id, or
// "kind:…"), action (a name, or the beginning of several: "domain."), outcome,
// interface, kind, target, mailbox, domain, network, link, profile, text.
type logPage struct {
	panel.Frame
	Form    web.Form
	Zone    string // of the times shown, such as "Europe/Berlin"
	Members []panel.Choice
	Keys    []panel.Choice
	Names   []string // of actions
	Chips   []chip   // the filters in force
	Rows    []logRow
	Older   string // the path of the next part; empty: this is the end
	Newest  string // the way back to the first part
	// Searched is how far back was looked, where there may be more.
	Searched time.Time
	// Ahead says that a log is ahead of the clock.
	Ahead bool
}

// A chip is a filter in force, and the way to go without it.
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
	WhoTest    bool // a key for trying things out
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
	Told       string // what the change is in its own words: a reason, a page
	Changes    []change
	Erased     bool // the personal text was erased
	Unreadable bool // the content was changed behind the program's back: only number and time are known
}

type change struct{ Field, Old, New string }
