package main

import "net/http"

type webhooksCommand struct {
	Listen     webhooksListen     `cmd:"" help:"Bring the events of a service to a program on this machine, as a webhook would."`
	List       webhooksList       `cmd:"" help:"List the webhooks of a running service."`
	Get        webhooksGet        `cmd:"" help:"Show a webhook."`
	Create     webhooksCreate     `cmd:"" help:"Create a webhook. Its secret is shown this once."`
	Update     webhooksUpdate     `cmd:"" help:"Change what the flags name of a webhook."`
	Delete     webhooksDelete     `cmd:"" help:"Delete a webhook."`
	Test       webhooksTest       `cmd:"" help:"Call a webhook with an event test."`
	Rotate     webhooksRotate     `cmd:"" help:"Give a webhook a new secret, which is shown this once."`
	Deliveries webhooksDeliveries `cmd:"" help:"List the last deliveries to a webhook, or show one with its payload."`
	Redeliver  webhooksRedeliver  `cmd:"" help:"Make a call again."`
}

// webhookPath names a webhook.
type webhookPath struct {
	ID string `arg:"" json:"-" help:"The webhook's ID."`
	remoteFlags
	jsonFlag
}

// at is the path of something of the webhook.
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
	URL    string   `arg:"" name:"url" json:"url" help:"Address of the endpoint, with https."`
	Events []string `required:"" json:"events" placeholder:"EVENT,…" help:"What to call it for, such as link.created,link.downloaded."`
	remoteFlags
	jsonFlag
}

// Run creates the webhook.
func (c *webhooksCreate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, "webhooks", c, nil)
}

type webhooksUpdate struct {
	webhookPath
	URL      *string  `name:"url" json:"url,omitempty" placeholder:"URL" help:"Address of the endpoint."`
	Events   []string `json:"events,omitempty" placeholder:"EVENT,…" help:"What to call it for."`
	Disabled *bool    `json:"disabled,omitempty" negatable:"" help:"Whether it isn't called."`
}

// Run changes the webhook.
func (c *webhooksUpdate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPatch, c.at(), c, mergePatch)
}

type webhooksDelete struct{ webhookPath }

// Run deletes the webhook.
func (c *webhooksDelete) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodDelete, c.at(), nil, nil)
}

type webhooksTest struct{ webhookPath }

// Run has the webhook called.
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
	Delivery string `arg:"" optional:"" help:"The ID of a delivery to show."`
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
	Delivery string `arg:"" help:"The delivery's ID."`
}

// Run makes the call again.
func (c *webhooksRedeliver) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, c.at("deliveries", c.Delivery, "redeliver"), nil, nil)
}
