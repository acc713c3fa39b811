package mail

import (
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/panel"
)

// Routes are all routes of these pages, and who may use them.
func (p *Pages) Routes() []panel.Route {
	return append(append(p.batchRoutes(), p.pushRoutes()...), []panel.Route{
		panel.Get("", account.Look, panel.Signed, p.overview),
		panel.Get(setupPath, account.Operate, panel.Signed, p.setup),

		panel.Get("/domains", account.Look, panel.Signed, p.domains),
		panel.Get("/domains/new", account.Change, panel.Signed, p.newDomain),
		panel.Post("/domains/new", account.Change, panel.Fresh, newDomainFields, p.createDomain),
		panel.Post("/domains/new/find", account.Change, panel.Signed, newDomainFields, p.findServers),
		panel.Get("/domains/:domain", account.Look, panel.Signed, p.domain),
		panel.Get("/domains/:domain/edit", account.Look, panel.Signed, p.editDomain),
		panel.Post("/domains/:domain", account.Change, panel.Fresh, domainFields, p.updateDomain),
		panel.Post("/domains/:domain/metadata", account.Change, panel.Fresh, []string{"metadata"}, p.setDomainMetadata),
		panel.Get("/domains/:domain/preview/:device", account.Look, panel.Signed, p.previewDomain),
		panel.Button("/domains/:domain/check", account.Look, panel.Signed, p.checkDomain),
		panel.Button("/domains/:domain/dns", account.Look, panel.Signed, p.checkDNS),
		panel.Button("/domains/:domain/verify", account.Change, panel.Fresh, p.verifyDomain),
		panel.OnHere(panel.Button("/domains/:domain/approve", account.Operate, panel.Fresh, p.approveDomain)),
		panel.Get("/domains/:domain/delete", account.Change, panel.Signed, p.askDeleteDomain),
		panel.Button("/domains/:domain/delete", account.Change, panel.Fresh, p.deleteDomain),

		panel.Get("/mdm", account.Look, panel.Signed, p.mdm),
		panel.Get("/domains/:domain/mdm/files.zip", account.Look, panel.Signed, p.mdmFiles),
		panel.Get("/domains/:domain/mdm/template", account.Look, panel.Signed, p.mdmTemplate),

		panel.Get(hostsPath, account.Look, panel.Signed, p.hosts),
		panel.Post(hostsPath, account.Manage, panel.Fresh, []string{"host"}, p.approveHost),
		panel.Post(hostsPath+"/withdraw", account.Manage, panel.Fresh, []string{"host"}, p.withdrawHost),

		panel.Get("/policies", account.Look, panel.Signed, p.policies),
		panel.Get("/policies/new", account.Change, panel.Signed, p.newPolicy),
		panel.Post("/policies/new", account.Change, panel.Fresh, policyFields, p.createPolicy),
		panel.Get("/policies/:id", account.Look, panel.Signed, p.policy),
		panel.Post("/policies/:id", account.Change, panel.Fresh, policyFields, p.updatePolicy),
		panel.Get("/policies/:id/delete", account.Change, panel.Signed, p.askDeletePolicy),
		panel.Button("/policies/:id/delete", account.Change, panel.Fresh, p.deletePolicy),

		panel.Get(mailboxPath, account.Look, panel.Signed, p.mailbox),
		panel.Post(mailboxPath, account.Change, panel.Fresh, []string{"address"}, p.leaveMailbox),
		panel.Get(panel.LinksPath, account.Look, panel.Signed, p.links),
		panel.Get(panel.LinksPath+"/new", account.Change, panel.Signed, p.newLink),
		panel.Post(panel.LinksPath+"/new", account.Change, panel.Fresh, linkFields, p.createLink),
		panel.Get(selectedPath, account.Change, panel.Signed, p.selected),
		panel.Get(panel.LinksPath+"/mail-selected", account.Change, panel.Signed, p.askSelected("mail-selected")),
		panel.Post(panel.LinksPath+"/mail-selected", account.Change, panel.Fresh, selectedFields, p.mailSelected),
		panel.Get(panel.LinksPath+"/revoke-selected", account.Change, panel.Signed, p.askSelected("selected")),
		panel.Post(panel.LinksPath+"/revoke-selected", account.Change, panel.Fresh, selectedFields, p.revokeSelected),
		panel.Get(panel.LinksPath+"/:id", account.Look, panel.Signed, p.link),
		panel.Get(panel.LinksPath+"/:id/revoke", account.Change, panel.Signed, p.askRevokeLink),
		panel.Button(panel.LinksPath+"/:id/revoke", account.Change, panel.Fresh, p.revokeLink),
		panel.Post(panel.LinksPath+"/:id/metadata", account.Change, panel.Fresh, []string{"metadata"}, p.setLinkMetadata),
		panel.Button(panel.LinksPath+"/:id/mail", account.Change, panel.Fresh, p.mailLink),
		panel.Get(panel.LinksPath+"/:id/revoke-mailbox", account.Change, panel.Signed, p.askRevokeMailbox),
		panel.Button(panel.LinksPath+"/:id/revoke-mailbox", account.Change, panel.Fresh, p.revokeMailbox),
		panel.Get("/domains/:domain/revoke-links", account.Change, panel.Signed, p.askRevokeDomain),
		panel.Button("/domains/:domain/revoke-links", account.Change, panel.Fresh, p.revokeDomain),
	}...)
}
