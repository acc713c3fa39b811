// Package panel holds the control panel: where members sign in, say how
// devices are set up, and keep their account safe.
package panel

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/autoconfig"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/templates"
)

// Prefix is where the control panel lives.
const Prefix = "/panel"

// Panel are the handlers of the control panel. All fields are required.
type Panel struct {
	Vault         *account.Vault
	Sessions      *account.Sessions
	Members       *account.Members
	Factors       *account.Factors
	Accounts      *account.Accounts
	Keys          *account.Keys
	Redirects     *redirect.Keys
	Subscriptions *notify.Subscriptions
	Webhooks      *notify.Webhooks
	Mail          bool // a mail server is set
	Domains       *settings.Domains
	Policies      *settings.Policies
	Links         *setup.Links
	Issuer        *issue.Issuer
	Checker       Checker
	DNS           autoconfig.Resolver
	History       History
	Actions       Actions
	Texts         *templates.Set
	BaseURL       *url.URL
	Once          web.Once
	Identity      func() signing.Description
	Log           *slog.Logger
	Now           func() time.Time

	perDomain *web.Limiter
}

// A Checker says whether the mail servers of a domain offer TLS as a device
// needs it. *probe.Checker is one.
type Checker interface {
	Check(ctx context.Context, domain string, targets []probe.Target) ([]probe.Result, error)
}

// Actions are the action log of every account.
type Actions interface {
	// Search returns the actions that the filter finds, the newest first.
	Search(ctx context.Context, f audit.Filter) (audit.Found, error)
	// Record keeps an action that goes with no other change.
	Record(ctx context.Context, by audit.Grant, a audit.Action) error
	// ErasePersonal removes the personal text of actions of the account, and
	// keeps a as an action that names them. Where there is none, the fault is
	// NotFound.
	ErasePersonal(ctx context.Context, by audit.Grant, account string, which audit.Erasure, a audit.Action) (int64, error)
	// SetRetention has the content of the account's actions removed after so
	// many days, or never for 0, and keeps a as an action that says so.
	SetRetention(ctx context.Context, by audit.Grant, account string, days int, a audit.Action) error
}

// A History tells what has happened in an account.
type History interface {
	// Usage counts the links made since the time, and their downloads, by
	// day and domain.
	Usage(ctx context.Context, account string, since time.Time) ([]setup.Usage, error)
	// Recent returns the latest actions with one of the names, the newest
	// first: at most limit, and of the log's end alone. With a target it
	// returns those on that alone.
	Recent(ctx context.Context, account string, names []audit.Name, target string, limit int) ([]audit.Record, error)
}

// Routes adds the control panel to e.
func (p *Panel) Routes(e *echo.Echo) error {
	sameOrigin, err := web.SameOrigin(p.BaseURL)
	if err != nil {
		return err
	}
	p.perDomain = web.NewLimiter("dns", limitDNS, dnsWindow, p.Now)
	g := e.Group(Prefix, web.Script, sameOrigin)
	for _, r := range p.routes() {
		methods := []string{r.method}
		if r.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		g.Match(methods, r.path, p.guard(r))
	}
	return nil
}

// A visit is one request, with who makes it.
type visit struct {
	echo.Context
	in   account.In // zero on the routes that are open to all
	need route      // what the route needs, which the grant repeats
	from account.From
	form web.Form // of a POST
}

// ctx is the context of the request.
func (v *visit) ctx() context.Context { return v.Request().Context() }

// by is the grant of the member to do what the route does. The transaction
// checks it again: the guard let the request in, its body may have come later.
func (v *visit) by() audit.Grant {
	a := v.from.Actor
	a.Kind, a.ID, a.Name = audit.Member, v.in.Member.ID, v.in.Member.Email
	g := v.in.Grant(a, v.need.need, v.need.rule == fresh || v.need.rule == enrol)
	g.FirstFactor = v.need.rule == enrol
	return g
}

// account is the member's account, whose things alone the visit can reach.
func (v *visit) account() string { return v.in.Account.ID }

func visitOf(c echo.Context) *visit {
	actor := web.Visitor(c)
	actor.Interface = audit.Panel
	return &visit{Context: c, from: account.From{Actor: actor, Network: web.Network(c)}}
}

func (p *Panel) cookie() web.SessionCookie { return web.NewSessionCookie(p.BaseURL) }

