package access

import (
	"net/http"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// accounts lists the customers of the installation, for operators.
func (p *Pages) accounts(v *panel.Visit) error {
	all, err := p.Accounts.List(v.Ctx())
	if err != nil {
		return err
	}
	page := accountsPage{Frame: p.Frame(v, "accounts")}
	var shown []account.Account
	page.Paging, shown = panel.PageOf(v, all, func(a account.Account) []string { return []string{a.Name, a.ID} })
	for _, a := range shown {
		page.Rows = append(page.Rows, accountRowOf(v, a))
	}
	return p.Render(v, http.StatusOK, "accounts", page.Frame, page)
}

func accountRowOf(v *panel.Visit, a account.Account) accountRow {
	return accountRow{a.ID, a.Name, a.Domains, a.Members, a.Trusted, a.Suspended, a.Created, a.ID == v.Account()}
}

func (p *Pages) newAccount(v *panel.Visit) error {
	f := p.Frame(v, "accounts")
	return p.Render(v, http.StatusOK, "account", f, accountPage{Frame: f, Form: web.Form{}})
}

// createAccount makes an account and the invitation of its first owner, which
// the next page shows, once.
func (p *Pages) createAccount(v *panel.Visit) error {
	form := v.Form
	made, token, err := p.Accounts.Create(v.Ctx(), v.By(), form["name"], form["trusted"] == "yes", form["email"], p.Language(v).Tag)
	if err != nil {
		return p.Again(v, err, "account", "accounts", func(f panel.Frame) any { return accountPage{Frame: f, Form: form} })
	}
	return p.ShowOnce(v, panel.Path("accounts", made.ID), madeInvitation{form["email"], p.invitationURL(token)})
}

func (p *Pages) oneAccount(v *panel.Visit) error {
	a, err := p.Accounts.Get(v.Ctx(), v.Param("id"))
	if err != nil {
		return err
	}
	form := web.Form{"name": a.Name}
	if a.Trusted {
		form["trusted"] = "yes"
	}
	page := accountPage{Frame: p.Frame(v, "accounts"), Form: form, Row: accountRowOf(v, a)}
	var made madeInvitation
	there, shown := p.Shown(v, &made)
	if shown {
		return p.To(v, panel.Path("accounts", a.ID), "shown")
	}
	if there {
		page.Form["email"], page.URL = made.Email, made.URL
	}
	return p.Render(v, http.StatusOK, "account", page.Frame, page)
}

func (p *Pages) updateAccount(v *panel.Visit) error {
	form := v.Form
	a, err := p.Accounts.Get(v.Ctx(), v.Param("id"))
	if err != nil {
		return err
	}
	if err := p.Accounts.Update(v.Ctx(), v.By(), a.ID, form["name"], form["trusted"] == "yes"); err != nil {
		return p.Again(v, err, "account", "accounts", func(f panel.Frame) any {
			return accountPage{Frame: f, Form: form, Row: accountRowOf(v, a)}
		})
	}
	return p.To(v, panel.Prefix+"/accounts", "account.saved")
}

func (p *Pages) askSuspend(v *panel.Visit) error {
	a, err := p.Accounts.Get(v.Ctx(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.Ask(v, "accounts", "account", map[string]any{"Account": a.Name}, panel.Path("accounts", a.ID))
}

func (p *Pages) suspend(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+"/accounts", "account.suspended", func() error {
		return p.Accounts.Suspend(v.Ctx(), v.By(), v.Param("id"))
	})
}

func (p *Pages) resume(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+"/accounts", "account.resumed", func() error {
		return p.Accounts.Resume(v.Ctx(), v.By(), v.Param("id"))
	})
}
