package access

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// accounts lists the accounts of the installation, for operators.
func (p *Pages) accounts(v *panel.Visit) error {
	all, err := p.Accounts.List(v.Ctx())
	if err != nil {
		return err
	}
	page := accountsPage{Frame: p.Frame(v, "accounts")}
	var shown []account.Account
	page.Paging, shown = panel.PageOf(v, all, func(a account.Account) []string { return []string{a.Name, a.ID} }, nil, accountOrders...)
	for _, a := range shown {
		page.Rows = append(page.Rows, accountRowOf(v, a))
	}
	return p.Render(v, http.StatusOK, "accounts", page.Frame, page)
}

var accountOrders = []panel.Order[account.Account]{
	{By: "name", Compare: func(a, b account.Account) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	}},
	{By: "state", Compare: func(a, b account.Account) int { return a.Suspended.Compare(b.Suspended) }},
	{By: "domains", Compare: func(a, b account.Account) int { return cmp.Compare(a.Domains, b.Domains) }},
	{By: "members", Compare: func(a, b account.Account) int { return cmp.Compare(a.Members, b.Members) }},
	{By: "created", Compare: func(a, b account.Account) int { return a.Created.Compare(b.Created) }},
}

func accountRowOf(v *panel.Visit, a account.Account) accountRow {
	return accountRow{a.ID, a.Name, a.Domains, a.Members, a.Trusted, a.Suspended, a.Created, a.ID == v.In.Home.ID}
}

func (p *Pages) newAccount(v *panel.Visit) error {
	f := p.Frame(v, "accounts")
	return p.Render(v, http.StatusOK, "account", f, accountPage{Frame: f, Form: web.Form{}})
}

// createAccount creates an account and the invitation of its first owner,
// which the next page shows once.
func (p *Pages) createAccount(v *panel.Visit) error {
	form := v.Form
	made, token, err := p.Accounts.Create(v.Ctx(), v.By(), form["name"], form["trusted"] == "yes", form["email"], p.Language(v).Tag)
	if err != nil {
		return p.Again(v, err, "account", "accounts", func(f panel.Frame) any { return accountPage{Frame: f, Form: form} })
	}
	return p.ShowOnce(v, panel.Path("accounts", made.ID), shownInvitation{form["email"], p.invitationURL(token)})
}

// oneAccount shows an account with its members and invitations, as far as
// operators need them to help.
func (p *Pages) oneAccount(v *panel.Visit) error {
	a, err := p.Accounts.Get(v.Ctx(), v.Param("id"))
	if err != nil {
		return err
	}
	form := web.Form{"name": a.Name}
	if a.Trusted {
		form["trusted"] = "yes"
	}
	page, err := p.accountPage(v, p.Frame(v, "accounts"), a, form)
	if err != nil {
		return err
	}
	var made shownInvitation
	there, shown := p.Shown(v, &made)
	if shown {
		return p.To(v, panel.Path("accounts", a.ID), "shown")
	}
	if there {
		page.Form["email"], page.URL = made.Email, made.URL
	}
	return p.Render(v, http.StatusOK, "account", page.Frame, page)
}

func (p *Pages) accountPage(v *panel.Visit, f panel.Frame, a account.Account, form web.Form) (accountPage, error) {
	page := accountPage{Frame: f, Form: form, Row: accountRowOf(v, a)}
	members, err := p.memberRows(v, a.ID)
	if err != nil {
		return page, err
	}
	page.Members = members
	invitations, err := p.Members.Invitations(v.Ctx(), a.ID)
	if err != nil {
		return page, err
	}
	for _, i := range invitations {
		page.Invitations = append(page.Invitations, invitationRow{ID: i.ID, Email: i.Email, Role: string(i.Role), Expires: i.Expires})
	}
	if a.Suspended.IsZero() {
		return page, nil
	}
	last, err := p.History.Recent(v.Ctx(), a.ID, []audit.Name{audit.AccountSuspend}, a.ID, 1)
	for _, r := range last {
		for _, c := range r.View().Changes {
			page.Reason = c.New
		}
	}
	return page, err
}

// inviteAgain revokes an invitation of a customer and creates another one,
// which the next page shows once.
func (p *Pages) inviteAgain(v *panel.Visit) error {
	made, token, err := p.Members.RenewInvitation(v.Ctx(), v.By(), v.Param("id"), v.Param("invitation"))
	if err != nil {
		return err
	}
	return p.ShowOnce(v, panel.Path("accounts", made.Account), shownInvitation{made.Email, p.invitationURL(token)})
}

func (p *Pages) updateAccount(v *panel.Visit) error {
	form := v.Form
	a, err := p.Accounts.Get(v.Ctx(), v.Param("id"))
	if err != nil {
		return err
	}
	if err := p.Accounts.Update(v.Ctx(), v.By(), a.ID, form["name"], form["trusted"] == "yes"); err != nil {
		page, failed := p.accountPage(v, panel.Frame{}, a, form)
		if failed != nil {
			return failed
		}
		return p.Again(v, err, "account", "accounts", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	return p.To(v, panel.Prefix+"/accounts", "account.saved")
}

func (p *Pages) askSuspend(v *panel.Visit) error { return p.askWhy(v, "suspend") }

func (p *Pages) suspend(v *panel.Visit) error {
	return p.because(v, "suspend", func() error {
		return p.Accounts.Suspend(v.Ctx(), v.By(), v.Param("id"), v.Form["reason"])
	}, panel.Prefix+"/accounts", "account.suspended")
}

func (p *Pages) askResume(v *panel.Visit) error { return p.askWhy(v, "resume") }

func (p *Pages) resume(v *panel.Visit) error {
	return p.because(v, "resume", func() error {
		return p.Accounts.Resume(v.Ctx(), v.By(), v.Param("id"), v.Form["reason"])
	}, panel.Prefix+"/accounts", "account.resumed")
}

func (p *Pages) askOpen(v *panel.Visit) error { return p.askWhy(v, "open") }

// open opens the account of a customer for the operator.
func (p *Pages) open(v *panel.Visit) error {
	return p.because(v, "open", func() error {
		return p.Sessions.Visit(v.Ctx(), v.By(), v.In, account.Visit{
			Account: v.Param("id"), Changes: v.Form["changes"] == "yes", Reason: v.Form["reason"],
		})
	}, panel.Prefix, "account.opened")
}

// leavePath is where an operator leaves the opened account.
const leavePath = "/accounts/leave"

func (p *Pages) leave(v *panel.Visit) error {
	return p.Do(v, panel.Path("accounts"), "account.left", func() error {
		return p.Sessions.Leave(v.Ctx(), v.By(), v.In)
	})
}

// askWhy asks for the reason of an operator's action on an account.
func (p *Pages) askWhy(v *panel.Visit, what string) error {
	a, err := p.Accounts.Get(v.Ctx(), v.Param("id"))
	if err != nil {
		return err
	}
	f := p.Frame(v, "accounts")
	return p.Render(v, http.StatusOK, "account-why", f, whyPage{f, web.Form{}, what, accountRowOf(v, a)})
}

// because performs an action for which an operator gives a reason, or asks
// again.
func (p *Pages) because(v *panel.Visit, what string, do func() error, path, done string) error {
	a, err := p.Accounts.Get(v.Ctx(), v.Param("id"))
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return p.Again(v, err, "account-why", "accounts", func(f panel.Frame) any {
			return whyPage{f, v.Form, what, accountRowOf(v, a)}
		})
	}
	return p.To(v, path, done)
}