// frame fills what every page shows around its own.
func (p *Panel) frame(v *visit, nav string) frame {
	m := v.in.Member
	f := frame{
		Operator:    p.BaseURL.Hostname(),
		Languages:   p.Texts.PanelLanguages(),
		Language:    p.Texts.ForPanel(p.language(v)),
		Path:        v.Request().URL.Path,
		Nav:         nav,
		Done:        p.done(v.QueryParam("done")),
		Development: p.Identity().Development,
	}
	if m.ID != "" {
		name := m.Name
		if name == "" {
			name = m.Email
		}
		f.Person = person{name, m.Email, v.in.Account.Name}
		f.Write, f.Manage, f.Operate = m.May(account.Change), m.May(account.Manage), m.May(account.Operate)
	}
	return f
}

// language is the one that the address asks for, or the form was in, else the
// member's, else what the browser says.
func (p *Panel) language(v *visit) templates.Language {
	return p.Texts.Match(v.QueryParam("lang"), v.form["language"], v.in.Member.Language, v.Request().Header.Get("Accept-Language"))
}

// done is the id of what has just been done, if it is one of ours.
func (p *Panel) done(id string) string {
	if id == "" || strings.ContainsAny(id, " \t\r\n") || p.Texts.Text(p.Texts.Match(), "panel.done."+id, nil) == "panel.done."+id {
		return ""
	}
	return id
}

// problems are the faults behind an error in the page's language. An error
// that is none is not for a page.
func (p *Panel) problems(f frame, err error) []problem {
	var out []problem
	for _, each := range fault.All(err) {
		out = append(out, problem{each.Field, string(each.Code), p.say(f.Language, each)})
	}
	return out
}

// say is what a fault says in the language. The codes that stand for many
// rules say it in the fault's own words.
func (p *Panel) say(l templates.Language, f *fault.Fault) string {
	switch f.Code {
	case fault.Invalid, fault.Conflict, fault.NameInvalid, fault.DomainUnproven, fault.PasswordWeak, fault.CodeWrong:
		return f.Detail
	}
	for _, id := range []string{"panel.problem." + string(f.Code), "problem." + string(f.Code)} {
		if text := p.Texts.Text(l, id, nil); text != id {
			return text
		}
	}
	return f.Detail
}

// render answers with a page.
func (p *Panel) render(v *visit, status int, name string, f frame, page any) error {
	var out bytes.Buffer
	if err := p.Texts.Page(&out, "panel/"+name, f.Language, page); err != nil {
		return err
	}
	return v.HTMLBlob(status, out.Bytes())
}

// again shows a form again with what is wrong with it: fill makes the page
// from the frame. An error that is no fault of the form goes on.
func (p *Panel) again(v *visit, err error, name, nav string, fill func(frame) any) error {
	status := web.Status(fault.Of(err).Code)
	if status >= http.StatusInternalServerError || status == http.StatusNotFound || endsVisit(err) {
		return err
	}
	f := p.frame(v, nav)
	f.Problems = p.problems(f, err)
	web.SetRetryAfter(v, fault.Of(err))
	return p.render(v, status, name, f, fill(f))
}

// to leads on to a page of the panel after something was done.
func (p *Panel) to(v *visit, path, done string) error {
	if done != "" {
		path += "?done=" + done
	}
	return v.Redirect(http.StatusSeeOther, path)
}

// showOnce leads on to a page below Prefix, which shows what was made this once.
func (p *Panel) showOnce(v *visit, path string, made any) error {
	if err := p.Once.Put(v, v.in.Session.ID, path, made); err != nil {
		return err
	}
	return v.Redirect(http.StatusSeeOther, path+"?once=yes")
}

// once reads what showOnce has kept for the page that is asked for. Shown is
// set if the page is asked for once more.
func (p *Panel) once(v *visit, made any) (there, shown bool) {
	if v.QueryParam("once") == "" {
		return false, false
	}
	there = p.Once.Take(v, v.in.Session.ID, v.Request().URL.Path, made)
	return there, !there
}

// Error answers with a page that says what went wrong.
func (p *Panel) Error(c echo.Context, f *fault.Fault) error {
	v := visitOf(c)
	if in, ok := c.Get(inKey).(account.In); ok {
		v.in = in
	}
	frame := p.frame(v, "")
	page := errorPage{frame, web.Status(f.Code), string(f.Code), p.say(frame.Language, f)}
	return p.render(v, page.Status, "error", frame, page)
}
