package panel

import (
	"net/http"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

// shownSignIns is how many of the latest sign-ins a member sees.
const shownSignIns = 10

// security shows the member's own sign-in.
func (p *Panel) security(v *visit) error {
	m := v.in.Member
	keys, err := p.Factors.Passkeys(v.ctx(), m)
	if err != nil {
		return err
	}
	sessions, err := p.Sessions.List(v.ctx(), m)
	if err != nil {
		return err
	}
	signIns, err := p.History.Recent(v.ctx(), v.account(), []audit.Name{audit.MemberSignIn}, m.ID, shownSignIns)
	if err != nil {
		return err
	}
	page := securityPage{
		frame:         p.frame(v, "sign-in"),
		PasskeyUsable: p.Vault.Passkeys(),
		TOTP:          m.TOTPSince,
		RecoveryLeft:  m.CodesLeft,
		RecoveryMade:  m.CodesMade,
		Password:      m.PasswordSet,
		Reads:         m.Language,
		Written:       p.Texts.Languages(),
		LastFactor:    len(keys) == 0 || len(keys) == 1 && m.TOTP == nil,
	}
	for _, k := range keys {
		page.Passkeys = append(page.Passkeys, passkeyRow{k.ID, k.Name, k.Synced(), k.Created, k.LastUsed})
	}
	for _, s := range sessions {
		page.Sessions = append(page.Sessions, sessionRow{s.ID, s.Client, s.IP, string(s.Method), s.Created, s.LastUsed, s.ID == v.in.Session.ID})
	}
	for _, r := range signIns {
		entry, err := r.Read() // one bad entry hides no others
		page.SignIns = append(page.SignIns, signInRow{r.At, entry.Outcome == audit.Refused, entry.Personal.Client, entry.Personal.IP, err != nil})
	}
	return p.render(v, http.StatusOK, "security", page.frame, page)
}

// enrol asks a new member for a second factor.
func (p *Panel) enrol(v *visit) error {
	f := p.frame(v, "sign-in")
	return p.render(v, http.StatusOK, "enrol", f, enrolPage{f, p.Vault.Passkeys()})
}

// afterEnrol is where a member goes who has a new factor: the first one leads
// to the recovery codes.
func (p *Panel) afterEnrol(v *visit, done string) string {
	if v.in.Member.CodesMade.IsZero() {
		return Prefix + ownPath + "/recovery?done=" + done
	}
	return Prefix + ownPath + "?done=" + done
}

// totp shows a new seed for an authenticator app.
func (p *Panel) totp(v *visit) error {
	setup, err := p.Factors.NewTOTP(v.in.Member)
	if err != nil {
		return err
	}
	page, err := p.totpPage(p.frame(v, "sign-in"), setup)
	if err != nil {
		return err
	}
	return p.render(v, http.StatusOK, "totp", page.frame, page)
}

func (p *Panel) totpPage(f frame, setup account.TOTPSetup) (totpPage, error) {
	qr, err := web.NewQR(setup.URI)
	return totpPage{f, setup.Secret, setup.Sealed, qr}, err
}

// enrolTOTP makes the app the member's.
func (p *Panel) enrolTOTP(v *visit) error {
	form := v.form
	if err := p.Factors.EnrolTOTP(v.ctx(), v.by(), v.in, form["setup"], form["code"]); err != nil {
		setup, failed := p.Factors.AgainTOTP(v.in.Member, form["setup"])
		page, undrawn := p.totpPage(frame{}, setup)
		if failed != nil || undrawn != nil {
			return err
		}
		return p.again(v, err, "totp", "sign-in", func(f frame) any {
			page.frame = f
			return page
		})
	}
	return v.Redirect(http.StatusSeeOther, p.afterEnrol(v, "totp.added"))
}

func (p *Panel) askRemoveTOTP(v *visit) error {
	if v.in.Member.TOTP == nil {
		return fault.New(fault.NotFound, "There is no authenticator app.")
	}
	return p.ask(v, "sign-in", "totp", nil, Prefix+ownPath)
}

func (p *Panel) removeTOTP(v *visit) error {
	return p.do(v, Prefix+ownPath, "totp.removed", func() error { return p.Factors.RemoveTOTP(v.ctx(), v.by(), v.in) })
}

func (p *Panel) askRemovePasskey(v *visit) error {
	keys, err := p.Factors.Passkeys(v.ctx(), v.in.Member)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.ID == v.Param("id") {
			return p.ask(v, "sign-in", "passkey", map[string]any{"Name": k.Name}, Prefix+ownPath)
		}
	}
	return fault.New(fault.NotFound, "There is no such passkey.")
}

func (p *Panel) removePasskey(v *visit) error {
	return p.do(v, Prefix+ownPath, "passkey.removed", func() error {
		return p.Factors.RemovePasskey(v.ctx(), v.by(), v.in, v.Param("id"))
	})
}

// recovery shows recovery codes that have just been made, or says how many are
// left and offers new ones.
func (p *Panel) recovery(v *visit) error {
	page := recoveryPage{frame: p.frame(v, "sign-in"), Left: v.in.Member.CodesLeft, Made: v.in.Member.CodesMade}
	if _, shown := p.once(v, &page.Codes); shown {
		return p.to(v, Prefix+ownPath, "shown")
	}
	return p.render(v, http.StatusOK, "recovery", page.frame, page)
}

// createCodes makes recovery codes, which the next page shows, once.
func (p *Panel) createCodes(v *visit) error {
	codes, err := p.Factors.NewCodes(v.ctx(), v.by(), v.in)
	if err != nil {
		return err
	}
	return p.showOnce(v, Prefix+ownPath+"/recovery", codes)
}

func (p *Panel) password(v *visit) error {
	f := p.frame(v, "sign-in")
	return p.render(v, http.StatusOK, "password", f, passwordPage{f, v.in.Member.HasFactor()})
}

func (p *Panel) setPassword(v *visit) error {
	form := v.form
	if err := p.Factors.SetPassword(v.ctx(), v.by(), v.in, form["current"], form["password"]); err != nil {
		return p.again(v, err, "password", "sign-in", func(f frame) any { return passwordPage{f, v.in.Member.HasFactor()} })
	}
	return p.to(v, Prefix+ownPath, "password.saved")
}

func (p *Panel) revokeSession(v *visit) error {
	return p.do(v, Prefix+ownPath, "session.revoked", func() error {
		return p.Sessions.Revoke(v.ctx(), v.by(), v.in, v.Param("id"))
	})
}

func (p *Panel) revokeOthers(v *visit) error {
	return p.do(v, Prefix+ownPath, "sessions.revoked", func() error { return p.Sessions.RevokeOthers(v.ctx(), v.by(), v.in) })
}

// ask shows the page that says what will be lost, whose form goes to its own
// path.
func (p *Panel) ask(v *visit, nav, id string, values map[string]any, back string) error {
	f := p.frame(v, nav)
	return p.render(v, http.StatusOK, "remove", f, removePage{frame: f, ID: id, Values: values, Action: v.Request().URL.Path, Back: back})
}

// do does what a form without fields asks for, and leads on.
func (p *Panel) do(v *visit, path, done string, fn func() error) error {
	if err := fn(); err != nil {
		return err
	}
	return p.to(v, path, done)
}
