package log

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// notifications shows who is notified about what, and the results of the last
// emails.
func (p *Pages) notifications(v *panel.Visit) error {
	page := notificationsPage{Frame: p.Frame(v, "notifications"), Mail: p.Mail}
	all, err := p.Subscriptions.List(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	for _, n := range all {
		page.Recipients = append(page.Recipients, recipientRowOf(v, n, page.Manage))
	}
	webhooks, err := p.Webhooks.List(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	for _, w := range webhooks {
		page.Webhooks = append(page.Webhooks, webhookRowOf(w, p.Now()))
	}
	page.Hooks.Columns = panel.Sorted(v, "webhooks", page.Webhooks, webhookOrders...)
	for i := range page.Hooks.Columns {
		page.Hooks.Columns[i].Path += "#webhooks"
	}
	mails, err := p.Subscriptions.Mails(v.Ctx(), v.Account())
	if err != nil {
		return err
	}
	var shown []notify.Delivery
	page.Paging, shown = panel.PageOf(v, mails, func(d notify.Delivery) []string { return []string{d.Address, string(d.Type)} }, []string{"webhooks"})
	repeats := repeatsOf(mails)
	for _, d := range shown {
		row := deliveryRowOf(d, repeats[d.ID])
		if page.Manage && p.Mail && d.Renewable() && d.State != notify.Dropped {
			row.Path = panel.Path("security", "notifications", "mails", d.ID, "redeliver")
		}
		page.Mails = append(page.Mails, row)
	}
	return p.Render(v, http.StatusOK, "notifications", page.Frame, page)
}

// repeatsOf returns the deliveries that repeat others, by their IDs.
func repeatsOf(all []notify.Delivery) map[string]bool {
	repeats := map[string]bool{}
	for _, d := range all {
		repeats[d.Again] = true
	}
	return repeats
}

func deliveryRowOf(d notify.Delivery, repeat bool) deliveryRow {
	return deliveryRow{
		ID: d.ID, Event: string(d.Type), To: d.Address, State: string(d.State), Tries: d.Tries, Status: d.Status,
		Failure: string(d.Failure), Created: d.Created, Tried: d.Tried, Again: d.Again != "", Repeat: repeat,
	}
}

// recipientID identifies a recipient in paths, which contain no addresses.
func recipientID(recipient string) string {
	if !notify.IsAddress(recipient) {
		return recipient
	}
	sum := sha256.Sum256([]byte(recipient))
	return "adr_" + hex.EncodeToString(sum[:8])
}

func recipientRowOf(v *panel.Visit, n notify.Subscription, manage bool) recipientRow {
	row := recipientRow{
		ID: recipientID(n.Recipient), Name: n.Name, Email: n.Email, Member: !notify.IsAddress(n.Recipient),
		Owner: n.Owner, Self: n.Recipient == v.In.Member.ID, All: true,
	}
	for _, t := range topicRows(n) {
		if t.Fixed || slices.Contains(n.Topics, notify.Topic(t.Topic)) {
			row.Topics = append(row.Topics, t.Topic)
		} else {
			row.All = false
		}
	}
	switch {
	case manage:
		row.Path = panel.Path("security", "notifications", "recipients", row.ID)
	case row.Self:
		row.Path = panel.Prefix + panel.NoticesPath + "/own"
	}
	return row
}

// topicRows returns the topics that a recipient can have: locked ones are sent
// to owners, and to members if they are concerned.
func topicRows(n notify.Subscription) []topicRow {
	var rows []topicRow
	for _, topic := range notify.Topics() {
		free, locked := notify.EventsOf(topic)
		if len(free)+len(locked) == 0 {
			continue
		}
		row := topicRow{Topic: string(topic), Events: texts(free), Locked: texts(locked), Fixed: n.Owner && len(free) == 0}
		if !n.Owner {
			row.Events = append(row.Events, row.Locked...)
		}
		if notify.IsAddress(n.Recipient) || n.Recipient == "" {
			row.Locked = nil
		}
		rows = append(rows, row)
	}
	return rows
}

// texts returns values of a closed list as strings.
func texts[T ~string](values []T) []string {
	var all []string
	for _, value := range values {
		all = append(all, string(value))
	}
	return all
}

func topicNames() []string { return texts(notify.Topics()) }

// recipient returns the subscription in the path; without a name, the member's
// own.
func (p *Pages) recipient(v *panel.Visit) (notify.Subscription, error) {
	id := v.Param("id")
	if id == "" {
		id = v.In.Member.ID
	}
	all, err := p.Subscriptions.List(v.Ctx(), v.Account())
	if err != nil {
		return notify.Subscription{}, err
	}
	for _, n := range all {
		if recipientID(n.Recipient) == id {
			return n, nil
		}
	}
	return notify.Subscription{}, fault.New(fault.NotFound, "There is no such recipient.")
}

func (p *Pages) recipientPage(v *panel.Visit, f panel.Frame, n notify.Subscription, form web.Form) recipientPage {
	row := recipientRow{Path: panel.Prefix + panel.NoticesPath + "/recipients/new"}
	if n.Recipient != "" {
		row = recipientRowOf(v, n, f.Manage)
	}
	return recipientPage{f, form, row, topicRows(n), p.Mail}
}

// showRecipient shows a recipient's topics.
func (p *Pages) showRecipient(v *panel.Visit) error {
	n, err := p.recipient(v)
	if err != nil {
		return err
	}
	form := web.Form{}
	for _, topic := range n.Topics {
		form[string(topic)] = "yes"
	}
	page := p.recipientPage(v, p.Frame(v, "notifications"), n, form)
	return p.Render(v, http.StatusOK, "recipient", page.Frame, page)
}

// wanted returns the topics in the form. Those that it can't change stay.
func wanted(n notify.Subscription, form web.Form) []string {
	var topics []string
	for _, topic := range notify.Topics() {
		on := slices.Contains(n.Topics, topic)
		for _, row := range topicRows(n) {
			if row.Topic == string(topic) && !row.Fixed {
				on = form[row.Topic] == "yes"
			}
		}
		if on {
			topics = append(topics, string(topic))
		}
	}
	return topics
}

// setRecipient stores a recipient's topics from the form.
func (p *Pages) setRecipient(v *panel.Visit) error {
	form := v.Form
	n, err := p.recipient(v)
	if err != nil {
		return err
	}
	topics := wanted(n, form)
	if notify.IsAddress(n.Recipient) && len(topics) == 0 {
		err = errNoTopic()
	} else {
		err = p.Subscriptions.Set(v.Ctx(), v.By(), v.Account(), n.Recipient, topics)
	}
	if err != nil {
		return p.Again(v, err, "recipient", "notifications", func(f panel.Frame) any { return p.recipientPage(v, f, n, form) })
	}
	return p.To(v, panel.Prefix+panel.NoticesPath, "notifications.saved")
}

func errNoTopic() error {
	return fault.On("topics", fault.Invalid, "Choose at least one topic, or remove the address.")
}

func (p *Pages) newRecipient(v *panel.Visit) error {
	page := p.recipientPage(v, p.Frame(v, "notifications"), notify.Subscription{}, web.Form{})
	return p.Render(v, http.StatusOK, "recipient", page.Frame, page)
}

// addRecipient adds an additional address.
func (p *Pages) addRecipient(v *panel.Visit) error {
	form := v.Form
	err := p.addAddress(v, form["recipient"], wanted(notify.Subscription{}, form))
	if err != nil {
		return p.Again(v, err, "recipient", "notifications", func(f panel.Frame) any {
			return p.recipientPage(v, f, notify.Subscription{}, form)
		})
	}
	return p.To(v, panel.Prefix+panel.NoticesPath, "recipient.added")
}

func (p *Pages) addAddress(v *panel.Visit, address string, topics []string) error {
	if len(topics) == 0 {
		return errNoTopic()
	}
	return p.Subscriptions.Add(v.Ctx(), v.By(), v.Account(), address, topics)
}

func (p *Pages) testRecipient(v *panel.Visit) error {
	n, err := p.recipient(v)
	if err != nil {
		return err
	}
	return p.Do(v, panel.Prefix+panel.NoticesPath, "mail.tested", func() error {
		return p.Subscriptions.Test(v.Ctx(), v.By(), v.Account(), n.Recipient)
	})
}

// address is recipient for an additional address: members can't be removed.
func (p *Pages) address(v *panel.Visit) (notify.Subscription, error) {
	n, err := p.recipient(v)
	if err == nil && !notify.IsAddress(n.Recipient) {
		err = fault.New(fault.NotFound, "There is no such address.")
	}
	return n, err
}

func (p *Pages) askRemoveRecipient(v *panel.Visit) error {
	n, err := p.address(v)
	if err != nil {
		return err
	}
	return p.Ask(v, "notifications", "recipient", map[string]any{"Email": n.Email}, panel.Path("security", "notifications", "recipients", v.Param("id")))
}

func (p *Pages) removeRecipient(v *panel.Visit) error {
	n, err := p.address(v)
	if err != nil {
		return err
	}
	return p.Do(v, panel.Prefix+panel.NoticesPath, "recipient.removed", func() error {
		return p.Subscriptions.Set(v.Ctx(), v.By(), v.Account(), n.Recipient, nil)
	})
}

func (p *Pages) redeliverMail(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+panel.NoticesPath, "mail.redelivered", func() error {
		return p.Subscriptions.Redeliver(v.Ctx(), v.By(), v.Account(), v.Param("delivery"))
	})
}
