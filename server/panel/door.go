package panel

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

// signIn shows the form to sign in; whoever is signed in goes on.
func (p *Panel) signIn(v *visit) error {
	next := inside(v.QueryParam("next"))
	if _, err := p.Sessions.Load(v.ctx(), p.cookie().Token(v)); err == nil {
		return v.Redirect(http.StatusSeeOther, next)
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	f := p.frame(v, "")
	return p.render(v, http.StatusOK, "sign-in", f, signInPage{f, web.Form{}, p.Vault.Passkeys(), next})
}

// createSession lets a member in by password and code.
func (p *Panel) createSession(v *visit) error {
	form := v.form
	token, err := p.Sessions.SignIn(v.ctx(), v.from, form["email"], form["password"], form["code"])
	if err != nil {
		return p.again(v, err, "sign-in", "", func(f frame) any {
			return signInPage{f, web.Form{"email": echoable(form["email"])}, p.Vault.Passkeys(), inside(form["next"])}
		})
	}
	p.cookie().Set(v, token)
	return v.Redirect(http.StatusSeeOther, inside(form["next"]))
}

// echoable is an address that may be shown again: what has no "@" may be a
// password in the wrong box.
func echoable(email string) string {
	if len(email) > 254 || !strings.Contains(email, "@") {
		return ""
	}
	return email
}

// signOut ends the session and has the browser forget what it kept.
func (p *Panel) signOut(v *visit) error {
	if err := p.Sessions.SignOut(v.ctx(), v.by(), v.in); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	p.cookie().Clear(v)
	v.Response().Header().Set("Clear-Site-Data", `"cache", "cookies", "storage"`)
	return v.Redirect(http.StatusSeeOther, Prefix+signInPath)
}

// invitation shows the form by which a person becomes a member.
func (p *Panel) invitation(v *visit) error {
	page, err := p.invitationPage(v, p.frame(v, ""), web.Form{})
	if err != nil {
		return err
	}
	return p.render(v, http.StatusOK, "invitation", page.frame, page)
}

func (p *Panel) invitationPage(v *visit, f frame, form web.Form) (invitationPage, error) {
	token := v.Param("token")
	i, acc, err := p.Members.Invitation(v.ctx(), token)
	return invitationPage{f, form, token, i.Email, acc.Name, string(i.Role), i.First(), i.Expires}, err
}

// join makes a member by an invitation and signs them in.
func (p *Panel) join(v *visit) error {
	form := v.form
	m, err := p.Members.Join(v.ctx(), v.from, v.Param("token"), account.Newcomer{
		Email: form["email"], Name: form["name"], Password: form["password"], Language: p.language(v).Tag,
	})
	if err != nil {
		page, gone := p.invitationPage(v, frame{}, web.Form{"email": echoable(form["email"]), "name": form["name"]})
		if gone != nil {
			return gone
		}
		return p.again(v, err, "invitation", "", func(f frame) any {
			page.frame = f
			return page
		})
	}
	token, err := p.Sessions.SignIn(v.ctx(), v.from, m.Email, form["password"], "")
	if err != nil {
		return err
	}
	p.cookie().Set(v, token)
	return v.Redirect(http.StatusSeeOther, Prefix)
}

// confirmPage goes on to the page that asked for a fresh factor, which guard
// has taken.
func (p *Panel) confirmPage(v *visit) error {
	form := v.form
	return v.Redirect(http.StatusSeeOther, inside(form["next"]))
}

// path is a path below the panel whose parts are escaped.
func path(parts ...string) string {
	var b strings.Builder
	b.WriteString(Prefix)
	for _, part := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(part))
	}
	return b.String()
}
