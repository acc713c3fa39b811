package pages

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// A linkPage is the page of a link for the requesting device.
type linkPage struct {
	frame
	Token string
	// Device is a web.Device, or "away" if the link has nothing for it. An
	// iPad's page is that of an iPhone with other words.
	Device string
	IPad   bool
	// Query keeps the device that the URL names: empty or, for example,
	// "?device=ipad".
	Query string
	// Browser is a web.Browser.
	Browser string
	// Masked is the mailbox, masked for passers-by.
	Masked string
	Domain string
	Name   string   // the display name; may be empty
	Help   []string // lines; may be empty
	Hint   string   // the password hint; may be empty
	Signer string
	// Test means that the link is for trying things out.
	Test bool
	// IPhone and Mac say which devices have profiles.
	IPhone bool
	Mac    bool
	// Policy means that the variant Secure can be chosen, and PolicyOnly that
	// nothing else can.
	Policy     bool
	PolicyOnly bool
	rules
	Problems []problem
	Incoming mailServer
	Outgoing mailServer
	// Calendars and Contacts are empty if the domain doesn't include them.
	Calendars *mailServer
	Contacts  *mailServer
	Login     string // empty: the whole address, or
	LocalPart bool   // the part before the @
	Expires   string
	ExpiresAt string // for machines
	// Opened means that the button was tapped before: returning visitors see
	// the remaining steps first.
	Opened bool
	// Scan is the address of the QR code for Thunderbird on Android; empty if
	// there is none for this mailbox.
	Scan string
	// Preview means that a member is viewing the page in the control panel.
	Preview bool
	QR      string
	URL     string
	Host    string
	// ReturnURL links back to where the person came from, at ReturnHost. May
	// be empty.
	ReturnURL  string
	ReturnHost string
}

// The rules of a passcode policy, as far as a page shows them.
type rules struct {
	Attempts     int // 0: never erases
	MinLength    int
	Alphanumeric bool
	MinComplex   int
	MaxAgeDays   int
	LockMinutes  int
}

func rulesOf(p profile.Passcode) rules {
	return rules{p.MaxFailedAttempts, p.MinLength, p.Alphanumeric, p.MinComplex, p.MaxAgeDays, int(p.AutoLock / time.Minute)}
}

// A mailServer is what a person enters into a mail program.
type mailServer struct {
	Host       string
	Port       int
	Encryption string
}

// link shows the page of a link. It changes nothing, however often it is
// requested.
func (p *Pages) link(c echo.Context) error {
	if _, err := web.ReadLink(c, "lang", "device"); err != nil {
		return err
	}
	return p.showLink(c, nil)
}

// createTicket issues a ticket for the person's choice and redirects to the
// download.
func (p *Pages) createTicket(c echo.Context) error {
	choice, err := readChoice(c)
	if err != nil {
		return p.showLink(c, fault.Of(err))
	}
	ticket, permit, err := p.Links.Ask(c.Request().Context(), web.Visitor(c), c.Param("token"), choice)
	if err != nil {
		return p.showLink(c, fault.Of(err))
	}
	order, err := orderOf(permit)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/d/"+ticket+"/"+order.FileName())
}

func readChoice(c echo.Context) (setup.Choice, error) {
	form, err := web.ReadForm(c, "variant", "platform", "agree")
	if err != nil {
		return setup.Choice{}, err
	}
	platform, err := profile.ParsePlatform(form["platform"])
	if err != nil {
		return setup.Choice{}, fault.On("platform", fault.PlatformUnknown, "Choose the platform %q or %q.", profile.IPhone, profile.Mac)
	}
	return setup.Choice{
		Variant:  settings.Variant(form["variant"]),
		Platform: platform,
		Agreed:   form["agree"] == "yes",
	}, nil
}

