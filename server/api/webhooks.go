package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
)

// A Webhook is a webhook as the API shows it, without its secret.
type Webhook struct {
	ID           string     `json:"id"`
	URL          string     `json:"url"`
	Events       []string   `json:"events"`
	Disabled     bool       `json:"disabled"`
	Reason       string     `json:"reason,omitempty" doc:"Why it is disabled: gone (it answered 410), exhausted (the last try failed) or owner."`
	FailingSince *time.Time `json:"failing_since,omitempty" doc:"Since when no call has come through."`
	Rotated      *time.Time `json:"rotated,omitempty" doc:"When it got a new secret; for 24 hours the old one signs too."`
	Created      time.Time  `json:"created"`
	Updated      time.Time  `json:"updated"`
}

func webhookOf(w notify.Webhook) Webhook {
	out := Webhook{
		ID: w.ID, URL: w.URL, Events: []string{}, Disabled: !w.Disabled.IsZero(), Reason: string(w.Reason),
		FailingSince: optional(w.Failing), Rotated: optional(w.Rotated), Created: w.Created, Updated: w.Updated,
	}
	for _, t := range w.Types {
		out.Events = append(out.Events, string(t))
	}
	return out
}

// A Delivery is a call of a webhook as the API shows it.
type Delivery struct {
	ID      string     `json:"id"`
	Message string     `json:"message" doc:"The webhook-id of its calls. A call that is made again has the same."`
	Event   string     `json:"event"`
	State   string     `json:"state" doc:"waiting, sent, given_up or dropped."`
	Tries   int        `json:"tries"`
	Status  int        `json:"status,omitempty" doc:"HTTP status of the last try."`
	Failure string     `json:"failure,omitempty" doc:"Why the last try failed."`
	Again   string     `json:"again,omitempty" doc:"The delivery by which it was made again."`
	Created time.Time  `json:"created"`
	Tried   *time.Time `json:"tried,omitempty"`
}

func deliveryOf(d notify.Delivery) Delivery {
	return Delivery{
		ID: d.ID, Message: d.Message, Event: string(d.Type), State: string(d.State), Tries: d.Tries, Status: d.Status,
		Failure: string(d.Failure), Again: d.Again, Created: d.Created, Tried: optional(d.Tried),
	}
}

func (a *API) webhooks(h huma.API) {
	register(a, h, operation("list-webhooks", http.MethodGet, "/webhooks", account.WebhooksRead, "List the webhooks"), a.listWebhooks)
	create := operation("create-webhook", http.MethodPost, "/webhooks", account.WebhooksWrite, "Create a webhook")
	create.DefaultStatus = http.StatusCreated
	register(a, h, create, a.createWebhook)
	register(a, h, operation("get-webhook", http.MethodGet, "/webhooks/{id}", account.WebhooksRead, "Show a webhook and its last deliveries"), a.getWebhook)
	register(a, h, operation("replace-webhook", http.MethodPut, "/webhooks/{id}", account.WebhooksWrite, "Change a webhook, or enable it again"), a.replaceWebhook)
	register(a, h, operation("delete-webhook", http.MethodDelete, "/webhooks/{id}", account.WebhooksWrite, "Delete a webhook"), a.deleteWebhook)
	test := operation("test-webhook", http.MethodPost, "/webhooks/{id}/test", account.WebhooksWrite, "Call a webhook with an event `test`")
	test.DefaultStatus = http.StatusAccepted
	register(a, h, test, a.testWebhook)
	again := operation("redeliver-webhook", http.MethodPost, "/webhooks/{id}/deliveries/{delivery}/redeliver", account.WebhooksWrite, "Make a call again")
	again.DefaultStatus = http.StatusAccepted
	register(a, h, again, a.redeliverWebhook)
	register(a, h, operation("rotate-webhook", http.MethodPost, "/webhooks/{id}/rotate", account.WebhooksWrite, "Give a webhook a new secret"), a.rotateWebhook)
}

type webhookList struct {
	Body struct {
		Webhooks []Webhook `json:"webhooks"`
	}
}

func (a *API) listWebhooks(ctx context.Context, c call, _ *struct{}) (*webhookList, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	all, err := a.Webhooks.List(ctx, c.key.Account)
	if err != nil {
		return nil, err
	}
	out := &webhookList{}
	out.Body.Webhooks = []Webhook{}
	for _, w := range all {
		out.Body.Webhooks = append(out.Body.Webhooks, webhookOf(w))
	}
	return out, nil
}

