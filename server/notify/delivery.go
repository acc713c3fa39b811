package notify

import (
	"math/rand/v2"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
)

// The queues of the jobs.
const (
	MailQueue    = "mail"
	WebhookQueue = "webhook"
)

// A MailJob sends one mail.
type MailJob struct {
	Delivery string `json:"delivery"`
}

// Kind names the job in the queue.
func (MailJob) Kind() string { return "notify.mail" }

// A WebhookJob calls one webhook.
type WebhookJob struct {
	Delivery string `json:"delivery"`
}

// Kind names the job in the queue.
func (WebhookJob) Kind() string { return "notify.webhook" }

// A State says how far a delivery is.
type State string

// The states.
const (
	Waiting State = "waiting"
	Sent    State = "sent"
	Held    State = "held"     // to be counted in a digest
	GivenUp State = "given_up" // after its last try
	Dropped State = "dropped"  // there is nothing to send any more
)

// A Failure says why a try failed. Failures are a closed list, because what an
// endpoint answers may be made to be shown.
type Failure string

// The failures.
const (
	NoRelay         Failure = "no_mail_server"
	Unreachable     Failure = "unreachable"
	NoPublicAddress Failure = "no_public_address" // the name doesn't resolve, or leads inside
	BadTLS          Failure = "tls"
	Timeout         Failure = "timeout"
	BadStatus       Failure = "status"
	Redirected      Failure = "redirect"
	Refused         Failure = "refused"
	Interrupted     Failure = "interrupted"
)

// Failures lists all failures.
func Failures() []Failure {
	return []Failure{NoRelay, Unreachable, NoPublicAddress, BadTLS, Timeout, BadStatus, Redirected, Refused, Interrupted}
}

// A Delivery is one notification to one address or endpoint.
type Delivery struct {
	ID string // "msg_…"
	// Message goes along as webhook-id or within the Message-ID: it is the
	// same at every try. A call that is made again has that of the first
	// delivery, by which a receiver knows it; a mail that is sent again has
	// one of its own, because mailboxes drop what they have.
	Message string
	Account string
	// Seq is the action's place in the account's log. 0: there is none. Of a
	// LogCheckpoint it is the size of the log.
	Seq  int64
	Type Type
	// Address is whom a mail goes to, Webhook the id of the endpoint. One of
	// them is empty.
	Address string
	Webhook string
	State   State
	Tries   int
	// Status is the HTTP status of the last try; 0: none.
	Status  int
	Failure Failure // of the last try
	// Again is the delivery by which this one was sent again. Empty: none.
	Again   string
	Created time.Time
	Tried   time.Time // zero: never
	Ended   time.Time // zero: waiting
}

// Renewable reports whether the delivery can be sent again: once, when it has
// ended. A digest cannot, because what it counted is told.
func (d Delivery) Renewable() bool {
	return d.State != Waiting && d.Again == "" && d.Type != DigestMail
}

// A Try is a delivery that is being tried, with what it tells of.
type Try struct {
	Delivery
	// Record is the action. It is empty if there is none.
	Record audit.Record
	// ExternalID is what whoever made the link that led to the action knows it
	// by. May be empty.
	ExternalID string
	// Note is the signed note of a LogCheckpoint.
	Note []byte
	// Wait says to come back later instead: the address has had its mails for
	// now.
	Wait time.Duration
	// Held is how many mails a digest stands for.
	Held int
	// Language is the tag of the language to write in; empty if nobody has
	// said.
	Language string
}

// hasAction reports whether the try tells of an action.
func (t Try) hasAction() bool { return t.Seq != 0 && t.Type != LogCheckpoint }

// An Outcome is how a try ended.
type Outcome struct {
	State   State // Waiting: to be tried again
	Status  int
	Failure Failure
}

// schedule is when the tries of a delivery come, each after the one before it:
// the example of the Standard Webhooks specification.
var schedule = []time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// Again returns how long to wait after so many failed tries, with up to a
// tenth more by chance; ok is false if there is no further try.
func Again(tries int) (wait time.Duration, ok bool) {
	if tries >= len(schedule) {
		return 0, false
	}
	wait = schedule[max(tries, 1)]
	return wait + rand.N(wait/10+1), true
}
