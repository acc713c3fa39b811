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

// inKey is where a request keeps who makes it, for the page of an error.
const inKey = "in"

// guard lets in who may use the route. The transaction of a write checks again;
// where it finds that the session has ended or that its second factor has grown
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

// admit lets the visit in if it may use the route: once before its body is
// read, and once more when that has arrived.
func (p *Panel) admit(v *Visit, r Route) error {
	if r.Rule == Open {
		return p.read(v, r)
	}
	answered, err := p.letIn(v, r)
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
		return r.Handle(v) // the transaction of the write looks once more who it is
	}
	if r.Method == http.MethodPost {
		waited, err := web.ReadAhead(v)
		if err != nil {
			return err
		}
		if waited {
			if answered, err := p.letIn(v, r); err != nil || answered {
				return err
			}
		}
	}
	if r.Rule == Fresh || r.Rule == Enrol && !v.In.Enrol() {
		return p.freshly(v, r)
	}
	return p.read(v, r)
}

// letIn finds out whose visit it is and whether they may use the route. Where
// they have to sign in or enrol first, it has answered so.
func (p *Panel) letIn(v *Visit, r Route) (answered bool, err error) {
	in, err := p.Sessions.Load(v.Ctx(), p.Cookie().Token(v))
	if fault.Is(err, fault.NotFound) {
		return true, p.signInFirst(v)
	}
	if err != nil {
		return false, err
	}
	v.In = r.inside(in)
	v.Set(inKey, v.In)
	if in.Enrol() && r.Rule != Enrol && r.Path != SignOutPath {
		return true, v.Redirect(http.StatusSeeOther, Prefix+EnrolPath)
	}
	return false, v.allowed()
}

// allowed refuses a visit that may not use the route, and a form of a page that
// was loaded in another account.
func (v *Visit) allowed() error {
	in, r := v.In, v.need
	if !r.atHome() && r.Method == http.MethodPost && r.Fields != nil && v.QueryParam(fenceParam) != v.fence() {
		return fault.New(fault.Conflict, "You have opened or left an account since this page was loaded. Load the page again.")
	}
	switch {
	case in.Visiting() && (!in.May(r.Need) || r.Here && !in.May(account.Change)):
		return account.ErrVisit()
	case !in.May(r.Need):
		return errRole()
	}
	return nil
}

// enter records what an operator sees of a customer's account there.
func (p *Panel) enter(v *Visit, r Route) error {
	if !v.In.Visiting() || r.Method == http.MethodPost && r.Rule == Fresh {
		return nil // or the change is recorded itself
	}
	by := v.By()
	by.Need, by.Fresh = string(account.Look), false
	return p.Sessions.Look(v.Ctx(), by, v.In, v.Request().URL.Path, lookedFor(v))
}

// lookedFor is the mailbox that a page is asked about; empty: none.
func lookedFor(v *Visit) string {
	for _, name := range []string{"address", "mailbox"} {
		if a, err := profile.ParseAddress(v.QueryParam(name)); err == nil {
			return a.Folded()
		}
	}
	return ""
}

// Still refuses to go on with a long answer to a visit that would not be let in
// any more.
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

// read reads the form of the request, if the route has one, and goes on.
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
			return fault.New(fault.UnknownField, "The form has a field that does not belong there.")
		}
	}
	return r.Handle(v)
}

// signInFirst leads to the sign-in, and from there back to the page. A request
// of the panel's script gets a problem instead.
func (p *Panel) signInFirst(v *Visit) error {
	if IsJSON(v) {
		return p.Problem(v, fault.New(fault.Unauthorized, "Your session has ended. Load the page again and sign in."))
	}
	next := ""
	if v.Request().Method == http.MethodGet {
		next = "?" + url.Values{"next": {v.Request().URL.Path}}.Encode()
	}
	return v.Redirect(http.StatusSeeOther, Prefix+SignInPath+next)
}

// freshly lets the request on if the session has shown a second factor lately,
// or shows one now. Else it asks for one, and loses nothing that was typed but
// secrets.
func (p *Panel) freshly(v *Visit, r Route) error {
	isFresh := v.In.Session.Fresh(p.Now())
	switch {
	case isFresh && r.Method == http.MethodGet, isFresh && r.Fields == nil:
		return r.Handle(v)
	case r.Method == http.MethodGet:
		return p.askToConfirm(v, "get", nil)
	case r.Fields == nil:
		return p.Problem(v, fault.New(fault.ConfirmationNeeded, "Load the page again and confirm that it is you."))
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

// takeConfirm takes these fields out of the form.
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

// Confirmed goes on with the session under its new token.
func (p *Panel) Confirmed(v *Visit, token string) error {
	p.Cookie().Set(v, token)
	var err error
	in, err := p.Sessions.Load(v.Ctx(), token)
	v.In = v.need.inside(in)
	v.Set(inKey, v.In)
	return err
}

// secretFields are not repeated in a page.
var secretFields = []string{"password", "current", "code", "private_key"}

// askToConfirm shows the page that asks for a factor, with what is wrong if
// something is, and repeats the request.
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

// Inside is the path if it leads into the panel, else the overview: no page
// leads elsewhere for what an address says.
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
