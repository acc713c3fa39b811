package demo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/notify"
)

// tell creates the due notices and deliveries of the account.
func (w *world) tell(ctx context.Context, acc string) error {
	mails, err := w.subscriptions.Mails(ctx, acc)
	if err != nil {
		return err
	}
	if err := w.deliver(ctx, acc, mails, w.notifier.Mail); err != nil {
		return err
	}
	webhooks, err := w.webhooks.List(ctx, acc)
	if err != nil {
		return err
	}
	for _, hook := range webhooks {
		calls, err := w.webhooks.Deliveries(ctx, acc, hook.ID)
		if err != nil {
			return err
		}
		if err := w.deliver(ctx, acc, calls, w.notifier.Call); err != nil {
			return err
		}
	}
	return nil
}

// deliver makes the deliveries that haven't been tried. One that needs a retry
// gets it, as the queue of the service would do.
func (w *world) deliver(ctx context.Context, acc string, all []notify.Delivery, try func(context.Context, string) (time.Duration, error)) error {
	for i := len(all) - 1; i >= 0; i-- { // the oldest first
		if d := all[i]; d.State == notify.Waiting && d.Tries == 0 {
			if err := w.try(ctx, acc, d.ID, try); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) try(ctx context.Context, acc, delivery string, try func(context.Context, string) (time.Duration, error)) error {
	wait, err := try(ctx, delivery)
	if err == nil && wait > 0 {
		w.at(w.now().Add(wait), acc, func(ctx context.Context) error { return w.try(ctx, acc, delivery, try) })
	}
	return err
}

// endpoints are the hosts of webhooks, each with the status that it returns.
type endpoints map[string]func(at time.Time) int

// A client calls the endpoints, without a network.
type client struct{ w *world }

// Do answers as the endpoint does at the time.
func (c client) Do(req *http.Request) (*http.Response, error) {
	status := c.w.hosts[req.URL.Host]
	if status == nil {
		return nil, errors.New("no such host")
	}
	return &http.Response{StatusCode: status(c.w.now()), Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), Request: req}, nil
}

// A sender is the mail server of the story. It doesn't know a former employee.
type sender struct{}

// Send accepts every email except those to gone.
func (sender) Send(_ context.Context, m notify.Mail) error {
	if m.To == gone {
		return &notify.SendError{Failure: notify.Refused, Permanent: true, Err: errors.New("550 5.1.1 no such mailbox")}
	}
	return nil
}

// gone is an address that gets notifications but no longer has a mailbox.
const gone = "it-alerts@example.net"
