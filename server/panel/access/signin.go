package access

import (
	"net/http"
	"strings"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// signIn shows the sign-in form, or redirects members who are signed in.
func (p *Pages) signIn(v *panel.Visit) error {
	next := panel.Inside(v.QueryParam("next"))
	if _, err := p.Sessions.Load(v.Ctx(), p.Cookie().Token(v)); err == nil {
		return v.Redirect(http.StatusSeeOther, next)
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	any, err := p.Members.Any(v.Ctx())
	if err != nil {
		return err
	}
	f := p.Frame(v, "")
	page := signInPage{Frame: f, Form: web.Form{}, Passkey: p.Vault.Passkeys(), Next: next}
	if !any {
		page.Command = "mobileconfig admin owner --email you@example.com --password-file FILE"
	}
	return p.Render(v, http.StatusOK, "sign-in", f, page)
}

// createSession signs a member in with password and code.
func (p *Pages) createSession(v *panel.Visit) error {
	form := v.Form
	token, err := p.Sessions.SignIn(v.Ctx(), v.From, form["email"], form["password"], form["code"])
	if err != nil {
		return p.Again(v, err, "sign-in", "", func(f panel.Frame) any {
			return signInPage{Frame: f, Form: web.Form{"email": echoable(form["email"])}, Passkey: p.Vault.Passkeys(), Next: panel.Inside(form["next"])}
		})
	}
	if err := p.Admit(v, token); err != nil {
		return err
	}
	return v.Redirect(http.StatusSeeOther, panel.Inside(form["next"]))
}

// echoable returns an address that may be shown again: text without "@" may be
// a password in the wrong field.
func echoable(email string) string {
	if len(email) > 254 || !strings.Contains(email, "@") {
		return ""
	}
	return email
}

// signOut ends the session and deletes the browser's data, except the cookie
// that identifies the device.
func (p *Pages) signOut(v *panel.Visit) error {
	if err := p.Sessions.SignOut(v.Ctx(), v.By(), v.In); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	p.Cookie().Clear(v)
	v.Response().Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return v.Redirect(http.StatusSeeOther, panel.Prefix+panel.SignInPath)
}

// invitation shows the form for accepting an invitation.
func (p *Pages) invitation(v *panel.Visit) error {
	page, err := p.invitationPage(v, p.Frame(v, ""), web.Form{})
	if err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "invitation", page.Frame, page)
}

func (p *Pages) invitationPage(v *panel.Visit, f panel.Frame, form web.Form) (invitationPage, error) {
	token := v.Param("token")
	i, acc, err := p.Members.Invitation(v.Ctx(), token)
	return invitationPage{f, form, token, i.Email, acc.Name, string(i.Role), i.First(), i.Expires}, err
}

// join creates a member from an invitation and signs them in.
func (p *Pages) join(v *panel.Visit) error {
	form := v.Form
	m, err := p.Members.Join(v.Ctx(), v.From, v.Param("token"), account.Newcomer{
		Email: form["email"], Name: form["name"], Password: form["password"], Language: p.Language(v).Tag,
	})
	if err != nil {
		page, gone := p.invitationPage(v, panel.Frame{}, web.Form{"email": echoable(form["email"]), "name": form["name"]})
		if gone != nil {
			return gone
		}
		return p.Again(v, err, "invitation", "", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	token, err := p.Sessions.SignIn(v.Ctx(), v.From, m.Email, form["password"], "")
	if err != nil {
		return err
	}
	if err := p.Admit(v, token); err != nil {
		return err
	}
	return v.Redirect(http.StatusSeeOther, panel.Prefix)
}

// confirmPage redirects to the page that needed a fresh factor. The guard has
// checked it.
func (p *Pages) confirmPage(v *panel.Visit) error {
	form := v.Form
	return v.Redirect(http.StatusSeeOther, panel.Inside(form["next"]))
}
