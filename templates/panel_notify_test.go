package templates

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The data of the pages about notifications: see
// server/panel/log/views_notify.go.
type (
	notificationsPage struct {
		panelFrame
		panelPaging
		Mail       bool
		Recipients []recipientRow
		Webhooks   []webhookRow
		Hooks      panelPaging
		Mails      []deliveryRow
	}
	recipientRow struct {
		ID, Name, Email     string
		Member, Owner, Self bool
		Topics              []string
		All                 bool
		Path                string
	}
	recipientPage struct {
		panelFrame
		Form   panelForm
		Row    recipientRow
		Topics []topicRow
		Mail   bool
	}
	topicRow struct {
		Topic          string
		Events, Locked []string
		Fixed          bool
	}
	webhookRow struct {
		ID, Host      string
		Events        []string
		State, Reason string
		Since, Both   time.Time
	}
	webhookPage struct {
		panelFrame
		panelPaging
		Form       panelForm
		Row        webhookRow
		Groups     []eventGroup
		Secret     string
		Deliveries []deliveryRow
	}
	eventGroup struct {
		Topic  string
		Events []string
	}
	deliveryRow struct {
		ID, Event, To, State string
		Tries, Status        int
		Failure              string
		Created, Tried       time.Time
		Again, Repeat        bool
		Path                 string
		Payload              string
	}
)

// The constants of package notify.
func topics() []string {
	return quoted("../server/notify/notify.go", `(?m)^\t\w+ +Topic = "([a-z_.]+)"`)
}
func eventTypes() []string {
	return quoted("../server/notify/notify.go", `(?m)^\t\w+ +Type = "([a-z_.]+)"`)
}
func deliveryStates() []string {
	return quoted("../server/notify/delivery.go", `(?m)^\t\w+ +State = "([a-z_]+)"`)
}
func failures() []string {
	return quoted("../server/notify/delivery.go", `(?m)^\t\w+ +Failure = "([a-z_]+)"`)
}
func hookReasons() []string {
	return quoted("../server/notify/webhook.go", `(?m)^\t\w+ +Reason = "([a-z_]+)"`)
}

// addNotices adds the texts whose ids the pages about notifications compose.
func addNotices(add func(prefix string, ends []string, suffixes ...string)) {
	add("panel.topic.", append(topics(), "links"))
	add("panel.event.", []string{"digest", "link.created", "link.opened", "link.used", "link.downloaded", "link.expired", "link.revoked", "certificate.renewed", "backup.overdue"})
	add("panel.delivery.", deliveryStates())
	add("panel.failure.", failures())
	add("panel.hook.", []string{"live", "failing", "disabled"})
	add("panel.hook.reason.", hookReasons())
}

// someDeliveries has deliveries of every state, failure and event.
func someDeliveries(again string) []deliveryRow {
	var rows []deliveryRow
	for i, event := range eventTypes() {
		state := deliveryStates()[i%len(deliveryStates())]
		row := deliveryRow{ID: "msg_x", Payload: "{\n  \"type\": \"<" + event + ">\"\n}", Event: event, To: "tom@example.com", State: state, Tries: i, Created: panelNow}
		if i > 0 {
			row.Tried, row.Failure, row.Status = panelNow, failures()[i%len(failures())], i%2*503
		}
		if row.Again, row.Repeat = i == 4, i == 5; i == 3 {
			row.Path, row.Failure, row.Status = again, "", 200
		}
		rows = append(rows, row)
	}
	return rows
}

