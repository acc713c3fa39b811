// Package panel holds the control panel: where members sign in, configure how
// devices are set up, and keep their account secure.
package panel

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/templates"
)

// Prefix is the path of the control panel.
const Prefix = "/panel"

// A Panel is what all pages of the control panel share. All fields are
// required.
type Panel struct {
	Vault    *account.Vault
	Sessions *account.Sessions
	Texts    *templates.Set
	BaseURL  *url.URL
	Once     web.Once
	Identity func() signing.Description
	// Brand returns the brand of an account's people, with the given name if
	// it has none. It never fails.
	Brand func(ctx context.Context, account, name string) templates.Brand
	Log   *slog.Logger
	Now   func() time.Time
	// Stopping is closed when the server begins to stop: endless responses end
	// then.
	Stopping <-chan struct{}
}

// Serve adds lists of routes to e.
func (p *Panel) Serve(e *echo.Echo, lists ...[]Route) error {
	sameOrigin, err := web.SameOrigin(p.BaseURL)
	if err != nil {
		return err
	}
	g := e.Group(Prefix, web.Script, sameOrigin)
	for _, r := range slices.Concat(lists...) {
		methods := []string{r.Method}
		if r.Method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		g.Match(methods, r.Path, p.guard(r))
	}
	return nil
}

// A Visit is one request and the member who sends it.
type Visit struct {
	echo.Context
	In   account.In // zero on the routes that are open to all
	need Route      // what the route requires, which the grant repeats
	From account.From
	Form web.Form // of a POST
}

// Ctx returns the context of the request.
func (v *Visit) Ctx() context.Context { return v.Request().Context() }

// By returns the member's grant for what the route does. The transaction
// checks it again, because the body may have arrived long after the guard's
// check.
func (v *Visit) By() audit.Grant {
	a := v.From.Actor
	a.Kind, a.ID, a.Name = audit.Member, v.In.Member.ID, v.In.Member.Email
	if v.In.Visiting() || v.need.Need == account.Operate {
		a.Kind = audit.Operator
	}
	need := v.need.Need
	if v.need.Here && v.In.Visiting() {
		need = account.Change // by the visit, which may have ended when the write happens
	}
	g := v.In.Grant(a, need, v.need.Rule == Fresh || v.need.Rule == Enroll)
	g.FirstFactor = v.need.Rule == Enroll
	return g
}

// Deciding is By for a domain. If the member is an owner, their changes
// approve its servers.
func (v *Visit) Deciding() audit.Grant {
	g := v.By()
	if v.In.May(account.Manage) {
		g.Need = string(account.Manage)
	}
	return g
}

// Account returns the member's account, or the one that an operator visits.
// The visit can access only that account.
func (v *Visit) Account() string { return v.In.Account.ID }

func (p *Panel) visitOf(c echo.Context) *Visit {
	actor := web.Visitor(c)
	actor.Interface = audit.Panel
	return &Visit{Context: c, From: account.From{Actor: actor, Network: web.Network(c), Device: web.NewDeviceCookie(p.BaseURL).Token(c)}}
}

// Cookie returns the cookie of the session.
func (p *Panel) Cookie() web.SessionCookie { return web.NewSessionCookie(p.BaseURL) }

// Admit gives the browser the token of a new session, and a cookie that lets
// the member sign in from here while strangers guess the password.
func (p *Panel) Admit(v *Visit, token string) error {
	device, err := p.Sessions.Device(v.Ctx(), token, v.From.Device)
	if err != nil {
		return err
	}
	p.Cookie().Set(v, token)
	web.NewDeviceCookie(p.BaseURL).Keep(v, device)
	return nil
}

// Frame fills what every page shows around its own content.
func (p *Panel) Frame(v *Visit, nav string) Frame {
	m, in := v.In.Member, v.In
	brand := p.Brand(v.Ctx(), cmp.Or(v.In.Account.ID, account.Default), p.BaseURL.Hostname())
	brand.Sheet = "" // the panel has its own color, in which warnings stand out
	f := Frame{
		Operator:    brand.Name,
		Brand:       brand,
		Languages:   p.Texts.Languages(),
		Language:    p.Language(v),
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
		f.Person = Person{name, m.Email, in.Home.Name}
		f.Write, f.Automate, f.Manage, f.Operate = in.May(account.Change), in.May(account.Automate), in.May(account.Manage), in.May(account.Operate)
		f.Visited, f.OwnZone = visited(in), m.Zone
	}
	return f
}

