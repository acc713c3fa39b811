package mail

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// A batchesPage lists batches. Form: address, state.
type batchesPage struct {
	panel.Frame
	Form    web.Form
	States  []string
	Rows    []batchRow
	Older   string // the path of the next page; empty: this is the last
	Newest  string // the path of the first page
	Columns []panel.Column
}

type batchRow struct {
	ID      string
	Name    string
	State   string // checking, ready, running, done, failed, canceled
	People  int    // usable rows
	By      string // who created it
	Created time.Time
}

// A newBatchPage uploads a list.
type newBatchPage struct {
	panel.Frame
	Locked bool // the account has no domain yet
}

// A batchPage shows one batch. Form: platform, output, mail,
// variant, declarations, locale.
type batchPage struct {
	panel.Frame
	Row     batchRow
	Form    web.Form
	Checked bool // the list was read
	Bad     int  // rows with problems
	Off     int  // rows that are suspended
	Files   int
	Notices []string
	Columns []batchColumn
	Fields  []string // that a column can be
	Wrong   []batchProblem
	Errors  bool // there is an errors.csv
	Erases  bool
	// What can be done with the batch now.
	Choosable, Startable, Resumes, Reissuable bool
	Live                                      batchLive
	Archives                                  []batchArchive
	Detail                                    string // why it has stopped
	Size                                      string // of the list
	Platform, Variant, Output                 string
	SendsMail                                 bool // links can be sent by email
	Links                                     batchLinks
	Refused                                   []batchRefused
	Signer                                    string
	Push                                      batchPush
	Started, Ended, Expires                   time.Time
	Expired                                   bool
}

// batchLinks counts the links, and their emails by status.
type batchLinks struct {
	Count                  int
	Mailed                 bool
	Sent, Waiting, GivenUp int
}

// A batchRefused is an email that the mail server has refused.
type batchRefused struct {
	Link    string
	Address string
	Reply   string
	Again   bool // it will be retried
}

// A batchSheetPage has links for printing, one page each.
type batchSheetPage struct {
	panel.Frame
	ID    string
	Name  string
	Rows  []batchHandout
	Older string // the path of the next page; empty: this is the last
}

type batchHandout struct {
	ID      string
	Name    string
	Address string
	URL     string
	QR      web.QR
	Expires time.Time
	Brand   templates.Brand // of the person's domain
}

type batchColumn struct {
	Name   string
	Field  string // empty: not used
	Secret bool   // its name is one of passwords; it is removed
}

type batchProblem struct {
	Row    int
	Column string
	Value  string // masked
	Detail string
}

// A batchLive describes a batch's progress in words. If Of is 0, nothing is
// running.
type batchLive struct {
	Made, Of                  int
	Line, Percent, Rate, Left string
}

type batchArchive struct {
	Name     string
	Manifest string
	Files    int
	Size     string
	Digest   string
}
