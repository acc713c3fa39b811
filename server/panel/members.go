package panel

import (
	"net/http"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/web"
)

// members lists the members and the invitations that can be used still.
func (p *Panel) members(v *visit) error {
	all, err := p.memberRows(v)
	if err != nil {
		return err
	}
	page := membersPage{frame: p.frame(v, "members"), Required: v.in.Account.FactorRequired, Retention: v.in.Account.RetentionDays}
	page.Retentions = retentions(page.Retention)
	page.paging, page.Rows = pageOf(v, all, func(r memberRow) []string { return []string{r.Name, r.Email, r.Role} })
	if page.Manage { // whoever has the address of an invitation can use it
		invitations, err := p.Members.Invitations(v.ctx(), v.account())
		if err != nil {
			return err
		}
		for _, i := range invitations {
			page.Invitations = append(page.Invitations, invitationRow{i.ID, i.Email, string(i.Role), p.invitationURL(p.Members.Token(i)), i.Expires})
		}
	}
	return p.render(v, http.StatusOK, "members", page.frame, page)
}

func (p *Panel) invitationURL(token string) string { return InvitationURL(p.BaseURL.String(), token) }

// InvitationURL is where the invitation with the token can be used.
func InvitationURL(base, token string) string { return base + path("invitation", token) }

func (p *Panel) memberRows(v *visit) ([]memberRow, error) {
	all, err := p.Members.List(v.ctx(), v.account())
	owners := 0
	for _, m := range all {
		if m.Role == account.Owner {
			owners++
		}
	}
	rows := make([]memberRow, len(all))
	for i, m := range all {
		rows[i] = memberRow{
			ID: m.ID, Name: m.Name, Email: m.Email, Role: string(m.Role), Operator: m.Operator, LastSeen: m.LastSeen,
			Self: m.ID == v.in.Member.ID, LastOwner: m.Role == account.Owner && owners == 1,
		}
		if m.Passkeys > 0 {
			rows[i].Factors = append(rows[i].Factors, "passkey")
		}
		if m.TOTP != nil {
			rows[i].Factors = append(rows[i].Factors, "totp")
		}
	}
	return rows, err
}

func (p *Panel) newInvitation(v *visit) error {
	page := invitePage{frame: p.frame(v, "members"), Form: web.Form{"role": string(account.Admin)}}
	var made madeInvitation
	there, shown := p.once(v, &made)
	if shown {
		return p.to(v, Prefix+"/members", "shown")
	}
	if there {
		page.Form["email"], page.URL = made.Email, made.URL
	}
	return p.render(v, http.StatusOK, "invite", page.frame, page)
}

// A madeInvitation is an invitation as it is shown, once.
type madeInvitation struct{ Email, URL string }

// invite makes an invitation, whose address the next page shows.
func (p *Panel) invite(v *visit) error {
	form := v.form
	_, token, err := p.Members.Invite(v.ctx(), v.by(), v.account(), form["email"], form["role"], p.language(v).Tag)
	if err != nil {
		return p.again(v, err, "invite", "members", func(f frame) any { return invitePage{frame: f, Form: form} })
	}
	return p.showOnce(v, Prefix+"/members/invite", madeInvitation{form["email"], p.invitationURL(token)})
}

func (p *Panel) revokeInvitation(v *visit) error {
	return p.do(v, Prefix+"/members", "invitation.revoked", func() error {
		return p.Members.RevokeInvitation(v.ctx(), v.by(), v.account(), v.Param("id"))
	})
}

// setRules says whether the account's members need a second factor.
func (p *Panel) setRules(v *visit) error {
	form := v.form
	if err := p.Accounts.RequireFactor(v.ctx(), v.by(), v.account(), form["required"] == "yes"); err != nil {
		return err
	}
	return p.to(v, Prefix+"/members", "settings.saved")
}

// row is the row of the member that the path names.
func (p *Panel) row(v *visit) (memberRow, error) {
	m, err := p.Members.Get(v.ctx(), v.account(), v.Param("id"))
	if err != nil {
		return memberRow{}, err
	}
	rows, err := p.memberRows(v)
	for _, r := range rows {
		if r.ID == m.ID {
			return r, err
		}
	}
	return memberRow{}, err
}

func (p *Panel) member(v *visit) error {
	row, err := p.row(v)
	if err != nil {
		return err
	}
	f := p.frame(v, "members")
	return p.render(v, http.StatusOK, "member", f, memberPage{f, web.Form{"role": row.Role}, row})
}

func (p *Panel) setRole(v *visit) error {
	form := v.form
	row, err := p.row(v)
	if err != nil {
		return err
	}
	if err := p.Members.SetRole(v.ctx(), v.by(), v.account(), row.ID, form["role"]); err != nil {
		return p.again(v, err, "member", "members", func(f frame) any { return memberPage{f, form, row} })
	}
	return p.to(v, Prefix+"/members", "member.saved")
}

func (p *Panel) askRemoveMember(v *visit) error {
	row, err := p.row(v)
	if err != nil {
		return err
	}
	name := row.Name
	if name == "" {
		name = row.Email
	}
	return p.ask(v, "members", "member", map[string]any{"Name": name}, Prefix+"/members")
}

func (p *Panel) removeMember(v *visit) error {
	return p.do(v, Prefix+"/members", "member.removed", func() error {
		return p.Members.Remove(v.ctx(), v.by(), v.account(), v.Param("id"))
	})
}
