package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/notify"
)

// WebhookSettings are the settings of a webhook.
type WebhookSettings struct {
	URL      string        `json:"url" format:"uri" minLength:"1" maxLength:"2000" doc:"URL of the endpoint, with https." example:"https://panel.example.com/hooks"`
	Events   []field.Event `json:"events" minItems:"1" maxItems:"100" doc:"Events to send. See docs/webhooks.md." example:"[\"link.opened\",\"link.downloaded\"]"`
	Disabled bool          `json:"disabled,omitempty" doc:"Whether it's turned off." example:"false"`
}

// A Webhook is a webhook in the API, without its secret.
type Webhook struct {
	ID           string               `json:"id" example:"whk_k3v7q2m4x5r6t7ab"`
	URL          string               `json:"url" format:"uri" example:"https://panel.example.com/hooks"`
	Events       []field.Event        `json:"events" example:"[\"link.opened\",\"link.downloaded\"]"`
	Disabled     bool                 `json:"disabled" example:"false"`
	Reason       field.DisabledReason `json:"reason,omitempty" doc:"Why it's disabled: gone (it returned 410), exhausted (all retries failed) or owner."`
	FailingSince *field.Moment        `json:"failing_since,omitempty" doc:"When calls started to fail."`
	RotatedAt    *field.Moment        `json:"rotated_at,omitempty" doc:"When it got a new secret. The old one also signs for 24 hours."`
	CreatedAt    field.Moment         `json:"created_at"`
	UpdatedAt    field.Moment         `json:"updated_at"`
}

func webhookOf(w notify.Webhook) Webhook {
	return Webhook{
		ID: w.ID, URL: w.URL, Events: field.Words[field.Event](w.Types), Disabled: !w.Disabled.IsZero(), Reason: field.DisabledReason(w.Reason),
		FailingSince: field.AtOrNil(w.Failing), RotatedAt: field.AtOrNil(w.Rotated), CreatedAt: field.At(w.Created), UpdatedAt: field.At(w.Updated),
	}
}

// Settings returns the settings of the webhook.
func (w Webhook) Settings() WebhookSettings { return WebhookSettings{w.URL, w.Events, w.Disabled} }

func (s WebhookSettings) spec() notify.WebhookSpec {
	return notify.WebhookSpec{URL: s.URL, Types: field.Words[string](s.Events), Disabled: s.Disabled}
}

// Normal returns the settings in the form that the API shows. The error has a fault for
// each invalid field.
func (s WebhookSettings) Normal() (WebhookSettings, error) {
	w, err := s.spec().Webhook()
	return webhookOf(w).Settings(), err
}

// A Delivery is a webhook delivery in the API.
type Delivery struct {
	ID        string               `json:"id" example:"dlv_m4x5r6t7abk3v7q2"`
	Message   string               `json:"message" doc:"The webhook-id of its calls. Retries have the same one." example:"msg_q2m4x5r6t7abk3v7"`
	Event     field.DeliveryEvent  `json:"event"`
	State     field.DeliveryState  `json:"state"`
	Tries     int                  `json:"tries" example:"1"`
	Status    int                  `json:"status,omitempty" doc:"HTTP status of the last attempt." example:"200"`
	Reason    field.DeliveryReason `json:"reason,omitempty" doc:"Why the last attempt failed."`
	Again     string               `json:"again,omitempty" doc:"The delivery that repeats it." example:"dlv_x5r6t7abk3v7q2m4"`
	CreatedAt field.Moment         `json:"created_at"`
	TriedAt   *field.Moment        `json:"tried_at,omitempty"`
}

func deliveryOf(d notify.Delivery) Delivery {
	return Delivery{
		ID: d.ID, Message: d.Message, Event: field.DeliveryEvent(d.Type), State: field.DeliveryState(d.State), Tries: d.Tries, Status: d.Status,
		Reason: field.DeliveryReason(d.Failure), Again: d.Again, CreatedAt: field.At(d.Created), TriedAt: field.AtOrNil(d.Tried),
	}
}