// A WebhookBody is what a caller says of a webhook.
type WebhookBody struct {
	URL      string   `json:"url" minLength:"1" maxLength:"2000" doc:"Address of the endpoint, with https."`
	Events   []string `json:"events" minItems:"1" maxItems:"100" doc:"What to call it for. See docs/webhooks.md."`
	Disabled bool     `json:"disabled,omitempty" doc:"Whether it is not called."`
}

func (b WebhookBody) spec() notify.WebhookSpec {
	return notify.WebhookSpec{URL: b.URL, Types: b.Events, Disabled: b.Disabled}
}

type webhookInput struct{ Body WebhookBody }

type webhookSecret struct {
	Body struct {
		Webhook
		Secret string `json:"secret" doc:"The secret, whsec_…. It is shown this once."`
	}
}

func secretOf(w notify.Webhook, secret string, err error) (*webhookSecret, error) {
	if err != nil {
		return nil, err
	}
	out := &webhookSecret{}
	out.Body.Webhook, out.Body.Secret = webhookOf(w), secret
	return out, nil
}

func (a *API) createWebhook(ctx context.Context, c call, in *webhookInput) (*webhookSecret, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	return secretOf(a.Webhooks.Create(ctx, c.by, c.key.Account, in.Body.spec()))
}

// A WebhookPath names a webhook. It is exported for huma, which reads no field
// that an input embeds otherwise.
type WebhookPath struct {
	ID string `path:"id" maxLength:"40"`
}

type webhookOutput struct {
	Body struct {
		Webhook
		Deliveries []Delivery `json:"deliveries" doc:"The last 100, the newest first."`
	}
}

func (a *API) getWebhook(ctx context.Context, c call, in *WebhookPath) (*webhookOutput, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	w, err := a.Webhooks.Get(ctx, c.key.Account, in.ID)
	if err != nil {
		return nil, err
	}
	return a.shown(ctx, w)
}

// shown is a webhook with its deliveries.
func (a *API) shown(ctx context.Context, w notify.Webhook) (*webhookOutput, error) {
	all, err := a.Webhooks.Deliveries(ctx, w.Account, w.ID)
	if err != nil {
		return nil, err
	}
	out := &webhookOutput{}
	out.Body.Webhook, out.Body.Deliveries = webhookOf(w), []Delivery{}
	for _, d := range all {
		out.Body.Deliveries = append(out.Body.Deliveries, deliveryOf(d))
	}
	return out, nil
}

type webhookReplace struct {
	WebhookPath
	Body WebhookBody
}

func (a *API) replaceWebhook(ctx context.Context, c call, in *webhookReplace) (*webhookOutput, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	w, err := a.Webhooks.Update(ctx, c.by, c.key.Account, in.ID, in.Body.spec())
	if err != nil {
		return nil, err
	}
	return a.shown(ctx, w)
}

func (a *API) deleteWebhook(ctx context.Context, c call, in *WebhookPath) (*noBody, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	return nil, a.Webhooks.Delete(ctx, c.by, c.key.Account, in.ID)
}

type deliveryOutput struct{ Body Delivery }

func (a *API) testWebhook(ctx context.Context, c call, in *WebhookPath) (*deliveryOutput, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	d, err := a.Webhooks.Test(ctx, c.by, c.key.Account, in.ID)
	if err != nil {
		return nil, err
	}
	return &deliveryOutput{deliveryOf(d)}, nil
}

type deliveryPath struct {
	ID       string `path:"id" maxLength:"40"`
	Delivery string `path:"delivery" maxLength:"40"`
}

func (a *API) redeliverWebhook(ctx context.Context, c call, in *deliveryPath) (*deliveryOutput, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	d, err := a.Webhooks.Redeliver(ctx, c.by, c.key.Account, in.ID, in.Delivery)
	if err != nil {
		return nil, err
	}
	return &deliveryOutput{deliveryOf(d)}, nil
}

func (a *API) rotateWebhook(ctx context.Context, c call, in *WebhookPath) (*webhookSecret, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	return secretOf(a.Webhooks.Rotate(ctx, c.by, c.key.Account, in.ID))
}
