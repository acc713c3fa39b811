package notify

import (
	"math/rand/v2"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
)

// The names of the job queues.
const (
	MailQueue    = "mail"
	WebhookQueue = "webhook"
)

// A MailJob sends one email.
type MailJob struct {
	Delivery string `json:"delivery"`
}

// Kind is the job's name in the queue.
func (MailJob) Kind() string { return "notify.mail" }

// A WebhookJob calls one webhook.
type WebhookJob struct {
	Delivery string `json:"delivery"`
}

// Kind is the job's name in the queue.
func (WebhookJob) Kind() string { return "notify.webhook" }

// A State is the state of a delivery.
type State string

// The states.
const (
	Waiting State = "waiting"
	Sent    State = "sent"
	Held    State = "held"     // to be counted in a digest
	GivenUp State = "given_up" // after its last attempt
	Dropped State = "dropped"  // nothing is left to send
)

// A Failure says why an attempt failed. Failures are a closed list, because an
// endpoint could choose its answer so that it is shown to people.
type Failure string

// The failures.
const (
	NoRelay         Failure = "no_mail_server"
	Unreachable     Failure = "unreachable"
	NoPublicAddress Failure = "no_public_address" // the name doesn't resolve, or resolves to a private address
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
	// Message is sent as webhook-id or in the Message-ID: it is the same at
	// every attempt. A repeated call has that of the first delivery, by which
	// a receiver recognizes it. A repeated email has a new one, because
	// mailboxes drop messages that they already have.
	Message string
	Account string
	// Seq is the action's number in the account's log, or 0 if there is no
	// action. For a LogCheckpoint it is the size of the log.
	Seq  int64
	Type Type
	// Address is the recipient of an email, Webhook the ID of the endpoint.
	// One of them is empty.
	Address string
	Webhook string
	State   State
	Tries   int
	// Status is the HTTP status of the last attempt, or 0.
	Status  int
	Failure Failure // of the last attempt
	// Again is the ID of the delivery that repeats this one, or empty.
	Again   string
	Created time.Time
	Tried   time.Time // zero: never
	Ended   time.Time // zero: waiting
}

// Renewable reports whether the delivery can be repeated: once, after it has
// ended. A digest can't be, because its count has been reported.
func (d Delivery) Renewable() bool {
	return d.State != Waiting && d.Again == "" && d.Type != DigestMail
}

// A Try is a delivery that is being attempted, with its content.
type Try struct {
	Delivery
	// Record is the action. It is empty if there is none.
	Record audit.Record
	// ExternalID is the external ID of the link that led to the action. May be
	// empty.
	ExternalID string
	// Note is the signed note of a LogCheckpoint.
	Note []byte
	// Wait means that the attempt must be made later: the address has received
	// enough emails for now.
	Wait time.Duration
	// Held is how many emails a digest replaces.
	Held int
	// Language is the tag of the language to write in, or empty if it isn't
	// known.
	Language string
}

// hasAction reports whether the attempt reports an action.
func (t Try) hasAction() bool { return t.Seq != 0 && t.Type != LogCheckpoint }

// An Outcome is the result of an attempt.
type Outcome struct {
	State   State // Waiting: it will be retried
	Status  int
	Failure Failure
}

// schedule holds the delays between the attempts of a delivery: the example of
// the Standard Webhooks specification.
var schedule = []time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// Again returns how long to wait after n failed attempts, with up to a tenth
// more at random. ok is false if there is no further attempt.
func Again(tries int) (wait time.Duration, ok bool) {
	if tries >= len(schedule) {
		return 0, false
	}
	wait = schedule[max(tries, 1)]
	return wait + rand.N(wait/10+1), true
}