func (a *API) webhooks(h huma.API) {
	register(a, h, operation("list-webhooks", http.MethodGet, "/webhooks", account.WebhooksRead, "List webhooks"), a.listWebhooks)
	register(a, h, creating("create-webhook", "/webhooks", account.WebhooksWrite, "Create a webhook"), a.createWebhook)
	register(a, h, operation("get-webhook", http.MethodGet, "/webhooks/{id}", account.WebhooksRead, "Show a webhook"), a.getWebhook)
	update := operation("update-webhook", http.MethodPut, "/webhooks/{id}", account.WebhooksWrite, "Replace the settings of a webhook")
	patch := operation("patch-webhook", http.MethodPatch, "/webhooks/{id}", account.WebhooksWrite, "Update a webhook")
	openapi.Takes[WebhookSettings, Webhook](h, &update, &patch)
	register(a, h, update, a.updateWebhook)
	register(a, h, patch, a.patchWebhook)
	register(a, h, operation("delete-webhook", http.MethodDelete, "/webhooks/{id}", account.WebhooksWrite, "Delete a webhook"), a.deleteWebhook)
	register(a, h, operation("list-webhook-deliveries", http.MethodGet, "/webhooks/{id}/deliveries", account.WebhooksRead, "List deliveries"), a.listDeliveries)
	register(a, h, operation("get-webhook-delivery", http.MethodGet, "/webhooks/{id}/deliveries/{delivery_id}", account.WebhooksRead, "Show a delivery"), a.getDelivery)
	test := operation("test-webhook", http.MethodPost, "/webhooks/{id}/test", account.WebhooksWrite, "Test a webhook")
	test.DefaultStatus = http.StatusAccepted
	register(a, h, test, a.testWebhook)
	again := operation("redeliver-webhook", http.MethodPost, "/webhooks/{id}/deliveries/{delivery_id}/redeliver", account.WebhooksWrite, "Redeliver a call")
	again.DefaultStatus = http.StatusAccepted
	register(a, h, again, a.redeliverWebhook)
	register(a, h, operation("rotate-webhook", http.MethodPost, "/webhooks/{id}/rotate", account.WebhooksWrite, "Replace the secret of a webhook"), a.rotateWebhook)
}

// A WebhookList is a page of webhooks.
type WebhookList struct {
	Webhooks []Webhook `json:"webhooks" doc:"Oldest first."`
	Page
}

func (a *API) listWebhooks(ctx context.Context, c call, in *ListQuery) (*answer[WebhookList], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	all, err := a.Webhooks.List(ctx, c.key.Account)
	if err != nil {
		return nil, err
	}
	all, next, err := page(*in, all, func(w notify.Webhook) place { return oldest(w.Created, w.ID) })
	if err != nil {
		return nil, err
	}
	out := &answer[WebhookList]{WebhookList{[]Webhook{}, next}}
	for _, w := range all {
		out.Body.Webhooks = append(out.Body.Webhooks, webhookOf(w))
	}
	return out, nil
}

type createWebhook struct{ Body WebhookSettings }

func (in *createWebhook) check(context.Context, *API, call) error { return in.Body.spec().Check() }

// A WebhookSecret is a webhook with its new secret.
type WebhookSecret struct {
	Webhook
	Secret string `json:"secret" doc:"The secret. It's only shown once." example:"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"`
}

func secretOf(w notify.Webhook, secret string, err error) (*resource[WebhookSecret], error) {
	if err != nil {
		return nil, err
	}
	return &resource[WebhookSecret]{etagOf(webhookOf(w)), WebhookSecret{webhookOf(w), secret}}, nil
}

func (a *API) createWebhook(ctx context.Context, c call, in *createWebhook) (*resource[WebhookSecret], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	return secretOf(a.Webhooks.Create(ctx, c.by, c.key.Account, in.Body.spec()))
}

// A WebhookPath identifies a webhook.
type WebhookPath struct {
	ID string `path:"id" maxLength:"40" doc:"The webhook's ID." example:"whk_k3v7q2m4x5r6t7ab"`
}

func (a *API) getWebhook(ctx context.Context, c call, in *WebhookPath) (*resource[Webhook], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	w, err := a.Webhooks.Get(ctx, c.key.Account, in.ID)
	return resourceOf(webhookOf(w)), err
}

type updateWebhook struct {
	WebhookPath
	Body WebhookSettings
}

func (in *updateWebhook) check(context.Context, *API, call) error { return in.Body.spec().Check() }

func (a *API) updateWebhook(ctx context.Context, c call, in *updateWebhook) (*resource[Webhook], error) {
	return a.changeWebhook(ctx, c, in.ID, func(WebhookSettings) (WebhookSettings, error) { return in.Body, nil })
}

type patchWebhook struct {
	WebhookPath
	Body mergePatch `contentType:"application/merge-patch+json"`
}

