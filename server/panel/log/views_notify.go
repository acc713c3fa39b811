package log

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// A notificationsPage says who is told of what, and how that went. Its paging
// is that of the mails.
type notificationsPage struct {
	panel.Frame
	panel.Paging
	Mail       bool // a mail server is set
	Recipients []recipientRow
	Webhooks   []webhookRow
	Mails      []deliveryRow
}

// A recipientRow is somebody who is told by mail.
type recipientRow struct {
	ID     string // within paths; empty: a new one
	Name   string
	Email  string
	Member bool
	Owner  bool
	Self   bool
	Topics []string // told of
	All    bool     // of all that there are
	Path   string   // where this can be changed; empty: not by whoever looks
}

// A recipientPage says of what a recipient is told. Form: recipient (the
// address of a new one), and the topics.
type recipientPage struct {
	panel.Frame
	Form   web.Form
	Row    recipientRow
	Topics []topicRow
	Mail   bool
}

// A topicRow is a topic as a recipient can have it.
type topicRow struct {
	Topic  string
	Events []string // that come with it
	Locked []string // that come in any case
	Fixed  bool     // all of it comes in any case
}

// A webhookRow is a webhook in short.
type webhookRow struct {
	ID     string
	Host   string
	Events []string
	State  string    // live, failing, disabled
	Reason string    // why it is disabled: gone, exhausted, owner
	Since  time.Time // of the state
	Both   time.Time // until when the old secret signs too; zero: it does not
}

// A webhookPage makes or changes a webhook. Form: url, and the events.
type webhookPage struct {
	panel.Frame
	panel.Paging
	Form       web.Form
	Row        webhookRow // without an ID: a new one
	Groups     []eventGroup
	Secret     string // once it is made, this one time
	Deliveries []deliveryRow
}

// An eventGroup is the events of a topic; "links" are those of no topic.
type eventGroup struct {
	Topic  string
	Events []string
}

// A deliveryRow is a mail or a call.
type deliveryRow struct {
	ID      string
	Event   string
	To      string // the address of a mail
	State   string // waiting, sent, held, given_up, dropped
	Tries   int
	Status  int    // of HTTP
	Failure string // of the last try
	Created time.Time
	Tried   time.Time
	Again   bool   // was sent again
	Repeat  bool   // is one that was sent again
	Path    string // where it is sent again; empty: it cannot be
	Payload string // what the call tells, as JSON; empty: nothing is left of it
}
