package log

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// A notificationsPage shows who is notified about what, and the results. Its
// paging is that of the emails.
type notificationsPage struct {
	panel.Frame
	panel.Paging
	Mail       bool // a mail server is configured
	Recipients []recipientRow
	Webhooks   []webhookRow
	Hooks      panel.Paging // of the webhooks, which have no pages: its columns
	Mails      []deliveryRow
}

// A recipientRow is a recipient of emails.
type recipientRow struct {
	ID     string // in paths; empty: a new one
	Name   string
	Email  string
	Member bool
	Owner  bool
	Self   bool
	Topics []string // subscribed topics
	All    bool     // of all topics
	Path   string   // where this can be changed; empty: not by this member
}

// A recipientPage shows a recipient's topics. Form: recipient (the address of
// a new one), and the topics.
type recipientPage struct {
	panel.Frame
	Form   web.Form
	Row    recipientRow
	Topics []topicRow
	Mail   bool
}

// A topicRow is a topic of a recipient.
type topicRow struct {
	Topic  string
	Events []string // that it includes
	Locked []string // that are always sent
	Fixed  bool     // all of it is always sent
}

// A webhookRow is a short form of a webhook.
type webhookRow struct {
	ID     string
	Host   string
	Events []string
	State  string    // live, failing, disabled
	Reason string    // why it is disabled: gone, exhausted, owner
	Since  time.Time // of the state
	Both   time.Time // until when the old secret also signs; zero: it doesn't
}

// A webhookPage creates or changes a webhook. Form: url, and the events.
type webhookPage struct {
	panel.Frame
	panel.Paging
	Form       web.Form
	Row        webhookRow // without an ID: a new one
	Groups     []eventGroup
	Secret     string // once it is created, shown once
	Deliveries []deliveryRow
}

// An eventGroup holds the events of a topic; "links" holds those without a
// topic.
type eventGroup struct {
	Topic  string
	Events []string
}

// A deliveryRow is an email or a call.
type deliveryRow struct {
	ID      string
	Event   string
	To      string // the address of an email
	State   string // waiting, sent, held, given_up, dropped
	Tries   int
	Status  int    // of HTTP
	Failure string // of the last attempt
	Created time.Time
	Tried   time.Time
	Again   bool   // was repeated
	Repeat  bool   // repeats another one
	Path    string // where it can be repeated; empty: it can't
	Payload string // the body of the call, as JSON; empty: nothing is left of it
}
