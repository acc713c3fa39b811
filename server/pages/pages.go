// Package pages holds the public pages: the start page, the page of a link,
// and the download.
package pages

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/autoconfig"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/templates"
)

// Pages are the handlers of the public pages. All fields except
// SecurityContact are required.
type Pages struct {
	Links     *setup.Links
	Redirects *redirect.Redirects
	Domains   Domains
	Brands    *branding.Brands
	Issuer    *issue.Issuer
	Texts     *templates.Set
	// BaseURL is the server's public URL: links begin with it, never with a
	// host from a request.
	BaseURL *url.URL
	// Identity returns the current signing identity.
	Identity func() signing.Description
	// SecurityContact is the contact for security problems, as ParseContact
	// returns it. Empty: none is published.
	SecurityContact string
	Now             func() time.Time

	programs, redirects *web.Limiter
	outlines            outlines
	files               sync.Map // by path: the file with it
}

// Routes adds the public pages to e.
func (p *Pages) Routes(e *echo.Echo) {
	read := []string{http.MethodGet, http.MethodHead}
	e.Match(read, "/", p.start)
	e.Match(read, "/qr.svg", p.startQR)
	e.POST("/start", p.createLink)
	p.redirects = web.NewLimiter("network", limitRedirects, redirectsWindow, p.Now)
	e.POST("/start/signed", p.createSigned)
	e.Match(read, "/s/:token", p.link)
	e.Match(read, "/s/:token/qr.svg", p.qrSVG)
	e.Match(read, "/s/:token/qr.png", p.qrPNG)
	e.POST("/s/:token/profile", p.createTicket)
	e.Match(read, "/d/:ticket/:file", p.download)
	e.Match(read, "/s/:token/sheet", p.sheet)
	e.Match(read, "/s/:token/thunderbird.svg", p.scan)
	e.Match(read, "/static/:file", p.static)
	e.Match(read, branding.Prefix+":file", p.brand)
	e.Match(read, "/.well-known/security.txt", p.security)
	e.Match(read, "/robots.txt", p.robots)

	// The requests of mail programs, with paths in the form that [FoldPaths]
	// returns.
	p.programs = web.NewLimiter("network", limitPrograms, programsWindow, p.Now)
	e.Match(read, "/.well-known/autoconfig/mail/config-v1.1.xml", p.thunderbird, p.limited)
	e.Match(read, "/mail/config-v1.1.xml", p.thunderbird, p.limited)
	e.Match(read, "/.well-known/user-agent-configuration.json", p.pacc, p.limited)
	e.POST(autoconfig.OutlookPath, p.outlook, p.limited)
	e.Match(read, outlookJSONPath, p.outlookJSON, p.limited)
	e.Match(read, outlookJSONPath+"/v1.0/:address", p.outlookJSON, p.limited)
}

const outlookJSONPath = "/autodiscover/autodiscover.json"

// FoldPaths converts the paths that mail programs request to lower case: each
// program has its own spelling, such as /AutoDiscover/Autodiscover.xml. It
// runs before routing.
func FoldPaths(next echo.HandlerFunc) echo.HandlerFunc {
	known := []string{autoconfig.OutlookPath, outlookJSONPath, "/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"}
	return func(c echo.Context) error {
		u := c.Request().URL
		for _, path := range known {
			if len(u.Path) < len(path) || !strings.EqualFold(u.Path[:len(path)], path) {
				continue
			}
			u.Path = path + u.Path[len(path):]
			if len(u.RawPath) >= len(path) {
				u.RawPath = path + u.RawPath[len(path):]
			}
			break
		}
		return next(c)
	}
}

// A frame is the part that all pages share.
type frame struct {
	Operator    string // the display name of the email provider
	Brand       templates.Brand
	Languages   []templates.Language `json:"-"` // the same on each page: not part of an outline's key
	Language    templates.Language
	Development bool
}

// A problem is a problem of a field, in the page's language.
type problem struct {
	Field string
	Code  string
	Text  string
}

