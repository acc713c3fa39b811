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

// securityLife is the validity of security.txt. RFC 9116 requires less than a
// year; the file is created for each request.
const securityLife = 180 * 24 * time.Hour

// ParseContact parses the security contact for security.txt: an email address,
// or a mailto:, https: or tel: URI.
func ParseContact(s string) (string, error) {
	if _, err := profile.ParseAddress(s); err == nil {
		s = "mailto:" + s
	}
	u, err := url.Parse(s)
	if err != nil || !profile.IsLine(s) || strings.Contains(s, " ") {
		return "", errors.New("it's neither an email address nor a URI")
	}
	switch {
	case u.Scheme == "https" && u.Host != "", (u.Scheme == "mailto" || u.Scheme == "tel") && u.Opaque != "":
		return u.String(), nil
	}
	return "", errors.New("it's neither an email address nor a mailto, https or tel URI")
}

// security serves the security contact (RFC 9116).
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

// robots asks search engines to index only the start page.
func (p *Pages) robots(c echo.Context) error {
	return c.String(http.StatusOK, "User-agent: *\nAllow: /$\nDisallow: /\n")
}
