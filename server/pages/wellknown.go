package pages

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
)

// securityLife is how long security.txt says that it holds. RFC 9116 wants less
// than a year; it is made anew each time.
const securityLife = 180 * 24 * time.Hour

// ParseContact reads whom to tell of a hole, as security.txt names it: a mail
// address, or a mailto:, https: or tel: URI.
func ParseContact(s string) (string, error) {
	if _, err := profile.ParseAddress(s); err == nil {
		s = "mailto:" + s
	}
	u, err := url.Parse(s)
	if err != nil || !profile.IsLine(s) || strings.Contains(s, " ") {
		return "", errors.New("it is no mail address and no URI")
	}
	switch {
	case u.Scheme == "https" && u.Host != "", (u.Scheme == "mailto" || u.Scheme == "tel") && u.Opaque != "":
		return u.String(), nil
	}
	return "", errors.New("it is no mail address, and no URI of mailto, https or tel")
}

// security says whom to tell of a hole (RFC 9116).
func (p *Pages) security(c echo.Context) error {
	if p.SecurityContact == "" {
		return fault.New(fault.NotFound, "There is no such page.")
	}
	expires := p.Now().UTC().Add(securityLife).Truncate(24 * time.Hour)
	return c.String(http.StatusOK, "Contact: "+p.SecurityContact+"\n"+
		"Expires: "+expires.Format(time.RFC3339)+"\n"+
		"Preferred-Languages: en\n"+
		"Canonical: "+p.BaseURL.String()+"/.well-known/security.txt\n")
}

// robots asks search engines to leave all but the first page alone.
func (p *Pages) robots(c echo.Context) error {
	return c.String(http.StatusOK, "User-agent: *\nAllow: /$\nDisallow: /\n")
}
