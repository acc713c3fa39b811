package access

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// setLanguage stores the member's language.
func (p *Pages) setLanguage(v *panel.Visit) error {
	tag := v.Form["language"]
	if !slices.ContainsFunc(p.Texts.Languages(), func(l templates.Language) bool { return l.Tag == tag }) {
		return fault.On("language", fault.Invalid, "Choose one of the languages.")
	}
	back := v.Form["back"]
	if !panel.OwnPage(back) {
		back = panel.Prefix + panel.OwnPath
	}
	return p.Do(v, (&url.URL{Path: back}).EscapedPath(), "language.saved", func() error {
		return p.Members.SetLanguage(v.Ctx(), v.By(), v.In.Member, tag)
	})
}

// shownSignIns is how many of the latest sign-ins a member sees.
const shownSignIns = 10

// setZone stores the member's time zone.
func (p *Pages) setZone(v *panel.Visit) error {
	form := v.Form
	if err := p.Members.SetZone(v.Ctx(), v.By(), v.In.Member, form["zone"]); err != nil {
		page, failed := p.securityPage(v, form)
		if failed != nil {
			return failed
		}
		return p.Again(v, err, "security", "sign-in", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	return p.To(v, panel.Prefix+panel.OwnPath, "zone.saved")
}

// security shows the member's own sign-in settings.
func (p *Pages) security(v *panel.Visit) error {
	page, err := p.securityPage(v, web.Form{"zone": v.In.Member.Zone})
	if err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "security", page.Frame, page)
}

func (p *Pages) securityPage(v *panel.Visit, form web.Form) (securityPage, error) {
	m := v.In.Member
	keys, err := p.Factors.Passkeys(v.Ctx(), m)
	if err != nil {
		return securityPage{}, err
	}
	sessions, err := p.Sessions.List(v.Ctx(), m)
	if err != nil {
		return securityPage{}, err
	}
	signIns, err := p.History.Recent(v.Ctx(), v.Account(), []audit.Name{audit.MemberSignIn}, m.ID, shownSignIns)
	if err != nil {
		return securityPage{}, err
	}
	page := securityPage{
		Frame:         p.Frame(v, "sign-in"),
		Form:          form,
		PasskeyUsable: p.Vault.Passkeys(),
		TOTP:          m.TOTPSince,
		RecoveryLeft:  m.CodesLeft,
		RecoveryMade:  m.CodesCreated,
		Password:      m.PasswordSet,
		LastFactor:    len(keys) == 0 || len(keys) == 1 && m.TOTP == nil,
	}
	for _, k := range keys {
		page.Passkeys = append(page.Passkeys, passkeyRow{k.ID, k.Name, k.Synced(), k.Created, k.LastUsed})
	}
	for _, s := range sessions {
		page.Sessions = append(page.Sessions, sessionRow{s.ID, s.Client, s.IP, string(s.Method), s.Created, s.LastUsed, s.ID == v.In.Session.ID})
	}
	for _, r := range signIns {
		a := r.View()
		page.SignIns = append(page.SignIns, signInRow{a.Time, a.Outcome == audit.Refused, a.Client, a.IP, a.Unreadable})
	}
	return page, nil
}

// enroll asks a new member for a second factor.
func (p *Pages) enroll(v *panel.Visit) error {
	f := p.Frame(v, "sign-in")
	return p.Render(v, http.StatusOK, "enroll", f, enrollPage{f, p.Vault.Passkeys()})
}

// afterEnroll returns where to go after adding a factor: the first one leads to
// the recovery codes.
func (p *Pages) afterEnroll(v *panel.Visit, done string) string {
	if v.In.Member.CodesCreated.IsZero() {
		return panel.Prefix + panel.OwnPath + "/recovery?done=" + done
	}
	return panel.Prefix + panel.OwnPath + "?done=" + done
}

// totp shows a new seed for an authenticator app.
func (p *Pages) totp(v *panel.Visit) error {
	setup, err := p.Factors.NewTOTP(v.In.Member)
	if err != nil {
		return err
	}
	page, err := p.totpPage(p.Frame(v, "sign-in"), setup)
	if err != nil {
		return err
	}
	return p.Render(v, http.StatusOK, "totp", page.Frame, page)
}

func (p *Pages) totpPage(f panel.Frame, setup account.TOTPSetup) (totpPage, error) {
	qr, err := web.NewQR(setup.URI)
	return totpPage{f, setup.Secret, setup.Encrypted, qr}, err
}

// enrollTOTP adds the member's authenticator app.
func (p *Pages) enrollTOTP(v *panel.Visit) error {
	form := v.Form
	if err := p.Factors.EnrollTOTP(v.Ctx(), v.By(), v.In, form["setup"], form["code"]); err != nil {
		setup, failed := p.Factors.ResumeTOTP(v.In.Member, form["setup"])
		page, undrawn := p.totpPage(panel.Frame{}, setup)
		if failed != nil || undrawn != nil {
			return err
		}
		return p.Again(v, err, "totp", "sign-in", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	return v.Redirect(http.StatusSeeOther, p.afterEnroll(v, "totp.added"))
}

func (p *Pages) askRemoveTOTP(v *panel.Visit) error {
	if v.In.Member.TOTP == nil {
		return fault.New(fault.NotFound, "There is no authenticator app.")
	}
	return p.Ask(v, "sign-in", "totp", nil, panel.Prefix+panel.OwnPath)
}

func (p *Pages) removeTOTP(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+panel.OwnPath, "totp.removed", func() error { return p.Factors.RemoveTOTP(v.Ctx(), v.By(), v.In) })
}

func (p *Pages) askRemovePasskey(v *panel.Visit) error {
	keys, err := p.Factors.Passkeys(v.Ctx(), v.In.Member)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.ID == v.Param("id") {
			return p.Ask(v, "sign-in", "passkey", map[string]any{"Name": k.Name}, panel.Prefix+panel.OwnPath)
		}
	}
	return fault.New(fault.NotFound, "There is no such passkey.")
}

func (p *Pages) removePasskey(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+panel.OwnPath, "passkey.removed", func() error {
		return p.Factors.RemovePasskey(v.Ctx(), v.By(), v.In, v.Param("id"))
	})
}

