package panel

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/web"
)

// inKey is where a request stores its visit, for error pages.
const inKey = "in"

// guard admits requests that may use the route. The transaction of a write
// checks again: if the session has ended or its second factor has become too
// old meanwhile, the member signs in or confirms first.
func (p *Panel) guard(r Route) echo.HandlerFunc {
	return func(c echo.Context) error {
		v := p.visitOf(c)
		v.need = r
		err := p.admit(v, r)
		switch {
		case !endsVisit(err) || v.Response().Committed:
			return err
		case fault.Is(err, fault.Unauthorized):
			p.Cookie().Clear(v)
			return p.signInFirst(v)
		case r.Fields == nil:
			return p.Problem(v, err)
		}
		method := "post"
		if r.Upload {
			method = "get"
		}
		return p.askToConfirm(v, method, nil)
	}
}

// endsVisit reports whether the grant of a visit has ended before its write.
func endsVisit(err error) bool {
	return fault.Is(err, fault.Unauthorized) || fault.Is(err, fault.ConfirmationNeeded)
}

// admit admits the visit if it may use the route. It checks that once before
// reading the body, and again when the body has arrived.
func (p *Panel) admit(v *Visit, r Route) error {
	if r.Rule == Open {
		return p.read(v, r)
	}
	answered, err := p.authorize(v, r)
	if err != nil || answered {
		return err
	}
	if r.Upload && r.Rule == Fresh && !v.In.Session.Fresh(p.Now()) {
		return p.askToConfirm(v, "get", nil)
	}
	if err := p.enter(v, r); err != nil {
		return err
	}
	if r.Upload {
		return r.Handle(v) // the transaction of the write checks the identity again
	}
	if r.Method == http.MethodPost {
		waited, err := web.ReadAhead(v)
		if err != nil {
			return err
		}
		if waited {
			if answered, err := p.authorize(v, r); err != nil || answered {
				return err
			}
		}
	}
	if r.Rule == Fresh || r.Rule == Enroll && !v.In.Enroll() {
		return p.requireFresh(v, r)
	}
	return p.read(v, r)
}

// authorize finds out whose visit it is and whether they may use the route. If
// they must sign in or add a factor first, it redirects them.
func (p *Panel) authorize(v *Visit, r Route) (answered bool, err error) {
	in, err := p.Sessions.Load(v.Ctx(), p.Cookie().Token(v))
	if fault.Is(err, fault.NotFound) {
		return true, p.signInFirst(v)
	}
	if err != nil {
		return false, err
	}
	v.In = r.inside(in)
	v.Set(inKey, v.In)
	if in.Enroll() && r.Rule != Enroll && r.Path != SignOutPath {
		return true, v.Redirect(http.StatusSeeOther, Prefix+EnrollPath)
	}
	return false, v.allowed()
}

// allowed refuses a visit that may not use the route, and a form from a page
// that was loaded in another account.
func (v *Visit) allowed() error {
	in, r := v.In, v.need
	if !r.atHome() && r.Method == http.MethodPost && r.Fields != nil && v.QueryParam(fenceParam) != v.fence() {
		return fault.New(fault.Conflict, "You have opened or left an account since this page was loaded. Reload the page.")
	}
	switch {
	case in.Visiting() && (!in.May(r.Need) || r.Here && !in.May(account.Change)):
		return account.ErrVisit()
	case !in.May(r.Need):
		return errRole()
	}
	return nil
}

// enter records what an operator views in a customer's account.
func (p *Panel) enter(v *Visit, r Route) error {
	if !v.In.Visiting() || r.Method == http.MethodPost && r.Rule == Fresh {
		return nil // or the change itself is recorded
	}
	by := v.By()
	by.Need, by.Fresh = string(account.Look), false
	return p.Sessions.Look(v.Ctx(), by, v.In, v.Request().URL.Path, viewedMailbox(v))
}

// viewedMailbox returns the mailbox that a page is requested for; empty: none.
func viewedMailbox(v *Visit) string {
	for _, name := range []string{"address", "mailbox"} {
		if a, err := profile.ParseAddress(v.QueryParam(name)); err == nil {
			return a.Folded()
		}
	}
	return ""
}

// Still refuses to continue a long response if the visit would no longer be
// admitted.
func (p *Panel) Still(v *Visit) error {
	in, err := p.Sessions.Load(v.Ctx(), p.Cookie().Token(v))
	if err != nil {
		return err
	}
	before := v.Account()
	if v.In = v.need.inside(in); v.Account() != before {
		return account.ErrVisitOver()
	}
	return v.allowed()
}

func errRole() error {
	return fault.New(fault.Forbidden, "Your role doesn't allow this. Ask an owner of the account.")
}

