package pages

import (
	"mime"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
)

// contentType is how a device recognizes a profile. Chrome on iOS accepts only
// exactly this, without a charset.
const contentType = "application/x-apple-aspen-config"

// download sends the profile of a ticket. GET counts; HEAD neither counts nor
// signs.
func (p *Pages) download(c echo.Context) error {
	permit, err := p.Links.Permit(c.Request().Context(), c.Param("ticket"))
	if err != nil {
		return err
	}
	order, err := orderOf(permit)
	if err != nil {
		return err
	}
	if c.Param("file") != order.FileName() {
		return fault.New(fault.NotFound, "There is no such download.")
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, contentType)
	header.Set(echo.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": order.FileName()}))
	if c.Request().Method == http.MethodHead {
		c.Response().WriteHeader(http.StatusOK)
		return nil
	}
	signed, err := p.Issuer.Issue(c.Request().Context(), order)
	if err != nil {
		return withoutFile(c, err)
	}
	if err := p.Links.Use(c.Request().Context(), web.Visitor(c), permit, signed.Hash, signed.Identity); err != nil {
		return withoutFile(c, err)
	}
	header.Set(echo.HeaderContentLength, strconv.Itoa(len(signed.Bytes)))
	return c.Blob(http.StatusOK, contentType, signed.Bytes)
}

// withoutFile removes the headers of a file.
func withoutFile(c echo.Context, err error) error {
	c.Response().Header().Del(echo.HeaderContentDisposition)
	return err
}

func orderOf(p setup.Permit) (issue.Order, error) {
	address, err := profile.ParseAddress(p.Link.Address)
	if err != nil {
		return issue.Order{}, err
	}
	who := issue.Person{Address: address, Name: p.Link.Name, Login: p.Link.Login, Locale: p.Link.Locale}
	order, err := issue.OrderOf(p.Domain, who, p.Ticket.Variant, p.Ticket.Platform)
	order.Test = p.Link.Test
	return order, err
}
