package pages

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// A startPage asks for the mailbox.
type startPage struct {
	frame
	Address  string
	Name     string
	Problems []problem
	// Empty says that no domain is set up: nobody can start here.
	Empty bool
}

// start shows the form, its address filled in from the query.
func (p *Pages) start(c echo.Context) error {
	query, err := web.ReadLink(c, "address", "lang")
	if err != nil {
		return p.startAgain(c, nil, fault.Of(err))
	}
	return p.startAgain(c, query, nil)
}

// createLink makes a link for the mailbox and leads to its page.
func (p *Pages) createLink(c echo.Context) error {
	form, err := web.ReadForm(c, "address", "name")
	if err != nil {
		return p.startAgain(c, nil, fault.Of(err))
	}
	token, err := p.Links.Start(c.Request().Context(), web.Visitor(c), setup.Visit{
		Address: form["address"],
		Name:    form["name"],
		Network: web.Network(c),
	})
	if err != nil {
		return p.startAgain(c, form, fault.Of(err))
	}
	return c.Redirect(http.StatusSeeOther, "/s/"+token)
}

// startAgain shows the form with what was typed and what is wrong with it. An
// internal error is not for the form.
func (p *Pages) startAgain(c echo.Context, typed web.Form, f *fault.Fault) error {
	status := http.StatusOK
	if f != nil {
		if status = web.Status(f.Code); status >= http.StatusInternalServerError {
			return f
		}
	}
	any, err := p.Domains.AnyDomain(c.Request().Context())
	if err != nil {
		return err
	}
	page := startPage{frame: p.frame(c, ""), Address: echoable(typed["address"]), Empty: !any}
	if setup.CheckName(typed["name"]) == nil {
		page.Name = typed["name"]
	}
	page.Problems = p.problems(page.frame, f, "address", "name")
	if f != nil && f.RetryAfter > 0 {
		web.SetRetryAfter(c, f)
	}
	if f != nil || page.Address != "" || page.Name != "" {
		return p.render(c, status, "start", page.Language, page)
	}
	return p.renderKept(c, status, "start", page.frame, page, page)
}

// echoable is an address that may be shown again. What has no "@" may be a
// password in the wrong box and is not.
func echoable(address string) string {
	const longest = 254
	if len(address) > longest || !utf8.ValidString(address) || !strings.Contains(address, "@") {
		return ""
	}
	return address
}