func noticeCases() []panelCase {
	at := "/panel/security/notifications"
	recipients := []recipientRow{
		{"mem_1", "Maria Kern", "maria@example.com", true, true, true, topics(), true, at + "/recipients/mem_1"},
		{"mem_2", "Tom Adler", "tom@example.com", true, false, false, []string{"domains", "keys"}, false, at + "/recipients/mem_2"},
		{"mem_3", "Olga Owner", "a.very.long.address.of.somebody@subdomain.example.com", true, true, false, []string{"factors"}, false, at + "/recipients/mem_3"},
		{"adr_1", "", "security@example.com", false, false, false, []string{"log"}, false, at + "/recipients/adr_1"},
		{"mem_4", "", "anna@example.com", true, false, false, nil, false, at + "/recipients/mem_4"},
	}
	hooks := []webhookRow{{"whk_1", "panel.example.com", []string{"link.opened", "link.downloaded"}, "live", "", time.Time{}, panelNow}, {"whk_2", "a-rather-long-name-of-a-host.hooks.example.net:8443", eventTypes(), "failing", "", panelNow, time.Time{}}}
	for _, reason := range hookReasons() {
		hooks = append(hooks, webhookRow{"whk_3", "old.example.com", []string{"test"}, "disabled", reason, panelNow, time.Time{}})
	}
	asked := make([]recipientRow, len(recipients))
	for i, r := range recipients {
		r.Path = ""
		asked[i] = r
	}
	asked[4].Self, asked[4].Path = true, at+"/own"
	full := notificationsPage{panelPaging: panelPaging{"", 57, 21, 40, at, at + "?page=3", "", nil}, Mail: true, Recipients: recipients, Webhooks: hooks, Hooks: panelPaging{Columns: []panelColumn{{"host", at + "?webhooks=-host", "ascending"}, {"state", at + "?webhooks=state", ""}}}, Mails: someDeliveries(at + "/mails/msg_x/redeliver")}
	looked := notificationsPage{panelPaging: panelPaging{"nobody", 0, 0, 0, "", "", "", nil}, Mail: true, Recipients: asked, Webhooks: hooks[:1]}
	filled := panelForm{"url": "https://panel.example.com/hook", "link.opened": "yes"}
	groups := []eventGroup{{"links", []string{"link.opened", "link.downloaded"}}}
	for _, topic := range topics() {
		groups = append(groups, eventGroup{topic, []string{topic + ".one", "key.created"}})
	}
	whole := panelPaging{"", 20, 1, 20, "", "", "", nil}
	return slices.Concat([]panelCase{
		{name: "notices", page: "notifications", who: owner, nav: "notifications", path: at, view: full, done: "notifications.saved"},
		{name: "notices-auditor", page: "notifications", who: auditor, nav: "notifications", path: at, view: looked},
		{name: "notices-fresh", page: "notifications", who: operator, nav: "notifications", path: at, view: notificationsPage{Recipients: recipients[:1]}},
		{name: "notices-no-mail", page: "notifications", who: auditor, nav: "notifications", path: at, view: notificationsPage{Recipients: asked}},
		{name: "hook-new", page: "webhook", who: owner, nav: "notifications", path: at + "/webhooks/new", view: webhookPage{Groups: groups}},
		{name: "hook-problems", page: "webhook", who: owner, nav: "notifications", path: at + "/webhooks/new", view: webhookPage{Form: filled, Groups: groups}, problems: badFields("url", "events")},
		{name: "hook-made", page: "webhook", who: owner, nav: "notifications", path: at + "/webhooks/new", view: webhookPage{Row: hooks[0], Secret: "whsec_EXAMPLE0000000000000000000000000000000000"}},
		{name: "hook", page: "webhook", who: owner, nav: "notifications", path: at + "/webhooks/whk_1", view: webhookPage{panelPaging: whole, Form: filled, Row: hooks[0], Groups: groups, Deliveries: someDeliveries(at + "/webhooks/whk_1/deliveries/msg_x/redeliver")}, done: "webhook.tested"},
		{name: "hook-failing", page: "webhook", who: owner, nav: "notifications", path: at + "/webhooks/whk_2", view: webhookPage{Form: filled, Row: hooks[1], Groups: groups}},
		{name: "hook-disabled", page: "webhook", who: owner, nav: "notifications", path: at + "/webhooks/whk_3", view: webhookPage{panelPaging: panelPaging{Query: "x"}, Form: filled, Row: hooks[2], Groups: groups}},
		{name: "hook-auditor", page: "webhook", who: auditor, nav: "notifications", path: at + "/webhooks/whk_1", view: webhookPage{panelPaging: whole, Form: panelForm{"link.opened": "yes"}, Row: hooks[0], Groups: groups, Deliveries: someDeliveries("")}},
	}, recipientCases(at, recipients))
}

