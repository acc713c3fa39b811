package access

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// retentions are how many days the content of actions can be kept; 0 means
// forever. An account may have another number that was set elsewhere.
func retentions(now int) []int {
	days := []int{0, 90, 180, 400, 730, 1095, 2557}
	if !slices.Contains(days, now) {
		days = append(days, now)
		slices.Sort(days)
	}
	return days
}

// setRetention sets how long the content of actions is kept.
func (p *Pages) setRetention(v *panel.Visit) error {
	days, err := strconv.Atoi(v.Form["retention_days"])
	if err != nil {
		return fault.On("retention_days", fault.Invalid, "Choose one of the times.")
	}
	return p.Do(v, panel.Prefix+"/members", "retention.saved", func() error {
		return p.Retention.SetRetention(v.Ctx(), v.By(), v.Account(), days, audit.Action{Outcome: audit.Done})
	})
}

// members lists the members and the pending invitations.
func (p *Pages) members(v *panel.Visit) error {
	all, err := p.memberRows(v, v.Account())
	if err != nil {
		return err
	}
	page := membersPage{Frame: p.Frame(v, "members"), Required: v.In.Account.FactorRequired, Erasing: v.In.Account.ErasingPoliciesByKey, Retention: v.In.Account.RetentionDays}
	page.Retentions = retentions(page.Retention)
	page.Paging, page.Rows = panel.PageOf(v, all, func(r memberRow) []string { return []string{r.Name, r.Email, r.Role} }, nil, memberOrders...)
	if page.Manage { // the URL of an invitation works for anyone who has it
		invitations, err := p.Members.Invitations(v.Ctx(), v.Account())
		if err != nil {
			return err
		}
		for _, i := range invitations {
			page.Invitations = append(page.Invitations, invitationRow{i.ID, i.Email, string(i.Role), p.invitationURL(p.Members.Token(i)), i.Expires})
		}
	}
	return p.Render(v, http.StatusOK, "members", page.Frame, page)
}

var memberOrders = []panel.Order[memberRow]{
	{By: "name", Compare: func(a, b memberRow) int {
		return strings.Compare(strings.ToLower(cmp.Or(a.Name, a.Email)), strings.ToLower(cmp.Or(b.Name, b.Email)))
	}},
	{By: "role", Compare: func(a, b memberRow) int {
		return cmp.Compare(slices.Index(account.Roles(), account.Role(a.Role)), slices.Index(account.Roles(), account.Role(b.Role)))
	}},
	{By: "seen", Compare: func(a, b memberRow) int { return a.LastSeen.Compare(b.LastSeen) }},
}

func (p *Pages) invitationURL(token string) string { return InvitationURL(p.BaseURL.String(), token) }

// InvitationURL returns the URL of the invitation with the token.
func InvitationURL(base, token string) string { return base + panel.Path("invitation", token) }

func (p *Pages) memberRows(v *panel.Visit, of string) ([]memberRow, error) {
	all, err := p.Members.List(v.Ctx(), of)
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
			Self: m.ID == v.In.Member.ID, LastOwner: m.Role == account.Owner && owners == 1,
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

func (p *Pages) newInvitation(v *panel.Visit) error {
	page := invitePage{Frame: p.Frame(v, "members"), Form: web.Form{"role": string(account.Admin)}}
	var made shownInvitation
	there, shown := p.Shown(v, &made)
	if shown {
		return p.To(v, panel.Prefix+"/members", "shown")
	}
	if there {
		page.Form["email"], page.URL = made.Email, made.URL
	}
	return p.Render(v, http.StatusOK, "invite", page.Frame, page)
}

// A shownInvitation is a new invitation, shown once.
type shownInvitation struct{ Email, URL string }

// invite creates an invitation, whose URL the next page shows.
func (p *Pages) invite(v *panel.Visit) error {
	form := v.Form
	_, token, err := p.Members.Invite(v.Ctx(), v.By(), v.Account(), form["email"], form["role"], p.Language(v).Tag)
	if err != nil {
		return p.Again(v, err, "invite", "members", func(f panel.Frame) any { return invitePage{Frame: f, Form: form} })
	}
	return p.ShowOnce(v, panel.Prefix+"/members/invite", shownInvitation{form["email"], p.invitationURL(token)})
}

func (p *Pages) revokeInvitation(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+"/members", "invitation.revoked", func() error {
		return p.Members.RevokeInvitation(v.Ctx(), v.By(), v.Account(), v.Param("id"))
	})
}

// setRules stores the rules of the account.
func (p *Pages) setRules(v *panel.Visit) error {
	form := v.Form
	if err := p.Accounts.SetRules(v.Ctx(), v.By(), v.Account(), account.Rules{
		FactorRequired: form["required"] == "yes", ErasingPoliciesByKey: form["erasing"] == "yes",
	}); err != nil {
		return err
	}
	return p.To(v, panel.Prefix+"/members", "settings.saved")
}

// row returns the row of the member in the path.
func (p *Pages) row(v *panel.Visit) (memberRow, error) {
	m, err := p.Members.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return memberRow{}, err
	}
	rows, err := p.memberRows(v, v.Account())
	for _, r := range rows {
		if r.ID == m.ID {
			return r, err
		}
	}
	return memberRow{}, err
}

func (p *Pages) member(v *panel.Visit) error {
	row, err := p.row(v)
	if err != nil {
		return err
	}
	f := p.Frame(v, "members")
	return p.Render(v, http.StatusOK, "member", f, memberPage{f, web.Form{"role": row.Role}, row})
}

func (p *Pages) setRole(v *panel.Visit) error {
	form := v.Form
	row, err := p.row(v)
	if err != nil {
		return err
	}
	if err := p.Members.SetRole(v.Ctx(), v.By(), v.Account(), row.ID, form["role"]); err != nil {
		return p.Again(v, err, "member", "members", func(f panel.Frame) any { return memberPage{f, form, row} })
	}
	return p.To(v, panel.Prefix+"/members", "member.saved")
}

func (p *Pages) askRemoveMember(v *panel.Visit) error {
	row, err := p.row(v)
	if err != nil {
		return err
	}
	name := row.Name
	if name == "" {
		name = row.Email
	}
	keys, err := p.Keys.Of(v.Ctx(), v.Account(), row.ID)
	if err != nil {
		return err
	}
	f := p.Frame(v, "members")
	page := panel.RemovePage{Frame: f, ID: "member", Values: map[string]any{"Name": name}, Action: v.Request().URL.Path, Back: panel.Prefix + "/members"}
	for _, k := range keys[:min(len(keys), maxKeysShown)] {
		page.Keys = append(page.Keys, keyRowOf(k, p.Now()))
	}
	page.MoreKeys = len(keys) - len(page.Keys)
	return p.Render(v, http.StatusOK, "remove", f, page)
}

// maxKeysShown is how many keys that would be revoked with a member the page
// shows.
const maxKeysShown = 100

func (p *Pages) removeMember(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+"/members", "member.removed", func() error {
		return p.Members.Remove(v.Ctx(), v.By(), v.Account(), v.Param("id"), v.Form["keep_keys"] == "yes")
	})
}
