package pages

import (
	"context"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// A startPage asks for the mailbox.
type startPage struct {
	frame
	Address  string
	Name     string
	Problems []problem
	// Meant is the address that the person probably meant; empty if there is
	// no suggestion.
	Meant string
	// Empty means that no domain is set up: nobody can start here.
	Empty bool
}

// start shows the form. Its address can come from the query.
func (p *Pages) start(c echo.Context) error {
	query, err := web.ReadLink(c, "address", "lang")
	if err != nil {
		return p.startAgain(c, nil, fault.Of(err))
	}
	return p.startAgain(c, query, nil)
}

// createLink creates a link for the mailbox and redirects to its page.
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

// startAgain shows the form with the input and its problems. Internal errors
// aren't shown in the form.
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
	page := startPage{frame: p.frame(c, "", p.installationBrand(c.Request().Context())), Address: echoable(typed["address"]), Empty: !any}
	if setup.CheckName(typed["name"]) == nil {
		page.Name = typed["name"]
	}
	page.Problems = p.problems(page.frame, f, "address", "name")
	switch {
	case f == nil:
	case f.Code == fault.AddressForeign:
		if page.Meant, err = p.meant(c.Request().Context(), page.Address); err != nil {
			return err
		}
	case f.Code == fault.AddressMalformed && profile.Trim(typed["address"]) == "":
		page.Problems[0].Text = p.Texts.Text(page.Language, "start.address.missing", nil)
	}
	if f != nil && f.RetryAfter > 0 {
		web.SetRetryAfter(c, f)
	}
	if f != nil || page.Address != "" || page.Name != "" {
		return p.render(c, status, "start", page.Language, page)
	}
	return p.renderKept(c, status, "start", page.frame, page, page)
}

// manyDomains is how many domains are searched for the one that was meant.
const manyDomains = 2000

// meant returns the address at an existing domain that is spelled almost like
// that of the address.
func (p *Pages) meant(ctx context.Context, address string) (string, error) {
	mailbox, err := profile.ParseAddress(address)
	if err != nil {
		return "", nil
	}
	typed := mailbox.Domain()
	names, err := p.Domains.DomainNames(ctx, len(typed)-2, len(typed)+2, manyDomains)
	if err != nil {
		return "", err
	}
	if name := settings.Similar(typed, names); name != "" {
		return mailbox.Local() + "@" + name, nil
	}
	return "", nil
}

// echoable returns an address that may be shown again. Text without "@" may be
// a password in the wrong field and isn't shown.
func echoable(address string) string {
	const longest = 254
	if len(address) > longest || !utf8.ValidString(address) || !strings.Contains(address, "@") {
		return ""
	}
	return address
}