// read reads the form of the request, if the route has one, and continues.
func (p *Panel) read(v *Visit, r Route) error {
	if r.Fields == nil {
		return r.Handle(v)
	}
	var err error
	if v.Form, err = web.ReadSecrets(v, secretFields, r.Fields...); err != nil {
		return err
	}
	for name := range v.Form {
		if !slices.Contains(r.Fields, name) {
			return fault.New(fault.UnknownField, "The form contains an unknown field.")
		}
	}
	return r.Handle(v)
}

// signInFirst redirects to the sign-in page, and from there back to the page.
// The panel's script gets a problem instead.
func (p *Panel) signInFirst(v *Visit) error {
	if IsJSON(v) {
		return p.Problem(v, fault.New(fault.Unauthorized, "Your session has ended. Reload the page and sign in."))
	}
	next := ""
	if v.Request().Method == http.MethodGet {
		next = "?" + url.Values{"next": {v.Request().URL.Path}}.Encode()
	}
	return v.Redirect(http.StatusSeeOther, Prefix+SignInPath+next)
}

// requireFresh continues if the session has confirmed a second factor recently, or
// does so now. Otherwise it asks for one, and keeps all input except secrets.
func (p *Panel) requireFresh(v *Visit, r Route) error {
	isFresh := v.In.Session.Fresh(p.Now())
	switch {
	case isFresh && r.Method == http.MethodGet, isFresh && r.Fields == nil:
		return r.Handle(v)
	case r.Method == http.MethodGet:
		return p.askToConfirm(v, "get", nil)
	case r.Fields == nil:
		return p.Problem(v, fault.New(fault.ConfirmationNeeded, "Reload the page and confirm it's you."))
	}
	code, password, err := p.takeConfirm(v)
	if err != nil {
		return err
	}
	handle := r.Handle
	if !isFresh {
		r.Handle = func(v *Visit) error {
			if code == "" && password == "" {
				return p.askToConfirm(v, "post", nil)
			}
			token, err := p.Sessions.Confirm(v.Ctx(), v.From, v.In, code, password)
			if err == nil {
				err = p.Confirmed(v, token)
			}
			if endsVisit(err) {
				return err
			}
			if err != nil {
				return p.askToConfirm(v, "post", err)
			}
			return handle(v)
		}
	}
	return p.read(v, r)
}

// The fields by which any form confirms.
const (
	confirmCode     = "confirm_code"
	confirmPassword = "confirm_password"
)

// takeConfirm removes these fields from the form.
func (p *Panel) takeConfirm(v *Visit) (code, password string, err error) {
	values, err := web.Body(v)
	if err != nil {
		return "", "", err
	}
	code, password = values.Get(confirmCode), values.Get(confirmPassword)
	values.Del(confirmCode)
	values.Del(confirmPassword)
	web.SetBody(v, values)
	return code, password, nil
}

// Confirmed continues the session under its new token.
func (p *Panel) Confirmed(v *Visit, token string) error {
	p.Cookie().Set(v, token)
	var err error
	in, err := p.Sessions.Load(v.Ctx(), token)
	v.In = v.need.inside(in)
	v.Set(inKey, v.In)
	return err
}

// secretFields are never repeated in a page.
var secretFields = []string{"password", "current", "code", "private_key"}

// askToConfirm shows the page that asks for a factor, with any problem, and
// repeats the request afterwards.
func (p *Panel) askToConfirm(v *Visit, method string, err error) error {
	f := p.Frame(v, "")
	status := http.StatusForbidden
	if err != nil {
		if status = web.Status(fault.Of(err).Code); status >= http.StatusInternalServerError || status == http.StatusNotFound {
			return err
		}
		f.Problems = p.Problems(f, err)
		web.SetRetryAfter(v, fault.Of(err))
	}
	page := confirmPage{
		Frame:   f,
		Action:  v.Request().URL.Path,
		Method:  method,
		Passkey: v.In.Member.Passkeys > 0 && p.Vault.Passkeys(),
		Code:    v.In.Member.HasFactor(),
	}
	for _, name := range slices.Sorted(maps.Keys(v.Form)) {
		if slices.Contains(secretFields, name) {
			page.Withheld = true
			continue
		}
		page.Fields = append(page.Fields, Field{name, v.Form[name]})
	}
	return p.Render(v, status, "confirm", f, page)
}

// Inside returns the path if it is inside the panel, or the overview
// otherwise: no URL can make a page redirect elsewhere.
func Inside(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil ||
		strings.ContainsAny(path, "\\\x00\r\n\t") || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "..") {
		return Prefix
	}
	if u.Path != Prefix && !strings.HasPrefix(u.Path, Prefix+"/") {
		return Prefix
	}
	return u.EscapedPath()
}
