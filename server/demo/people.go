package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

// Where people are. The addresses are reserved for documentation (RFC 5737, RFC
// 3849).
var (
	office  = place{"203.0.113.24", "Safari on Mac"}
	desk    = place{"203.0.113.31", "Edge on Windows"}
	home    = place{"2001:db8:4f1:8a00::7", "Safari on iPhone"}
	journey = place{"198.51.100.140", "Safari on iPad"}
	dentist = place{"203.0.113.180", "Chrome on Windows"}
	strange = place{"192.0.2.66", "Chrome on Linux"}
)

// A person is a member with credentials.
type person struct {
	account.Member
	SignIn
	usual place
}

// grant lets the demo act as the person in the panel.
func (p *person) grant() audit.Grant {
	a := p.usual.from(audit.Panel).Actor
	a.Kind, a.ID, a.Name = audit.Member, p.Member.ID, p.Member.Email
	return audit.Grant{Kind: audit.ProgramGrant, Actor: a}
}

// join creates a member from the token of an invitation, with an authenticator
// app and recovery codes.
func (w *world) join(ctx context.Context, token, email, name string, usual place) error {
	from := usual.from(audit.Panel)
	m, err := w.members.Join(ctx, from, token, account.Newcomer{Email: email, Name: name, Password: Password, Language: "en"})
	if err != nil {
		return err
	}
	p := &person{Member: m, SignIn: SignIn{Email: m.Email, Name: m.Name, Role: m.Role, Password: Password}, usual: usual}
	w.people[email] = p
	in, err := w.signIn(ctx, p, usual)
	if err != nil {
		return err
	}
	setup, err := w.factors.NewTOTP(m)
	if err != nil {
		return err
	}
	p.Secret, p.URI = strings.ReplaceAll(setup.Secret, " ", ""), setup.URI
	code, err := p.Code(w.now())
	if err != nil {
		return err
	}
	if err := w.factors.EnrollTOTP(ctx, p.grant(), in, setup.Encrypted, code); err != nil {
		return err
	}
	if _, err = w.factors.NewCodes(ctx, p.grant(), in); err != nil {
		return err
	}
	p.Member, err = w.members.Get(ctx, m.Account, m.ID)
	return err
}

// signIn signs a person in, with a code if there is an app.
func (w *world) signIn(ctx context.Context, p *person, where place) (account.In, error) {
	code := ""
	if p.Secret != "" {
		var err error
		if code, err = p.Code(w.now()); err != nil {
			return account.In{}, err
		}
	}
	token, err := w.sessions.SignIn(ctx, where.from(audit.Panel), p.SignIn.Email, Password, code)
	if err != nil {
		return account.In{}, err
	}
	return w.sessions.Load(ctx, token)
}

// visits signs the person with the address in, and out again if out.
func (w *world) visits(email string, where place, out bool) func(context.Context) error {
	return func(ctx context.Context) error {
		p := w.people[email]
		in, err := w.signIn(ctx, p, where)
		if err != nil || !out {
			return err
		}
		return w.sessions.SignOut(ctx, in.Grant(p.grant().Actor, account.Self, false), in)
	}
}

// fails is a sign-in by someone who doesn't know the password.
func (w *world) fails(email string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := w.sessions.SignIn(ctx, strange.from(audit.Panel), email, "Summer2026!", "")
		if fault.Is(err, fault.SignInRefused) {
			return nil
		}
		return fmt.Errorf("a sign-in without password: %w", errors.Join(err, errors.New("it was not refused")))
	}
}

// invites lets a person invite another, who joins if there is a name.
func (w *world) invites(by, email string, role account.Role, name string, usual place) func(context.Context) error {
	return func(ctx context.Context) error {
		p := w.people[by]
		_, token, err := w.members.Invite(ctx, p.grant(), p.Account, email, string(role), "en")
		if err != nil || name == "" {
			return err
		}
		w.at(w.now().Add(47*time.Minute), p.Account, func(ctx context.Context) error { return w.join(ctx, token, email, name, usual) })
		return nil
	}
}
