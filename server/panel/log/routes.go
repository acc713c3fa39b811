package log

import (
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/panel"
)

const hooksPath = panel.NoticesPath + "/webhooks"

// Routes are all routes of these pages, and who may use them.
func (p *Pages) Routes() []panel.Route {
	return []panel.Route{
		panel.Get(panel.LogPath, account.Look, panel.Signed, p.log),
		panel.Post(panel.LogPath+"/export", account.Look, panel.Fresh, append([]string{"format"}, logFields...), p.exportLog),

		panel.Get(erasePath, account.Manage, panel.Signed, p.askErase),
		panel.Post(erasePath, account.Manage, panel.Fresh, []string{"seq", "mailbox"}, p.erase),

		panel.Get(panel.NoticesPath, account.Look, panel.Signed, p.notifications),
		panel.Get(panel.NoticesPath+"/own", account.Self, panel.Signed, p.showRecipient),
		panel.Post(panel.NoticesPath+"/own", account.Self, panel.Fresh, topicNames(), p.setRecipient),
		panel.Button(panel.NoticesPath+"/own/test", account.Self, panel.Fresh, p.testRecipient),
		panel.Get(panel.NoticesPath+"/recipients/new", account.Manage, panel.Signed, p.newRecipient),
		panel.Post(panel.NoticesPath+"/recipients/new", account.Manage, panel.Fresh, append(topicNames(), "recipient"), p.addRecipient),
		panel.Get(panel.NoticesPath+"/recipients/:id", account.Manage, panel.Signed, p.showRecipient),
		panel.Post(panel.NoticesPath+"/recipients/:id", account.Manage, panel.Fresh, topicNames(), p.setRecipient),
		panel.Button(panel.NoticesPath+"/recipients/:id/test", account.Manage, panel.Fresh, p.testRecipient),
		panel.Get(panel.NoticesPath+"/recipients/:id/remove", account.Manage, panel.Signed, p.askRemoveRecipient),
		panel.Button(panel.NoticesPath+"/recipients/:id/remove", account.Manage, panel.Fresh, p.removeRecipient),
		panel.Button(panel.NoticesPath+"/mails/:delivery/redeliver", account.Manage, panel.Fresh, p.redeliverMail),

		panel.Get(hooksPath+"/new", account.Automate, panel.Signed, p.newWebhook),
		panel.Post(hooksPath+"/new", account.Automate, panel.Fresh, append(eventNames(), "url"), p.createWebhook),
		panel.Get(hooksPath+"/:id", account.Look, panel.Signed, p.webhook),
		panel.Post(hooksPath+"/:id", account.Automate, panel.Fresh, append(eventNames(), "url"), p.updateWebhook),
		panel.Button(hooksPath+"/:id/enable", account.Automate, panel.Fresh, p.onWebhook("webhook.enabled", p.enableWebhook)),
		panel.Get(hooksPath+"/:id/disable", account.Change, panel.Signed, p.askWebhook("webhook-off")),
		panel.Button(hooksPath+"/:id/disable", account.Change, panel.Fresh, p.onWebhook("webhook.disabled", p.disableWebhook)),
		panel.Button(hooksPath+"/:id/test", account.Automate, panel.Fresh, p.onWebhook("webhook.tested", p.testWebhook)),
		panel.Get(hooksPath+"/:id/rotate", account.Automate, panel.Signed, p.askWebhook("webhook-secret")),
		panel.Button(hooksPath+"/:id/rotate", account.Automate, panel.Fresh, p.rotateWebhook),
		panel.Get(hooksPath+"/:id/delete", account.Change, panel.Signed, p.askWebhook("webhook")),
		panel.Button(hooksPath+"/:id/delete", account.Change, panel.Fresh, p.deleteWebhook),
		panel.Button(hooksPath+"/:id/deliveries/:delivery/redeliver", account.Automate, panel.Fresh, p.onWebhook("webhook.redelivered", p.redeliverCall)),
	}
}
