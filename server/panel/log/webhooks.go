package log

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

func webhookPath(id string, more ...string) string {
	return panel.Path(append([]string{"security", "notifications", "webhooks", id}, more...)...)
}

// webhookOrders are the orders of the list of webhooks. Those that fail come
// before those that work.
var webhookOrders = []panel.Order[webhookRow]{
	{By: "host", Compare: func(a, b webhookRow) int { return strings.Compare(a.Host, b.Host) }},
	{By: "state", Compare: func(a, b webhookRow) int { return strings.Compare(a.State, b.State) }},
}

// webhookRowOf shows no URL: many contain a token.
func webhookRowOf(w notify.Webhook, now time.Time) webhookRow {
	row := webhookRow{ID: w.ID, Events: texts(w.Types), State: "live"}
	if u, err := url.Parse(w.URL); err == nil {
		row.Host = u.Host
	}
	switch {
	case !w.Disabled.IsZero():
		row.State, row.Reason, row.Since = "disabled", string(w.Reason), w.Disabled
	case !w.Failing.IsZero():
		row.State, row.Since = "failing", w.Failing
	}
	if until := w.Rotated.Add(notify.RotationLife); w.Previous != nil && now.Before(until) {
		row.Both = until
	}
	return row
}

// eventNames are the fields of a webhook's form in addition to its URL.
func eventNames() []string { return texts(notify.Types()) }

// eventGroups returns the events in the order of their topics.
func eventGroups() []eventGroup {
	left := eventNames()
	var groups []eventGroup
	for _, topic := range notify.Topics() {
		free, locked := notify.EventsOf(topic)
		group := eventGroup{Topic: string(topic), Events: append(texts(free), texts(locked)...)}
		if check := string(notify.LogCheckFailed); topic == notify.Log && !slices.Contains(group.Events, check) {
			group.Events = append(group.Events, check)
		}
		if topic == notify.Identity {
			group.Events = append(group.Events, string(notify.Renewed))
		}
		left = slices.DeleteFunc(left, func(name string) bool { return slices.Contains(group.Events, name) })
		if len(group.Events) > 0 {
			groups = append(groups, group)
		}
	}
	return append([]eventGroup{{Topic: "links", Events: left}}, groups...)
}

func (p *Pages) newWebhook(v *panel.Visit) error {
	f := p.Frame(v, "notifications")
	return p.Render(v, http.StatusOK, "webhook", f, webhookPage{Frame: f, Form: web.Form{}, Groups: eventGroups()})
}

// webhookSpec reads the form of a webhook.
func webhookSpec(form web.Form) notify.WebhookSpec {
	spec := notify.WebhookSpec{URL: form["url"]}
	for _, name := range eventNames() {
		if form[name] == "yes" {
			spec.Types = append(spec.Types, name)
		}
	}
	return spec
}

// createWebhook creates a webhook, whose secret the next page shows once.
func (p *Pages) createWebhook(v *panel.Visit) error {
	form := v.Form
	w, secret, err := p.Webhooks.Create(v.Ctx(), v.By(), v.Account(), webhookSpec(form))
	if err != nil {
		return p.Again(v, err, "webhook", "notifications", func(f panel.Frame) any {
			return webhookPage{Frame: f, Form: form, Groups: eventGroups()}
		})
	}
	return p.ShowOnce(v, webhookPath(w.ID), secret)
}

// webhook shows a webhook and its last calls, and its secret if that was just
// created.
func (p *Pages) webhook(v *panel.Visit) error {
	w, err := p.Webhooks.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	form := web.Form{"url": w.URL}
	for _, name := range texts(w.Types) {
		form[name] = "yes"
	}
	page, err := p.webhookPage(v, p.Frame(v, "notifications"), w, form)
	if err != nil {
		return err
	}
	if _, shown := p.Shown(v, &page.Secret); shown {
		return p.To(v, webhookPath(w.ID), "shown")
	}
	return p.Render(v, http.StatusOK, "webhook", page.Frame, page)
}