// frame fills the frame. The language is that of the URL, or else of the link,
// or else of the browser.
func (p *Pages) frame(c echo.Context, locale string, brand templates.Brand) frame {
	return frame{
		Operator:    brand.Name,
		Brand:       brand,
		Languages:   p.Texts.Languages(),
		Language:    p.Texts.Match(c.QueryParam("lang"), locale, c.Request().Header.Get("Accept-Language")),
		Development: p.Identity().Development,
	}
}

// problems returns f in the language of the frame, or nothing if f is nil. It
// names a field only if the page has it, because otherwise nothing could link
// to it.
func (p *Pages) problems(in frame, f *fault.Fault, fields ...string) []problem {
	if f == nil {
		return nil
	}
	field := f.Field
	if !slices.Contains(fields, field) {
		field = ""
	}
	return []problem{{field, string(f.Code), p.text(in, f)}}
}

// text returns the fault's text in the page's language: that of its code or
// else of its status. The fault's own detail is for programs and members.
func (p *Pages) text(in frame, f *fault.Fault) string {
	id := "problem." + string(f.Code)
	if text := p.Texts.Text(in.Language, id, nil); text != id {
		return text
	}
	return p.Texts.Text(in.Language, "error."+strconv.Itoa(web.Status(f.Code))+".text", nil)
}

// render sends a page.
func (p *Pages) render(c echo.Context, status int, page string, language templates.Language, data any) error {
	body, err := p.execute(page, language, data)
	if err != nil {
		return err
	}
	return p.send(c, status, language, web.Value(body))
}

// execute executes the template of a page.
func (p *Pages) execute(page string, language templates.Language, data any) ([]byte, error) {
	var b bytes.Buffer
	err := p.Texts.Page(&b, page, language, data)
	return b.Bytes(), err
}

// send sends a finished page, in one or more pieces.
func (p *Pages) send(c echo.Context, status int, language templates.Language, pieces ...web.Piece) error {
	describe(c, language)
	return web.Send(c, status, echo.MIMETextHTMLCharsetUTF8, pieces...)
}

// describe sets the page's language and what the page depends on.
func describe(c echo.Context, language templates.Language) {
	header := c.Response().Header()
	header.Set("Content-Language", language.Tag)
	header.Set(echo.HeaderVary, "Accept-Language, User-Agent")
}

// An errorPage describes an error.
type errorPage struct {
	frame
	Status int
	Code   string
	Title  string
	Detail string
	Back   string
}

// Error sends the fault as a page. A link that doesn't work has a page of its
// own, which is the same for any reason.
func (p *Pages) Error(c echo.Context, f *fault.Fault) error {
	in := p.frame(c, "", p.installationBrand(c.Request().Context()))
	if f.Code == fault.NotFound && c.Param("token") != "" {
		page := struct{ frame }{in}
		return p.renderKept(c, http.StatusNotFound, "unavailable", in, page, page)
	}
	page := errorPage{frame: in, Status: web.Status(f.Code), Code: string(f.Code), Back: "/"}
	if f.Code == fault.Gone {
		page.Back = "" // to the link's page, which the browser knows
	}
	return p.renderKept(c, page.Status, "error", in, page, page)
}

// A file is a file in static/ with its content type.
type file struct {
	body        web.Piece
	contentType string
}

// static serves stylesheets, scripts and icons under names that contain their
// hashes. Each is compressed once.
func (p *Pages) static(c echo.Context) error {
	path := c.Request().URL.Path
	kept, ok := p.files.Load(path)
	if !ok {
		body, kind, ok := p.Texts.StaticFile(path)
		if !ok {
			return fault.New(fault.NotFound, "There is no such file.")
		}
		kept, _ = p.files.LoadOrStore(path, file{web.NewPiece(body), kind})
	}
	c.Response().Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	if web.Unchanged(c, web.ETag([]byte(path))) {
		return web.NotModified(c)
	}
	return web.Send(c, http.StatusOK, kept.(file).contentType, kept.(file).body)
}
