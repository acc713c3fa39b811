package notify

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/fault"
)

const (
	// FloodMost is how many emails an address receives within FloodWindow. Any
	// more are counted in one digest.
	FloodMost = 20
	// FloodWindow is the period for FloodMost.
	FloodWindow = time.Hour
	// InFlight is how long an attempt without a result counts as running.
	InFlight = 5 * time.Minute
	// MailHistory is how long the result of an email is kept.
	MailHistory = 90 * 24 * time.Hour
	// FailingLong is how long a webhook fails before someone is notified.
	FailingLong = 24 * time.Hour
)

// A DeliveryStore stores deliveries.
type DeliveryStore interface {
	// BeginTry counts an attempt at a delivery that is Waiting and returns its
	// content. For any other delivery it returns a NotFound fault. The state
	// is Held if the address has received enough emails for now.
	BeginTry(ctx context.Context, id string) (Try, error)
	// EndTry records the result of an attempt to send an email.
	EndTry(ctx context.Context, d Delivery, o Outcome) error
	// EndCall records the result of a webhook call, and disables the webhook
	// if there is a reason.
	EndCall(ctx context.Context, by audit.Grant, d Delivery, o Outcome, disable Reason) error
	// WebhookByID returns a webhook, or a NotFound fault.
	WebhookByID(ctx context.Context, id string) (Webhook, error)
}

// A Sender sends emails. *Relay is one.
type Sender interface {
	// Send sends the email. The error is a [*SendError] if the relay can't be
	// used or has refused the email.
	Send(ctx context.Context, m Mail) error
}

// A Writer writes the email for a delivery. The mail lacks ID and To.
type Writer interface {
	// Write returns nil if nothing is left to report.
	Write(ctx context.Context, t Try) (*Mail, error)
}

// A Client sends requests.
type Client interface {
	Do(req *http.Request) (*http.Response, error)
}

// Config holds the settings of a Notifier. All fields are required except
// Sender.
type Config struct {
	Store  DeliveryStore
	Secret *crypt.Secret // the installation's
	// Client calls webhooks. It follows no redirects and connects only where
	// the service may.
	Client Client
	// Sender is nil if email isn't sent.
	Sender Sender
	Writer Writer
	Log    *slog.Logger
	Now    func() time.Time
}

// A Notifier sends deliveries.
type Notifier struct {
	Config
	cipher *crypt.Cipher
}

// New returns a Notifier.
func New(c Config) *Notifier { return &Notifier{c, c.Secret.Cipher(crypt.Webhooks)} }

// Mail sends the email of a delivery. It returns how long to wait before the
// next attempt, or 0 if there is none. It returns an error only if the result
// couldn't be stored.
func (n *Notifier) Mail(ctx context.Context, delivery string) (wait time.Duration, err error) {
	try, err := n.Store.BeginTry(ctx, delivery)
	if fault.Is(err, fault.NotFound) || err == nil && try.State != Waiting {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	o, err := n.send(ctx, try)
	if err != nil {
		return 0, err
	}
	if o.State == Waiting {
		var more bool
		if wait, more = Again(try.Tries); !more {
			o.State = GivenUp
			n.Log.Warn("mail failed", "delivery", delivery, "failure", o.Failure)
		}
	}
	n.Log.Debug("mail", "delivery", delivery, "event", try.Type, "try", try.Tries, "state", o.State, "failure", o.Failure)
	return wait, n.Store.EndTry(ctx, try.Delivery, o)
}

func (n *Notifier) send(ctx context.Context, try Try) (Outcome, error) {
	if n.Sender == nil {
		return Outcome{State: GivenUp, Failure: NoRelay}, nil
	}
	if try.Type == DigestMail && try.Held == 0 {
		return Outcome{State: Dropped}, nil
	}
	m, err := n.Writer.Write(ctx, try)
	if err != nil {
		return Outcome{}, err
	}
	if m == nil {
		return Outcome{State: Dropped}, nil
	}
	m.ID, m.To = try.Message, try.Address
	err = n.Sender.Send(ctx, *m)
	if err == nil {
		return Outcome{State: Sent}, nil
	}
	failure, _ := errors.AsType[*SendError](err)
	if failure == nil {
		return Outcome{}, err
	}
	n.Log.Warn("mail not sent", "delivery", try.ID, "failure", failure.Failure, "error", failure.Err)
	if failure.Permanent {
		return Outcome{State: GivenUp, Failure: failure.Failure}, nil
	}
	return Outcome{State: Waiting, Failure: failure.Failure}, nil
}

// Call calls the webhook of a delivery. It returns how long to wait before the
// next attempt, or 0 if there is none. It returns an error only if the result
// couldn't be stored.
func (n *Notifier) Call(ctx context.Context, delivery string) (wait time.Duration, err error) {
	try, err := n.Store.BeginTry(ctx, delivery)
	if fault.Is(err, fault.NotFound) || err == nil && try.State != Waiting {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	w, err := n.Store.WebhookByID(ctx, try.Webhook)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if !w.Disabled.IsZero() {
		return 0, n.Store.EndTry(ctx, try.Delivery, Outcome{State: Dropped})
	}
	o, after, err := n.call(ctx, w, try)
	if err != nil {
		return 0, err
	}
	var disable Reason
	if o.Status == http.StatusGone {
		o.State, disable = GivenUp, EndpointGone
	}
	if o.State == Waiting {
		var more bool
		if wait, more = Again(try.Tries); !more {
			o.State, disable = GivenUp, Exhausted
		}
		wait = max(wait, after)
	}
	if o.State != Waiting {
		wait = 0
	}
	n.Log.Debug("webhook", "delivery", delivery, "event", try.Type, "try", try.Tries, "state", o.State, "status", o.Status, "failure", o.Failure)
	return wait, n.Store.EndCall(ctx, audit.ByProgram(), try.Delivery, o, disable)
}