// Language returns the language in the URL or the form, or else the member's,
// or else the browser's.
func (p *Panel) Language(v *Visit) templates.Language {
	return p.Texts.Match(v.QueryParam("lang"), v.Form["language"], v.In.Member.Language, v.Request().Header.Get("Accept-Language"))
}

// done returns the ID of what has just been done, if it is one of ours.
func (p *Panel) done(id string) string {
	if id == "" || strings.ContainsAny(id, " \t\r\n") || p.Texts.Text(p.Texts.Match(), "panel.done."+id, nil) == "panel.done."+id {
		return ""
	}
	return id
}

// Problems returns the faults in an error in the page's language. Other errors
// aren't shown in a page.
func (p *Panel) Problems(f Frame, err error) []problem {
	var out []problem
	for _, each := range fault.All(err) {
		out = append(out, problem{each.Field, string(each.Code), p.say(f, each)})
	}
	return out
}

// say returns the fault's text in the language. Codes that stand for many
// rules use the fault's own words.
func (p *Panel) say(in Frame, f *fault.Fault) string {
	l := in.Language
	if f.Code == fault.Forbidden && in.Visited.ID != "" {
		return p.Texts.Text(l, "panel.problem.visit", nil)
	}
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

// Render sends a page.
func (p *Panel) Render(v *Visit, status int, name string, f Frame, page any) error {
	var out bytes.Buffer
	if err := p.Texts.Page(&out, "panel/"+name, f.Language, inZone(page, v.zone())); err != nil {
		return err
	}
	return v.HTMLBlob(status, v.fenced(out.Bytes()))
}

// Again shows a form again with its problems: fill creates the page from the
// frame. It returns errors that aren't faults of the form.
func (p *Panel) Again(v *Visit, err error, name, nav string, fill func(Frame) any) error {
	status := web.Status(fault.Of(err).Code)
	if status >= http.StatusInternalServerError || status == http.StatusNotFound || endsVisit(err) {
		return err
	}
	f := p.Frame(v, nav)
	f.Problems = p.Problems(f, err)
	web.SetRetryAfter(v, fault.Of(err))
	return p.Render(v, status, name, f, fill(f))
}

// To redirects to a page of the panel after something was done.
func (p *Panel) To(v *Visit, path, done string) error {
	if done != "" {
		path += "?done=" + done
	}
	return v.Redirect(http.StatusSeeOther, path)
}

// ShowOnce redirects to a page below Prefix, which shows the created value
// once.
func (p *Panel) ShowOnce(v *Visit, path string, made any) error {
	if err := p.Once.Put(v, v.In.Session.ID, path, made); err != nil {
		return err
	}
	return v.Redirect(http.StatusSeeOther, path+"?once=yes")
}

// Shown reads what ShowOnce has stored for the requested page. Shown is set if
// the page is requested once more.
func (p *Panel) Shown(v *Visit, made any) (there, shown bool) {
	if v.QueryParam("once") == "" {
		return false, false
	}
	there = p.Once.Take(v, v.In.Session.ID, v.Request().URL.Path, made)
	return there, !there
}

// Error sends a page that describes the error.
func (p *Panel) Error(c echo.Context, f *fault.Fault) error {
	v := p.visitOf(c)
	if in, ok := c.Get(inKey).(account.In); ok {
		v.In = in
	}
	frame := p.Frame(v, "")
	page := errorPage{frame, web.Status(f.Code), string(f.Code), p.say(frame, f)}
	return p.Render(v, page.Status, "error", frame, page)
}

// Path returns a path below the panel with escaped parts.
func Path(parts ...string) string {
	var b strings.Builder
	b.WriteString(Prefix)
	for _, part := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(part))
	}
	return b.String()
}

// Words returns the parts of a list with any separators.
func Words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' })
}

// Ask shows the page that says what will be lost. Its form goes to its own
// path.
func (p *Panel) Ask(v *Visit, nav, id string, values map[string]any, back string) error {
	f := p.Frame(v, nav)
	return p.Render(v, http.StatusOK, "remove", f, RemovePage{Frame: f, ID: id, Values: values, Action: v.Request().URL.Path, Back: back})
}

// Do performs what a form requests, and redirects.
func (p *Panel) Do(v *Visit, path, done string, fn func() error) error {
	if err := fn(); err != nil {
		return err
	}
	return p.To(v, path, done)
}