func recipientCases(at string, all []recipientRow) []panelCase {
	var rows []topicRow
	for i, topic := range topics() {
		rows = append(rows, topicRow{topic, []string{"key.revoked", "sign_in.new_device"}, []string{"key.created"}, false})
		if i == 1 {
			rows[i].Events, rows[i].Fixed = nil, true
		}
	}
	free := make([]topicRow, len(rows))
	for i, r := range rows {
		free[i] = topicRow{r.Topic, []string{"key.created"}, nil, false}
	}
	form := panelForm{"sign_ins": "yes", "keys": "yes"}
	own := all[4]
	own.Self, own.Path = true, at+"/own"
	return []panelCase{
		{name: "recipient-owner", page: "recipient", who: owner, nav: "notifications", path: all[0].Path, view: recipientPage{Form: form, Row: all[0], Topics: rows, Mail: true}},
		{name: "recipient-own", page: "recipient", who: auditor, nav: "notifications", path: own.Path, view: recipientPage{Form: form, Row: own, Topics: rows}},
		{name: "recipient-address", page: "recipient", who: owner, nav: "notifications", path: all[3].Path, view: recipientPage{Form: form, Row: all[3], Topics: free, Mail: true}, problems: badFields("topics")},
		{name: "recipient-new", page: "recipient", who: owner, nav: "notifications", path: at + "/recipients/new", view: recipientPage{Row: recipientRow{Path: at + "/recipients/new"}, Topics: free, Mail: true}},
		{name: "recipient-problems", page: "recipient", who: owner, nav: "notifications", path: at + "/recipients/new", view: recipientPage{Form: panelForm{"recipient": "x"}, Row: recipientRow{Path: at + "/recipients/new"}, Topics: free}, problems: badFields("recipient", "topics")},
	}
}

// TestPanelNotices checks that the pages about notifications have their
// contents.
func TestPanelNotices(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	at := "/panel/security/notifications"
	for name, want := range map[string][]string{
		"notices": {
			`<a href="` + at + `" aria-current="page">`, `href="` + at + `/recipients/mem_2"`, "Everything", ">API keys<", "Always gets what can’t be turned off", "Nothing selected",
			`href="` + at + `/webhooks/whk_1"`, "badge-warn\">Failing", "The server answered 410 Gone", `action="` + at + `/mails/msg_x/redeliver"`, "Sent again",
			"The connection isn’t secure", "HTTP 503", "3 attempts · Last attempt <bdi>", "Setup link opened", "Summary", `rel="next" href="` + at + `?page=3"`, "so no one can take over an account unnoticed",
		},
		"notices-fresh":     {"<b>--mail-server</b>", "No webhooks yet", `href="` + at + `/webhooks/new"`},
		"notices-no-mail":   {"Ask the server operator"},
		"notices-auditor":   {`href="` + at + `/own"`, "Nothing here matches"},
		"recipient-owner":   {`action="` + at + `/recipients/mem_1"`, `<input type="checkbox" checked disabled>`, "Always on, can’t be turned off: New API key", `name="keys" value="yes" checked`, `action="` + at + `/recipients/mem_1/test"`},
		"recipient-own":     {`action="` + at + `/own"`, "Always on if it concerns this member: New API key"},
		"recipient-address": {`href="` + at + `/recipients/adr_1/remove"`, `<a href="#topics">`},
		"recipient-new":     {`action="` + at + `/recipients/new"`, `name="recipient"`},
		"hook-made":         {"whsec_EXAMPLE", "can’t be shown again", "The old secret also signs until"},
		"hook":              {`value="https://panel.example.com/hook"`, `action="` + at + `/webhooks/whk_1/test"`, `href="` + at + `/webhooks/whk_1/rotate"`, `href="` + at + `/webhooks/whk_1/disable"`, `href="` + at + `/webhooks/whk_1/delete"`, `action="` + at + `/webhooks/whk_1/deliveries/msg_x/redeliver"`, "&#34;&lt;link.opened&gt;&#34;"},
		"hook-disabled":     {`action="` + at + `/webhooks/whk_3/enable"`},
		"hook-auditor":      {"<fieldset class=\"form-parts\" disabled>"},
	} {
		html := render(t, s, named(t, "panel-"+name), s.Match())
		for _, want := range want {
			if !strings.Contains(html, want) {
				t.Errorf("%s: no %s", name, want)
			}
		}
	}
	for name, not := range map[string][]string{
		"notices":           {"--mail-server", "No mail server is set,"},
		"notices-auditor":   {"/recipients/", "/webhooks/new", "/redeliver"},
		"notices-no-mail":   {"--mail-server"},
		"recipient-own":     {"/test", "/remove"}, // no mail server
		"recipient-owner":   {"/remove", `name="factors"`},
		"recipient-address": {"Always on"},
		"recipient-new":     {"/test", "/remove"},
		"hook-made":         {"menu-languages"},
		"hook-disabled":     {"/test"},
		"hook-auditor":      {`type="submit"`, "/rotate", "/delete", `name="url"`, "/redeliver"},
	} {
		html := render(t, translated(t), named(t, "panel-"+name), s.Match())
		html = regexp.MustCompile(`<button type="submit" name="language"[^>]*>|action="/panel/sign-out"><button type="submit">`).ReplaceAllString(html, "")
		for _, not := range not {
			if strings.Contains(html, not) {
				t.Errorf("%s: has %s", name, not)
			}
		}
	}
}