// showLink shows the page of the link, with a problem if there is one.
func (p *Pages) showLink(c echo.Context, f *fault.Fault) error {
	status := http.StatusOK
	if f != nil {
		if status = web.Status(f.Code); f.Code == fault.NotFound || status >= http.StatusInternalServerError {
			return f
		}
	}
	link, domain, err := p.Links.Open(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	page, err := p.linkPage(c, link, domain)
	if err != nil {
		return err
	}
	page.Problems = p.problems(page.frame, f, "agree")
	if !page.plain() {
		return p.render(c, status, page.template(), page.Language, page)
	}
	return p.renderKept(c, status, page.template(), page.frame, page, p.marked(page), page.Token, page.Masked, page.Expires, page.ExpiresAt)
}

// template returns the name of the page's template.
func (page linkPage) template() string {
	if page.IPad {
		return "setup-ipad"
	}
	return "setup"
}

// plain reports whether links differ only in values that the page contains
// unchanged, in any place.
func (page linkPage) plain() bool {
	first, _ := utf8.DecodeRuneInString(page.Masked)
	return page.Problems == nil && page.Login == "" && page.ReturnURL == "" &&
		first < utf8.RuneSelf && (unicode.IsLetter(first) || unicode.IsDigit(first))
}

// marked returns the page with marks in place of these values.
func (p *Pages) marked(page linkPage) linkPage {
	page.Token, page.Masked, page.Expires, page.ExpiresAt = mark(0), mark(1), mark(2), mark(3)
	page.QR, page.URL = p.addresses(page.Token)
	if page.Scan != "" {
		page.Scan = scanPath(page.Token)
	}
	return page
}

// addresses returns the URLs of the link's QR code and of the link.
func (p *Pages) addresses(token string) (qr, link string) {
	return "/s/" + token + "/qr.svg", p.BaseURL.String() + "/s/" + token
}

func (p *Pages) linkPage(c echo.Context, link setup.Link, domain settings.Domain) (linkPage, error) {
	brand, err := p.brandOf(c.Request().Context(), domain)
	if err != nil {
		return linkPage{}, err
	}
	qr, address := p.addresses(c.Param("token"))
	f := p.frame(c, link.Locale, brand)
	client := web.ClientOf(c.Request().UserAgent())
	query := ""
	if named := web.Device(c.QueryParam("device")); slices.Contains(web.Devices(), named) {
		if query = "?device=" + string(named); named != client.Device {
			client.Device, client.Browser = named, ""
		}
	}
	page := linkPage{
		frame:      f,
		Token:      c.Param("token"),
		Device:     deviceOf(client, domain),
		IPad:       client.Device == web.IPad,
		Query:      query,
		Browser:    string(client.Browser),
		Masked:     mask(link.Address),
		Domain:     idn.Show(domain.Name),
		Name:       domain.DisplayName,
		Help:       lines(domain.HelpText),
		Hint:       domain.SignInHint,
		Signer:     p.Identity().Name,
		Test:       link.Test,
		IPhone:     domain.MakesFor(profile.IPhone),
		Mac:        domain.MakesFor(profile.Mac),
		Policy:     domain.Policy != settings.Off,
		PolicyOnly: domain.Policy == settings.Required,
		rules:      rulesOf(domain.DevicePolicy),
		Incoming:   serverView(domain.Service.Incoming),
		Outgoing:   serverView(domain.Service.Outgoing),
		Calendars:  davView(domain.Service.Calendars),
		Contacts:   davView(domain.Service.Contacts),
		Login:      link.Login,
		Expires:    expiry(link.Expires, f.Language),
		ExpiresAt:  link.Expires.UTC().Format(time.RFC3339),
		Opened:     link.Tickets > 0,
		LocalPart:  domain.Login == settings.LocalPartLogin,
		QR:         qr,
		URL:        address,
		Host:       p.BaseURL.Host,
		ReturnURL:  link.ReturnURL,
		ReturnHost: hostOf(link.ReturnURL),
	}
	if _, err := scanOf(link, domain); err == nil {
		page.Scan = scanPath(page.Token)
	}
	return page, nil
}

func scanPath(token string) string { return "/s/" + token + "/thunderbird.svg" }

// expiry returns when a link expires, only in digits if the language has no
// names of days and months here.
func expiry(t time.Time, lang templates.Language) string {
	if lang.Tag != "en" {
		return t.UTC().Format("2006-01-02, 15:04 UTC")
	}
	return t.UTC().Format("Monday, 2 January, 15:04 UTC")
}

// deviceOf returns the device whose page is shown. If there is nothing for a
// Mac, its page leads to the phone; if there is nothing for a phone, the
// device is away.
func deviceOf(client web.Client, domain settings.Domain) string {
	device := client.Device
	if device == web.IPad {
		device = web.IPhone
	}
	switch {
	case device == web.Android:
	case device == web.Mac && !domain.MakesFor(profile.Mac):
		return string(web.Other)
	case device != web.Mac && !domain.MakesFor(profile.IPhone):
		return "away"
	}
	return string(device)
}

// hostOf returns the host of a return URL.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// lines returns the lines of a text, or none if it is empty.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func serverView(s profile.Server) mailServer {
	return mailServer{s.Host, s.Port, s.Encryption()}
}

func davView(s profile.DAVServer) *mailServer {
	if s.IsZero() {
		return nil
	}
	return &mailServer{s.Host, s.Port, s.Encryption()}
}

// mask keeps only the first letter of the local part: "j•••@example.com".
func mask(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	first, _ := utf8.DecodeRuneInString(local)
	return string(first) + "•••@" + idn.Show(domain)
}
