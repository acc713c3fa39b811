package access

import (
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/panel"
)

// Routes are all routes of these pages, and who may use them.
func (p *Pages) Routes() []panel.Route {
	return []panel.Route{
		panel.Get(panel.SignInPath, "", panel.Open, p.signIn),
		panel.Post(panel.SignInPath, "", panel.Open, []string{"email", "password", "code", "next"}, p.createSession),
		panel.Script(panel.SignInPath+"/passkey/begin", "", panel.Open, p.beginSignIn),
		panel.Script(panel.SignInPath+"/passkey/finish", "", panel.Open, p.finishSignIn),
		panel.Get("/invitation/:token", "", panel.Open, p.invitation),
		panel.Post("/invitation/:token", "", panel.Open, []string{"email", "name", "password", "language"}, p.join),

		panel.Button(panel.SignOutPath, account.Self, panel.Signed, p.signOut),
		panel.Post("/confirm", account.Self, panel.Fresh, []string{"next"}, p.confirmPage),
		panel.Script("/confirm/passkey/begin", account.Self, panel.Signed, p.beginConfirm),
		panel.Script("/confirm/passkey/finish", account.Self, panel.Signed, p.finishConfirm),

		panel.Get(panel.OwnPath, account.Self, panel.Signed, p.security),
		panel.Get(panel.EnrollPath, account.Self, panel.Enroll, p.enroll),
		panel.Get(panel.OwnPath+"/totp", account.Self, panel.Enroll, p.totp),
		panel.Post(panel.OwnPath+"/totp", account.Self, panel.Enroll, []string{"setup", "code"}, p.enrollTOTP),
		panel.Get(panel.OwnPath+"/totp/remove", account.Self, panel.Fresh, p.askRemoveTOTP),
		panel.Button(panel.OwnPath+"/totp/remove", account.Self, panel.Fresh, p.removeTOTP),
		panel.Script(panel.OwnPath+"/passkey/begin", account.Self, panel.Enroll, p.beginPasskey),
		panel.Script(panel.OwnPath+"/passkey/finish", account.Self, panel.Enroll, p.finishPasskey),
		panel.Get(panel.OwnPath+"/passkey/:id/remove", account.Self, panel.Fresh, p.askRemovePasskey),
		panel.Button(panel.OwnPath+"/passkey/:id/remove", account.Self, panel.Fresh, p.removePasskey),
		panel.Get(panel.OwnPath+"/recovery", account.Self, panel.Fresh, p.recovery),
		panel.Button(panel.OwnPath+"/recovery", account.Self, panel.Fresh, p.createCodes),
		panel.Get(panel.OwnPath+"/password", account.Self, panel.Fresh, p.password),
		panel.Post(panel.OwnPath+"/password", account.Self, panel.Fresh, []string{"current", "password"}, p.setPassword),
		panel.Post(panel.OwnPath+"/language", account.Self, panel.Signed, []string{"language", "back"}, p.setLanguage),
		panel.Post(panel.OwnPath+"/zone", account.Self, panel.Fresh, []string{"zone"}, p.setZone),
		panel.Button("/security/sessions/:id/revoke", account.Self, panel.Signed, p.revokeSession),
		panel.Button("/security/sessions/revoke-others", account.Self, panel.Signed, p.revokeOthers),

		panel.Get("/keys", account.Look, panel.Signed, p.keys),
		panel.Get("/keys/new", account.Automate, panel.Signed, p.newKey),
		panel.Post("/keys/new", account.Automate, panel.Fresh, append(scopeNames(), "name", "domains", "networks", "preset", "expires", "test"), p.createKey),
		panel.Get("/keys/:id", account.Look, panel.Signed, p.key),
		panel.Post("/keys/:id", account.Change, panel.Fresh, []string{"name"}, p.renameKey),
		panel.Post("/keys/:id/rotate", account.Automate, panel.Fresh, []string{"overlap"}, p.rotateKey),
		panel.Get("/keys/:id/revoke", account.Change, panel.Signed, p.askRevokeKey),
		panel.Button("/keys/:id/revoke", account.Change, panel.Fresh, p.revokeKey),

		panel.Get(redirectsPath+"/new", account.Automate, panel.Signed, p.newRedirect),
		panel.Post(redirectsPath+"/new", account.Automate, panel.Fresh, append([]string{"public_key", "expires"}, redirectFields...), p.createRedirect),
		panel.Get(redirectsPath+"/:id", account.Look, panel.Signed, p.redirect),
		panel.Post(redirectsPath+"/:id", account.Automate, panel.Fresh, redirectFields, p.updateRedirect),
		panel.Get(redirectsPath+"/:id/delete", account.Change, panel.Signed, p.askDeleteRedirect),
		panel.Button(redirectsPath+"/:id/delete", account.Change, panel.Fresh, p.deleteRedirect),

		panel.Get("/members", account.Look, panel.Signed, p.members),
		panel.Get("/members/invite", account.Manage, panel.Signed, p.newInvitation),
		panel.Post("/members/invite", account.Manage, panel.Fresh, []string{"email", "role", "language"}, p.invite),
		panel.Post("/members/settings", account.Manage, panel.Fresh, []string{"required", "erasing"}, p.setRules),
		panel.Post("/members/retention", account.Manage, panel.Fresh, []string{"retention_days"}, p.setRetention),
		panel.Button("/members/invitations/:id/revoke", account.Manage, panel.Fresh, p.revokeInvitation),
		panel.Get("/members/:id", account.Manage, panel.Signed, p.member),
		panel.Post("/members/:id", account.Manage, panel.Fresh, []string{"role"}, p.setRole),
		panel.Get("/members/:id/remove", account.Manage, panel.Signed, p.askRemoveMember),
		panel.Post("/members/:id/remove", account.Manage, panel.Fresh, []string{"keep_keys"}, p.removeMember),

		panel.Get(certificatePath, account.Operate, panel.Signed, p.certificate),
		panel.Post(certificatePath, account.Operate, panel.Fresh, []string{"certificates", "private_key", "use"}, p.upload),
		panel.Button(certificatePath+"/renew", account.Operate, panel.Fresh, p.renew),

		panel.Get("/accounts", account.Operate, panel.Signed, p.accounts),
		panel.Get("/accounts/new", account.Operate, panel.Signed, p.newAccount),
		panel.Post("/accounts/new", account.Operate, panel.Fresh, []string{"name", "trusted", "email", "language"}, p.createAccount),
		panel.Get("/accounts/:id", account.Operate, panel.Signed, p.oneAccount),
		panel.Post("/accounts/:id", account.Operate, panel.Fresh, []string{"name", "trusted"}, p.updateAccount),
		panel.Get("/accounts/:id/suspend", account.Operate, panel.Signed, p.askSuspend),
		panel.Post("/accounts/:id/suspend", account.Operate, panel.Fresh, []string{"reason"}, p.suspend),
		panel.Get("/accounts/:id/resume", account.Operate, panel.Signed, p.askResume),
		panel.Post("/accounts/:id/resume", account.Operate, panel.Fresh, []string{"reason"}, p.resume),
		panel.Get("/accounts/:id/open", account.Operate, panel.Signed, p.askOpen),
		panel.Post("/accounts/:id/open", account.Operate, panel.Fresh, []string{"reason", "changes"}, p.open),
		panel.Button("/accounts/:id/invitations/:invitation/again", account.Operate, panel.Fresh, p.inviteAgain),
		panel.Button(leavePath, account.Operate, panel.Signed, p.leave),
	}
}
