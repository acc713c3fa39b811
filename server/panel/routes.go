package panel

import (
	"net/http"

	"github.com/updatecase/mobileconfig/server/account"
)

// Paths that more than one place names, below Prefix.
const (
	signInPath  = "/sign-in"
	signOutPath = "/sign-out"
	ownPath     = "/security/sign-in"
	enrolPath   = ownPath + "/enrol"
	logOwnPath  = "/security/log"
	noticesPath = "/security/notifications"
	hooksPath   = noticesPath + "/webhooks"
	linksPath   = "/links"
)

// routes is all that there is in the panel, and who may do it. Whatever
// changes something needs a fresh second factor, but for leaving: that is
// made easy.
func (p *Panel) routes() []route {
	const get, post = http.MethodGet, http.MethodPost
	var (
		script []string     // takes JSON from the panel's script
		button = []string{} // a form without fields
	)
	return []route{
		{get, signInPath, "", open, nil, p.signIn},
		{post, signInPath, "", open, []string{"email", "password", "code", "next"}, p.createSession},
		{post, signInPath + "/passkey/begin", "", open, script, p.beginSignIn},
		{post, signInPath + "/passkey/finish", "", open, script, p.finishSignIn},
		{get, "/invitation/:token", "", open, nil, p.invitation},
		{post, "/invitation/:token", "", open, []string{"email", "name", "password", "language"}, p.join},

		{post, signOutPath, account.Self, signed, button, p.signOut},
		{post, "/confirm", account.Self, fresh, []string{"next"}, p.confirmPage},
		{post, "/confirm/passkey/begin", account.Self, signed, script, p.beginConfirm},
		{post, "/confirm/passkey/finish", account.Self, signed, script, p.finishConfirm},

		{get, ownPath, account.Self, signed, nil, p.security},
		{get, enrolPath, account.Self, enrol, nil, p.enrol},
		{get, ownPath + "/totp", account.Self, enrol, nil, p.totp},
		{post, ownPath + "/totp", account.Self, enrol, []string{"setup", "code"}, p.enrolTOTP},
		{get, ownPath + "/totp/remove", account.Self, fresh, nil, p.askRemoveTOTP},
		{post, ownPath + "/totp/remove", account.Self, fresh, button, p.removeTOTP},
		{post, ownPath + "/passkey/begin", account.Self, enrol, script, p.beginPasskey},
		{post, ownPath + "/passkey/finish", account.Self, enrol, script, p.finishPasskey},
		{get, ownPath + "/passkey/:id/remove", account.Self, fresh, nil, p.askRemovePasskey},
		{post, ownPath + "/passkey/:id/remove", account.Self, fresh, button, p.removePasskey},
		{get, ownPath + "/recovery", account.Self, fresh, nil, p.recovery},
		{post, ownPath + "/recovery", account.Self, fresh, button, p.createCodes},
		{get, ownPath + "/password", account.Self, fresh, nil, p.password},
		{post, ownPath + "/password", account.Self, fresh, []string{"current", "password"}, p.setPassword},
		{post, ownPath + "/language", account.Self, fresh, []string{"language"}, p.setLanguage},
		{post, "/security/sessions/:id/revoke", account.Self, signed, button, p.revokeSession},
		{post, "/security/sessions/revoke-others", account.Self, signed, button, p.revokeOthers},

		{get, logOwnPath, account.Look, signed, nil, p.log},
		{post, logOwnPath + "/export", account.Look, fresh, append([]string{"format"}, logFields...), p.exportLog},

		{get, erasePath, account.Manage, signed, nil, p.askErase},
		{post, erasePath, account.Manage, fresh, []string{"seq", "mailbox"}, p.erase},

		{get, noticesPath, account.Look, signed, nil, p.notifications},
		{get, noticesPath + "/own", account.Self, signed, nil, p.showRecipient},
		{post, noticesPath + "/own", account.Self, fresh, topicNames(), p.setRecipient},
		{post, noticesPath + "/own/test", account.Self, fresh, button, p.testRecipient},
		{get, noticesPath + "/recipients/new", account.Manage, signed, nil, p.newRecipient},
		{post, noticesPath + "/recipients/new", account.Manage, fresh, append(topicNames(), "recipient"), p.addRecipient},
		{get, noticesPath + "/recipients/:id", account.Manage, signed, nil, p.showRecipient},
		{post, noticesPath + "/recipients/:id", account.Manage, fresh, topicNames(), p.setRecipient},
		{post, noticesPath + "/recipients/:id/test", account.Manage, fresh, button, p.testRecipient},
		{get, noticesPath + "/recipients/:id/remove", account.Manage, signed, nil, p.askRemoveRecipient},
		{post, noticesPath + "/recipients/:id/remove", account.Manage, fresh, button, p.removeRecipient},
		{post, noticesPath + "/mails/:delivery/redeliver", account.Manage, fresh, button, p.redeliverMail},

		{get, hooksPath + "/new", account.Change, signed, nil, p.newWebhook},
		{post, hooksPath + "/new", account.Change, fresh, append(eventNames(), "url"), p.createWebhook},
		{get, hooksPath + "/:id", account.Look, signed, nil, p.webhook},
		{post, hooksPath + "/:id", account.Change, fresh, append(eventNames(), "url"), p.updateWebhook},
		{post, hooksPath + "/:id/enable", account.Change, fresh, button, p.onWebhook("webhook.enabled", p.enableWebhook)},
		{get, hooksPath + "/:id/disable", account.Change, signed, nil, p.askWebhook("webhook-off")},
		{post, hooksPath + "/:id/disable", account.Change, fresh, button, p.onWebhook("webhook.disabled", p.disableWebhook)},
		{post, hooksPath + "/:id/test", account.Change, fresh, button, p.onWebhook("webhook.tested", p.testWebhook)},
		{get, hooksPath + "/:id/rotate", account.Change, signed, nil, p.askWebhook("webhook-secret")},
		{post, hooksPath + "/:id/rotate", account.Change, fresh, button, p.rotateWebhook},
		{get, hooksPath + "/:id/delete", account.Change, signed, nil, p.askWebhook("webhook")},
		{post, hooksPath + "/:id/delete", account.Change, fresh, button, p.deleteWebhook},
		{post, hooksPath + "/:id/deliveries/:delivery/redeliver", account.Change, fresh, button, p.onWebhook("webhook.redelivered", p.redeliverCall)},

		{get, "", account.Look, signed, nil, p.overview},

		{get, "/domains", account.Look, signed, nil, p.domains},
		{get, "/domains/new", account.Change, signed, nil, p.newDomain},
		{post, "/domains/new", account.Change, fresh, append([]string{"name", "approve"}, domainFields...), p.createDomain},
		{get, "/domains/:domain", account.Look, signed, nil, p.domain},
		{post, "/domains/:domain", account.Change, fresh, domainFields, p.updateDomain},
		{post, "/domains/:domain/check", account.Look, signed, button, p.checkDomain},
		{post, "/domains/:domain/dns", account.Look, signed, button, p.checkDNS},
		{get, "/domains/:domain/delete", account.Change, signed, nil, p.askDeleteDomain},
		{post, "/domains/:domain/delete", account.Change, fresh, button, p.deleteDomain},

		{get, "/policies", account.Look, signed, nil, p.policies},
		{get, "/policies/new", account.Change, signed, nil, p.newPolicy},
		{post, "/policies/new", account.Change, fresh, policyFields, p.createPolicy},
		{get, "/policies/:id", account.Look, signed, nil, p.policy},
		{post, "/policies/:id", account.Change, fresh, policyFields, p.updatePolicy},
		{get, "/policies/:id/delete", account.Change, signed, nil, p.askDeletePolicy},
		{post, "/policies/:id/delete", account.Change, fresh, button, p.deletePolicy},

		{get, linksPath, account.Look, signed, nil, p.links},
		{get, linksPath + "/new", account.Change, signed, nil, p.newLink},
		{post, linksPath + "/new", account.Change, fresh, linkFields, p.createLink},
		{get, linksPath + "/:id", account.Look, signed, nil, p.link},
		{get, linksPath + "/:id/revoke", account.Change, signed, nil, p.askRevokeLink},
		{post, linksPath + "/:id/revoke", account.Change, fresh, button, p.revokeLink},
		{get, linksPath + "/:id/revoke-mailbox", account.Change, signed, nil, p.askRevokeMailbox},
		{post, linksPath + "/:id/revoke-mailbox", account.Change, fresh, button, p.revokeMailbox},
		{get, "/domains/:domain/revoke-links", account.Change, signed, nil, p.askRevokeDomain},
		{post, "/domains/:domain/revoke-links", account.Change, fresh, button, p.revokeDomain},

		{get, "/keys", account.Look, signed, nil, p.keys},
		{get, "/keys/new", account.Change, signed, nil, p.newKey},
		{post, "/keys/new", account.Change, fresh, append(scopeNames(), "name", "domains", "networks", "expires", "test"), p.createKey},
		{get, "/keys/:id/revoke", account.Change, signed, nil, p.askRevokeKey},
		{post, "/keys/:id/revoke", account.Change, fresh, button, p.revokeKey},

		{get, redirectsPath + "/new", account.Change, signed, nil, p.newRedirect},
		{post, redirectsPath + "/new", account.Change, fresh, append([]string{"public_key"}, redirectFields...), p.createRedirect},
		{get, redirectsPath + "/:id", account.Look, signed, nil, p.redirect},
		{post, redirectsPath + "/:id", account.Change, fresh, redirectFields, p.updateRedirect},
		{get, redirectsPath + "/:id/delete", account.Change, signed, nil, p.askDeleteRedirect},
		{post, redirectsPath + "/:id/delete", account.Change, fresh, button, p.deleteRedirect},

		{get, "/members", account.Look, signed, nil, p.members},
		{get, "/members/invite", account.Manage, signed, nil, p.newInvitation},
		{post, "/members/invite", account.Manage, fresh, []string{"email", "role", "language"}, p.invite},
		{post, "/members/settings", account.Manage, fresh, []string{"required"}, p.setRules},
		{post, "/members/retention", account.Manage, fresh, []string{"retention_days"}, p.setRetention},
		{post, "/members/invitations/:id/revoke", account.Manage, fresh, button, p.revokeInvitation},
		{get, "/members/:id", account.Manage, signed, nil, p.member},
		{post, "/members/:id", account.Manage, fresh, []string{"role"}, p.setRole},
		{get, "/members/:id/remove", account.Manage, signed, nil, p.askRemoveMember},
		{post, "/members/:id/remove", account.Manage, fresh, []string{"keep_keys"}, p.removeMember},

		{get, "/accounts", account.Operate, signed, nil, p.accounts},
		{get, "/accounts/new", account.Operate, signed, nil, p.newAccount},
		{post, "/accounts/new", account.Operate, fresh, []string{"name", "trusted", "email", "language"}, p.createAccount},
		{get, "/accounts/:id", account.Operate, signed, nil, p.oneAccount},
		{post, "/accounts/:id", account.Operate, fresh, []string{"name", "trusted"}, p.updateAccount},
		{get, "/accounts/:id/suspend", account.Operate, signed, nil, p.askSuspend},
		{post, "/accounts/:id/suspend", account.Operate, fresh, button, p.suspend},
		{post, "/accounts/:id/resume", account.Operate, fresh, button, p.resume},
	}
}