func (in *patchWebhook) check(ctx context.Context, a *API, c call) error {
	w, err := a.Webhooks.Get(ctx, c.key.Account, in.ID)
	if err != nil {
		return err
	}
	s, err := patched(webhookOf(w).Settings(), in.Body)
	if err != nil {
		return err
	}
	return s.spec().Check()
}

func (a *API) patchWebhook(ctx context.Context, c call, in *patchWebhook) (*resource[Webhook], error) {
	return a.changeWebhook(ctx, c, in.ID, func(s WebhookSettings) (WebhookSettings, error) { return patched(s, in.Body) })
}

// changeWebhook changes the webhook's current settings.
func (a *API) changeWebhook(ctx context.Context, c call, id string, change func(WebhookSettings) (WebhookSettings, error)) (*resource[Webhook], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	w, err := a.Webhooks.Change(ctx, c.by, c.key.Account, id, func(w notify.Webhook) (notify.WebhookSpec, error) {
		now := webhookOf(w)
		if err := c.matches(now); err != nil {
			return notify.WebhookSpec{}, err
		}
		s, err := change(now.Settings())
		return s.spec(), err
	})
	return resourceOf(webhookOf(w)), err
}

func (a *API) deleteWebhook(ctx context.Context, c call, in *WebhookPath) (*noBody, error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	return nil, a.Webhooks.Delete(ctx, c.by, c.key.Account, in.ID, func(w notify.Webhook) error { return c.matches(webhookOf(w)) })
}

// A DeliveryList is a page of the last deliveries to a webhook.
type DeliveryList struct {
	Deliveries []Delivery `json:"deliveries" doc:"The last 100, newest first."`
	Page
}

type deliveriesQuery struct {
	WebhookPath
	ListQuery
}

func (a *API) listDeliveries(ctx context.Context, c call, in *deliveriesQuery) (*answer[DeliveryList], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	all, err := a.Webhooks.Deliveries(ctx, c.key.Account, in.ID)
	if err != nil {
		return nil, err
	}
	all, next, err := page(in.ListQuery, all, func(d notify.Delivery) place { return newest(d.Created, d.ID) })
	if err != nil {
		return nil, err
	}
	out := &answer[DeliveryList]{DeliveryList{[]Delivery{}, next}}
	for _, d := range all {
		out.Body.Deliveries = append(out.Body.Deliveries, deliveryOf(d))
	}
	return out, nil
}

// A DeliveryPayload is a delivery with its payload.
type DeliveryPayload struct {
	Delivery
	Payload *EventPayload `json:"payload,omitempty" doc:"The body of its calls. Absent if the action log no longer has its content."`
}

// An EventPayload is the body of a call.
type EventPayload struct {
	Type      field.DeliveryEvent `json:"type"`
	Timestamp field.Moment        `json:"timestamp" doc:"Time of the event."`
	Data      openapi.EventData   `json:"data" doc:"Data of the event."`
}

func (a *API) getDelivery(ctx context.Context, c call, in *deliveryPath) (*answer[DeliveryPayload], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	d, err := a.Webhooks.Delivery(ctx, c.key.Account, in.ID, in.Delivery)
	if err != nil {
		return nil, err
	}
	all, err := a.Webhooks.Payloads(ctx, d)
	if err != nil {
		return nil, err
	}
	out := &answer[DeliveryPayload]{DeliveryPayload{Delivery: deliveryOf(d)}}
	if m, ok := all[d.ID]; ok {
		out.Body.Payload = &EventPayload{field.DeliveryEvent(m.Type), field.At(m.Timestamp), dataOf(m.Data)}
	}
	return out, nil
}

func (a *API) testWebhook(ctx context.Context, c call, in *WebhookPath) (*answer[Delivery], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	d, err := a.Webhooks.Test(ctx, c.by, c.key.Account, in.ID)
	return &answer[Delivery]{deliveryOf(d)}, err
}

type deliveryPath struct {
	WebhookPath
	Delivery string `path:"delivery_id" maxLength:"40" doc:"The delivery's ID." example:"dlv_m4x5r6t7abk3v7q2"`
}

func (a *API) redeliverWebhook(ctx context.Context, c call, in *deliveryPath) (*answer[Delivery], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	d, err := a.Webhooks.Redeliver(ctx, c.by, c.key.Account, in.ID, in.Delivery)
	return &answer[Delivery]{deliveryOf(d)}, err
}

func (a *API) rotateWebhook(ctx context.Context, c call, in *WebhookPath) (*resource[WebhookSecret], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	return secretOf(a.Webhooks.Rotate(ctx, c.by, c.key.Account, in.ID))
}