func (p *Pages) webhookPage(v *panel.Visit, f panel.Frame, w notify.Webhook, form web.Form) (webhookPage, error) {
	page := webhookPage{Frame: f, Form: form, Row: webhookRowOf(w, p.Now()), Groups: eventGroups()}
	if !f.Write {
		page.Form["url"] = ""
	}
	all, err := p.Webhooks.Deliveries(v.Ctx(), v.Account(), w.ID)
	if err != nil {
		return page, err
	}
	var shown []notify.Delivery
	page.Paging, shown = panel.PageOf(v, all, func(d notify.Delivery) []string { return []string{string(d.Type), d.Message} }, nil)
	payloads, err := p.Webhooks.Payloads(v.Ctx(), shown...)
	if err != nil {
		return page, err
	}
	repeats := repeatsOf(all)
	for _, d := range shown {
		row := deliveryRowOf(d, repeats[d.ID])
		if m, ok := payloads[d.ID]; ok {
			row.Payload = payloadText(m)
		}
		if f.Automate && w.Disabled.IsZero() && d.Renewable() {
			row.Path = webhookPath(w.ID, "deliveries", d.ID, "redeliver")
		}
		page.Deliveries = append(page.Deliveries, row)
	}
	return page, nil
}

// payloadText returns the message for people to read.
func payloadText(m notify.Message) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

// updateWebhook changes URL and events of a webhook.
func (p *Pages) updateWebhook(v *panel.Visit) error {
	form := v.Form
	w, err := p.Webhooks.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	page, err := p.webhookPage(v, p.Frame(v, "notifications"), w, form)
	if err != nil {
		return err
	}
	spec := webhookSpec(form)
	spec.Disabled = !w.Disabled.IsZero()
	if _, err := p.Webhooks.Update(v.Ctx(), v.By(), v.Account(), w.ID, spec); err != nil {
		return p.Again(v, err, "webhook", "notifications", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	return p.To(v, webhookPath(w.ID), "webhook.saved")
}

// onWebhook does something with the webhook in the path.
func (p *Pages) onWebhook(done string, fn func(v *panel.Visit, webhook string) error) func(*panel.Visit) error {
	return func(v *panel.Visit) error {
		id := v.Param("id")
		return p.Do(v, webhookPath(id), done, func() error { return fn(v, id) })
	}
}

func (p *Pages) enableWebhook(v *panel.Visit, webhook string) error {
	return p.Webhooks.Enable(v.Ctx(), v.By(), v.Account(), webhook)
}

func (p *Pages) disableWebhook(v *panel.Visit, webhook string) error {
	return p.Webhooks.Disable(v.Ctx(), v.By(), v.Account(), webhook)
}

func (p *Pages) testWebhook(v *panel.Visit, webhook string) error {
	_, err := p.Webhooks.Test(v.Ctx(), v.By(), v.Account(), webhook)
	return err
}

func (p *Pages) redeliverCall(v *panel.Visit, webhook string) error {
	_, err := p.Webhooks.Redeliver(v.Ctx(), v.By(), v.Account(), webhook, v.Param("delivery"))
	return err
}

// askWebhook shows the page that says what will happen to a webhook.
func (p *Pages) askWebhook(id string) func(*panel.Visit) error {
	return func(v *panel.Visit) error {
		w, err := p.Webhooks.Get(v.Ctx(), v.Account(), v.Param("id"))
		if err != nil {
			return err
		}
		return p.Ask(v, "notifications", id, map[string]any{"Host": webhookRowOf(w, p.Now()).Host}, webhookPath(w.ID))
	}
}

// rotateWebhook gives a webhook a new secret, which the next page shows once.
func (p *Pages) rotateWebhook(v *panel.Visit) error {
	w, secret, err := p.Webhooks.Rotate(v.Ctx(), v.By(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.ShowOnce(v, webhookPath(w.ID), secret)
}

func (p *Pages) deleteWebhook(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+panel.NoticesPath, "webhook.deleted", func() error {
		return p.Webhooks.Delete(v.Ctx(), v.By(), v.Account(), v.Param("id"), nil)
	})
}
