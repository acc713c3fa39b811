package panel

import (
	"net/http"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/web"
)

// accounts lists the customers of the installation, for operators.
func (p *Panel) accounts(v *visit) error {
	all, err := p.Accounts.List(v.ctx())
	if err != nil {
		return err
	}
	page := accountsPage{frame: p.frame(v, "accounts")}
	var shown []account.Account
	page.paging, shown = pageOf(v, all, func(a account.Account) []string { return []string{a.Name, a.ID} })
	for _, a := range shown {
		page.Rows = append(page.Rows, accountRowOf(v, a))
	}
	return p.render(v, http.StatusOK, "accounts", page.frame, page)
}

func accountRowOf(v *visit, a account.Account) accountRow {
	return accountRow{a.ID, a.Name, a.Domains, a.Members, a.Trusted, a.Suspended, a.Created, a.ID == v.account()}
}

func (p *Panel) newAccount(v *visit) error {
	f := p.frame(v, "accounts")
	return p.render(v, http.StatusOK, "account", f, accountPage{frame: f, Form: web.Form{}})
}

// createAccount makes an account and the invitation of its first owner, which
// the next page shows, once.
func (p *Panel) createAccount(v *visit) error {
	form := v.form
	made, token, err := p.Accounts.Create(v.ctx(), v.by(), form["name"], form["trusted"] == "yes", form["email"], p.language(v).Tag)
	if err != nil {
		return p.again(v, err, "account", "accounts", func(f frame) any { return accountPage{frame: f, Form: form} })
	}
	return p.showOnce(v, path("accounts", made.ID), madeInvitation{form["email"], p.invitationURL(token)})
}

func (p *Panel) oneAccount(v *visit) error {
	a, err := p.Accounts.Get(v.ctx(), v.Param("id"))
	if err != nil {
		return err
	}
	form := web.Form{"name": a.Name}
	if a.Trusted {
		form["trusted"] = "yes"
	}
	page := accountPage{frame: p.frame(v, "accounts"), Form: form, Row: accountRowOf(v, a)}
	var made madeInvitation
	there, shown := p.once(v, &made)
	if shown {
		return p.to(v, path("accounts", a.ID), "shown")
	}
	if there {
		page.Form["email"], page.URL = made.Email, made.URL
	}
	return p.render(v, http.StatusOK, "account", page.frame, page)
}

func (p *Panel) updateAccount(v *visit) error {
	form := v.form
	a, err := p.Accounts.Get(v.ctx(), v.Param("id"))
	if err != nil {
		return err
	}
	if err := p.Accounts.Update(v.ctx(), v.by(), a.ID, form["name"], form["trusted"] == "yes"); err != nil {
		return p.again(v, err, "account", "accounts", func(f frame) any {
			return accountPage{frame: f, Form: form, Row: accountRowOf(v, a)}
		})
	}
	return p.to(v, Prefix+"/accounts", "account.saved")
}

func (p *Panel) askSuspend(v *visit) error {
	a, err := p.Accounts.Get(v.ctx(), v.Param("id"))
	if err != nil {
		return err
	}
	return p.ask(v, "accounts", "account", map[string]any{"Account": a.Name}, path("accounts", a.ID))
}

func (p *Panel) suspend(v *visit) error {
	return p.do(v, Prefix+"/accounts", "account.suspended", func() error {
		return p.Accounts.Suspend(v.ctx(), v.by(), v.Param("id"))
	})
}

func (p *Panel) resume(v *visit) error {
	return p.do(v, Prefix+"/accounts", "account.resumed", func() error {
		return p.Accounts.Resume(v.ctx(), v.by(), v.Param("id"))
	})
}
