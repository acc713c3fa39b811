package main

import "net/http"

type webhooksCommand struct {
	Listen     webhooksListen     `cmd:"" help:"Forward the events of a service to a program on this machine, like a webhook."`
	List       webhooksList       `cmd:"" help:"List the webhooks of a running service."`
	Get        webhooksGet        `cmd:"" help:"Show a webhook."`
	Create     webhooksCreate     `cmd:"" help:"Create a webhook. Its secret is only shown once."`
	Update     webhooksUpdate     `cmd:"" help:"Update the given settings of a webhook."`
	Delete     webhooksDelete     `cmd:"" help:"Delete a webhook."`
	Test       webhooksTest       `cmd:"" help:"Send a test event to a webhook."`
	Rotate     webhooksRotate     `cmd:"" help:"Give a webhook a new secret, which is only shown once."`
	Deliveries webhooksDeliveries `cmd:"" help:"List recent deliveries to a webhook, or show one with its payload."`
	Redeliver  webhooksRedeliver  `cmd:"" help:"Send a delivery again."`
}

// webhookPath identifies a webhook.
type webhookPath struct {
	ID string `arg:"" json:"-" help:"Webhook ID."`
	remoteFlags
	jsonFlag
}

// at returns the path of a part of the webhook.
func (p webhookPath) at(more ...string) string {
	return pathOf(append([]string{"webhooks", p.ID}, more...)...)
}

type webhooksList struct {
	remoteFlags
	jsonFlag
}

// Run lists the webhooks.
func (c *webhooksList) Run(s streams) error {
	return c.showAll(s, c.JSON, "webhooks", nil, "webhooks", "id", "url", "events", "disabled", "failing_since")
}

type webhooksGet struct{ webhookPath }

// Run shows the webhook.
func (c *webhooksGet) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodGet, c.at(), nil, nil)
}

type webhooksCreate struct {
	URL    string   `arg:"" name:"url" json:"url" help:"URL of the endpoint, with https."`
	Events []string `required:"" json:"events" placeholder:"EVENT,…" help:"Events to send, for example link.created,link.downloaded."`
	remoteFlags
	jsonFlag
}

// Run creates the webhook.
func (c *webhooksCreate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, "webhooks", c, nil)
}

type webhooksUpdate struct {
	webhookPath
	URL      *string  `name:"url" json:"url,omitempty" placeholder:"URL" help:"URL of the endpoint."`
	Events   []string `json:"events,omitempty" placeholder:"EVENT,…" help:"Events to send."`
	Disabled *bool    `json:"disabled,omitempty" negatable:"" help:"Disable the webhook."`
}

// Run updates the webhook.
func (c *webhooksUpdate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPatch, c.at(), c, mergePatch)
}

type webhooksDelete struct{ webhookPath }

// Run deletes the webhook.
func (c *webhooksDelete) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodDelete, c.at(), nil, nil)
}

type webhooksTest struct{ webhookPath }

// Run sends a test event to the webhook.
func (c *webhooksTest) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, c.at("test"), nil, nil)
}

type webhooksRotate struct{ webhookPath }

// Run gives the webhook a new secret.
func (c *webhooksRotate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, c.at("rotate"), nil, nil)
}

type webhooksDeliveries struct {
	webhookPath
	Delivery string `arg:"" optional:"" help:"ID of a delivery to show."`
}

// Run lists the deliveries, or shows one.
func (c *webhooksDeliveries) Run(s streams) error {
	if c.Delivery != "" {
		return c.show(s, c.JSON, http.MethodGet, c.at("deliveries", c.Delivery), nil, nil)
	}
	return c.showAll(s, c.JSON, c.at("deliveries"), nil, "deliveries", "id", "event", "state", "status", "tries", "created_at")
}

type webhooksRedeliver struct {
	webhookPath
	Delivery string `arg:"" help:"Delivery ID."`
}

// Run sends the delivery again.
func (c *webhooksRedeliver) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, c.at("deliveries", c.Delivery, "redeliver"), nil, nil)
}
