package pages

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/autoconfig"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/web"
)

// How often the programs of one network may request settings. Each sends a few
// requests while an account is set up, and a whole office may be one network.
const (
	limitPrograms  = 300
	programsWindow = 10 * time.Minute
)

const xmlType = "text/xml; charset=utf-8"

// Domains finds domains. *store.Store is one.
type Domains interface {
	// Domain returns the domain called name, or a NotFound fault.
	Domain(ctx context.Context, name string) (settings.Domain, error)
	// AnyDomain reports whether a domain exists.
	AnyDomain(ctx context.Context) (bool, error)
	// DomainNames returns at most limit names of domains, with lengths between
	// from and to in bytes.
	DomainNames(ctx context.Context, from, to, limit int) ([]string, error)
}

// limited limits the requests of a network.
func (p *Pages) limited(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := p.programs.Use(web.Network(c).String()).Exceeded(); err != nil {
			return err
		}
		return next(c)
	}
}

// An unknown domain gets a small 404 in the format that the program reads.

// thunderbird sends the settings of the address's domain or, without an
// address, of the domain in the request's host name.
func (p *Pages) thunderbird(c echo.Context) error {
	query, err := web.ReadLink(c, "emailaddress")
	if err != nil {
		return err
	}
	var document []byte
	domain, err := p.askedFor(c, query["emailaddress"])
	if err == nil {
		document, err = autoconfig.Thunderbird(domain)
	}
	if fault.Is(err, fault.NotFound) {
		if document, err = autoconfig.ThunderbirdNone(); err != nil {
			return err
		}
		return c.Blob(http.StatusNotFound, xmlType, document)
	}
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, xmlType, document)
}

func (p *Pages) askedFor(c echo.Context, address string) (settings.Domain, error) {
	if address == "" {
		return autoconfig.ForHost(c.Request().Context(), p.Domains, autoconfig.ThunderbirdHost, c.Request().Host)
	}
	domain, _, err := autoconfig.ForAddress(c.Request().Context(), p.Domains, address)
	return domain, err
}

// pacc sends the settings of the domain in the request's host name.
func (p *Pages) pacc(c echo.Context) error {
	var document []byte
	domain, err := autoconfig.ForHost(c.Request().Context(), p.Domains, autoconfig.PACCHost, c.Request().Host)
	if err == nil {
		document, err = autoconfig.PACC(domain)
	}
	if fault.Is(err, fault.NotFound) {
		return c.Blob(http.StatusNotFound, echo.MIMEApplicationJSON, []byte("{}"))
	}
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, document)
}

// outlook answers an Autodiscover request. It changes nothing.
func (p *Pages) outlook(c echo.Context) error {
	request, err := web.ReadBody(c, autoconfig.MaxOutlook, echo.MIMETextXML, echo.MIMEApplicationXML)
	if err != nil {
		return err
	}
	address, err := autoconfig.ReadOutlook(request)
	switch {
	case errors.Is(err, autoconfig.ErrSchema):
		return p.outlookFault(c, http.StatusOK, autoconfig.OtherSchema)
	case err != nil:
		return p.outlookFault(c, http.StatusBadRequest, autoconfig.InvalidRequest)
	}
	var document []byte
	domain, mailbox, err := autoconfig.ForAddress(c.Request().Context(), p.Domains, address)
	if err == nil {
		document, err = autoconfig.Outlook(domain, mailbox)
	}
	if fault.Is(err, fault.NotFound) {
		return p.outlookFault(c, http.StatusNotFound, autoconfig.UnknownAddress)
	}
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, xmlType, document)
}

func (p *Pages) outlookFault(c echo.Context, status, code int) error {
	document, err := autoconfig.OutlookFault(code, p.Now())
	if err != nil {
		return err
	}
	return c.Blob(status, xmlType, document)
}

// outlookJSON returns the location of Autodiscover. The address is in the
// query or, with some programs, in the path.
func (p *Pages) outlookJSON(c echo.Context) error {
	query, err := web.ReadLink(c, "Email", "Protocol")
	if err != nil {
		return err
	}
	address, protocol := cmp.Or(pathAddress(c), query["Email"]), query["Protocol"]
	switch {
	case address == "" || protocol == "":
		return p.outlookJSONFault(c, http.StatusBadRequest, autoconfig.ParameterMissing)
	case !autoconfig.IsOutlookProtocol(protocol):
		return p.outlookJSONFault(c, http.StatusBadRequest, autoconfig.InvalidProtocol)
	}
	domain, mailbox, err := autoconfig.ForAddress(c.Request().Context(), p.Domains, address)
	var document []byte
	if err == nil {
		document, err = autoconfig.OutlookJSON(domain, mailbox, p.BaseURL)
	}
	switch {
	case fault.Is(err, fault.NotFound):
		return p.outlookJSONFault(c, http.StatusNotFound, autoconfig.UserNotFound)
	case errors.Is(err, autoconfig.ErrPlain):
		return p.outlookJSONFault(c, http.StatusNotFound, autoconfig.NoHTTPS)
	case err != nil:
		return err
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, document)
}

// pathAddress returns the address in the path, if it is there. It unescapes
// what the router has left escaped.
func pathAddress(c echo.Context) string {
	address := c.Param("address")
	if plain, err := url.PathUnescape(address); err == nil && c.Request().URL.RawPath != "" {
		return plain
	}
	return address
}

func (p *Pages) outlookJSONFault(c echo.Context, status int, code autoconfig.JSONCode) error {
	document, err := autoconfig.OutlookJSONFault(code)
	if err != nil {
		return err
	}
	return c.Blob(status, echo.MIMEApplicationJSON, document)
}