// recovery shows recovery codes that have just been created, or says how many
// are left and offers new ones.
func (p *Pages) recovery(v *panel.Visit) error {
	page := recoveryPage{Frame: p.Frame(v, "sign-in"), Left: v.In.Member.CodesLeft, Made: v.In.Member.CodesCreated}
	if _, shown := p.Shown(v, &page.Codes); shown {
		return p.To(v, panel.Prefix+panel.OwnPath, "shown")
	}
	return p.Render(v, http.StatusOK, "recovery", page.Frame, page)
}

// createCodes creates recovery codes, which the next page shows once.
func (p *Pages) createCodes(v *panel.Visit) error {
	codes, err := p.Factors.NewCodes(v.Ctx(), v.By(), v.In)
	if err != nil {
		return err
	}
	return p.ShowOnce(v, panel.Prefix+panel.OwnPath+"/recovery", codes)
}

func (p *Pages) password(v *panel.Visit) error {
	f := p.Frame(v, "sign-in")
	return p.Render(v, http.StatusOK, "password", f, passwordPage{f, v.In.Member.HasFactor()})
}

func (p *Pages) setPassword(v *panel.Visit) error {
	form := v.Form
	if err := p.Factors.SetPassword(v.Ctx(), v.By(), v.In, form["current"], form["password"]); err != nil {
		return p.Again(v, err, "password", "sign-in", func(f panel.Frame) any { return passwordPage{f, v.In.Member.HasFactor()} })
	}
	return p.To(v, panel.Prefix+panel.OwnPath, "password.saved")
}

func (p *Pages) revokeSession(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+panel.OwnPath, "session.revoked", func() error {
		return p.Sessions.Revoke(v.Ctx(), v.By(), v.In, v.Param("id"))
	})
}

func (p *Pages) revokeOthers(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+panel.OwnPath, "sessions.revoked", func() error { return p.Sessions.RevokeOthers(v.Ctx(), v.By(), v.In) })
}
