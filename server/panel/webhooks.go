package panel

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/web"
)

func webhookPath(id string, more ...string) string {
	return path(append([]string{"security", "notifications", "webhooks", id}, more...)...)
}

// webhookRowOf shows no address: many hold a token.
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

// eventNames are the fields of a webhook's form beside its address.
func eventNames() []string { return texts(notify.Types()) }

// eventGroups are the events in the order of their topics.
func eventGroups() []eventGroup {
	left := eventNames()
	var groups []eventGroup
	for _, topic := range notify.Topics() {
		free, locked := notify.EventsOf(topic)
		group := eventGroup{Topic: string(topic), Events: append(texts(free), texts(locked)...)}
		if check := string(notify.LogCheckFailed); topic == notify.Log && !slices.Contains(group.Events, check) {
			group.Events = append(group.Events, check)
		}
		left = slices.DeleteFunc(left, func(name string) bool { return slices.Contains(group.Events, name) })
		if len(group.Events) > 0 {
			groups = append(groups, group)
		}
	}
	return append([]eventGroup{{Topic: "links", Events: left}}, groups...)
}

func (p *Panel) newWebhook(v *visit) error {
	f := p.frame(v, "notifications")
	return p.render(v, http.StatusOK, "webhook", f, webhookPage{frame: f, Form: web.Form{}, Groups: eventGroups()})
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

// createWebhook makes a webhook, whose secret the next page shows, once.
func (p *Panel) createWebhook(v *visit) error {
	form := v.form
	w, secret, err := p.Webhooks.Create(v.ctx(), v.by(), v.account(), webhookSpec(form))
	if err != nil {
		return p.again(v, err, "webhook", "notifications", func(f frame) any {
			return webhookPage{frame: f, Form: form, Groups: eventGroups()}
		})
	}
	return p.showOnce(v, webhookPath(w.ID), secret)
}

// webhook shows a webhook and its last calls, and its secret if that has just
// been made.
func (p *Panel) webhook(v *visit) error {
	w, err := p.Webhooks.Get(v.ctx(), v.account(), v.Param("id"))
	if err != nil {
		return err
	}
	form := web.Form{"url": w.URL}
	for _, name := range texts(w.Types) {
		form[name] = "yes"
	}
	page, err := p.webhookPage(v, p.frame(v, "notifications"), w, form)
	if err != nil {
		return err
	}
	if _, shown := p.once(v, &page.Secret); shown {
		return p.to(v, webhookPath(w.ID), "shown")
	}
	return p.render(v, http.StatusOK, "webhook", page.frame, page)
}

func (p *Panel) webhookPage(v *visit, f frame, w notify.Webhook, form web.Form) (webhookPage, error) {
	page := webhookPage{frame: f, Form: form, Row: webhookRowOf(w, p.Now()), Groups: eventGroups()}
	if !f.Write {
		page.Form["url"] = ""
	}
	all, err := p.Webhooks.Deliveries(v.ctx(), v.account(), w.ID)
	if err != nil {
		return page, err
	}
	var shown []notify.Delivery
	page.paging, shown = pageOf(v, all, func(d notify.Delivery) []string { return []string{string(d.Type), d.Message} })
	repeats := repeatsOf(all)
	for _, d := range shown {
		row := deliveryRowOf(d, repeats[d.ID])
		if f.Write && w.Disabled.IsZero() && d.Renewable() {
			row.Path = webhookPath(w.ID, "deliveries", d.ID, "redeliver")
		}
		page.Deliveries = append(page.Deliveries, row)
	}
	return page, nil
}

// updateWebhook changes address and events of a webhook.
func (p *Panel) updateWebhook(v *visit) error {
	form := v.form
	w, err := p.Webhooks.Get(v.ctx(), v.account(), v.Param("id"))
	if err != nil {
		return err
	}
	page, err := p.webhookPage(v, p.frame(v, "notifications"), w, form)
	if err != nil {
		return err
	}
	spec := webhookSpec(form)
	spec.Disabled = !w.Disabled.IsZero()
	if _, err := p.Webhooks.Update(v.ctx(), v.by(), v.account(), w.ID, spec); err != nil {
		return p.again(v, err, "webhook", "notifications", func(f frame) any {
			page.frame = f
			return page
		})
	}
	return p.to(v, webhookPath(w.ID), "webhook.saved")
}

// onWebhook does something to the webhook that the path names.
func (p *Panel) onWebhook(done string, fn func(v *visit, webhook string) error) func(*visit) error {
	return func(v *visit) error {
		id := v.Param("id")
		return p.do(v, webhookPath(id), done, func() error { return fn(v, id) })
	}
}

func (p *Panel) enableWebhook(v *visit, webhook string) error {
	return p.Webhooks.Enable(v.ctx(), v.by(), v.account(), webhook)
}

func (p *Panel) disableWebhook(v *visit, webhook string) error {
	return p.Webhooks.Disable(v.ctx(), v.by(), v.account(), webhook)
}

func (p *Panel) testWebhook(v *visit, webhook string) error {
	_, err := p.Webhooks.Test(v.ctx(), v.by(), v.account(), webhook)
	return err
}

func (p *Panel) redeliverCall(v *visit, webhook string) error {
	_, err := p.Webhooks.Redeliver(v.ctx(), v.by(), v.account(), webhook, v.Param("delivery"))
	return err
}

// askWebhook shows the page that says what will happen to a webhook.
func (p *Panel) askWebhook(id string) func(*visit) error {
	return func(v *visit) error {
		w, err := p.Webhooks.Get(v.ctx(), v.account(), v.Param("id"))
		if err != nil {
			return err
		}
		return p.ask(v, "notifications", id, map[string]any{"Host": webhookRowOf(w, p.Now()).Host}, webhookPath(w.ID))
	}
}

// rotateWebhook gives a webhook a new secret, which the next page shows, once.
func (p *Panel) rotateWebhook(v *visit) error {
	w, secret, err := p.Webhooks.Rotate(v.ctx(), v.by(), v.account(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.showOnce(v, webhookPath(w.ID), secret)
}

func (p *Panel) deleteWebhook(v *visit) error {
	return p.do(v, Prefix+noticesPath, "webhook.deleted", func() error {
		return p.Webhooks.Delete(v.ctx(), v.by(), v.account(), v.Param("id"))
	})
}
