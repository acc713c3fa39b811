package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
)

// A SessionCookie contains the token of a session in the control panel. Over
// https no other host, path or script can set or read it, and no other site
// can send it with a form.
type SessionCookie struct {
	name   string
	secure bool
}

// NewSessionCookie returns the cookie for the base URL. Over plain http, which
// is only for localhost, browsers refuse the prefix "__Host-", so the cookie
// has neither the prefix nor Secure.
func NewSessionCookie(base *url.URL) SessionCookie {
	if base.Scheme == "https" {
		return SessionCookie{"__Host-session", true}
	}
	return SessionCookie{"session", false}
}

// NewDeviceCookie returns the cookie that identifies a device.
func NewDeviceCookie(base *url.URL) SessionCookie {
	c := NewSessionCookie(base)
	c.name = strings.TrimSuffix(c.name, "session") + "device"
	return c
}

// Keep stores a value in the browser for a year.
func (s SessionCookie) Keep(c echo.Context, value string) { s.set(c, value, 365*24*60*60) }

// Token returns the token in the request, or an empty text.
func (s SessionCookie) Token(c echo.Context) string {
	cookie, err := c.Cookie(s.name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// Set sends the browser a token. The browser deletes it when it is closed; the
// server decides how long it is valid.
func (s SessionCookie) Set(c echo.Context, token string) { s.set(c, token, 0) }

// Clear deletes the token in the browser.
func (s SessionCookie) Clear(c echo.Context) { s.set(c, "", -1) }

func (s SessionCookie) set(c echo.Context, token string, age int) {
	c.SetCookie(&http.Cookie{
		Name: s.name, Value: token, Path: "/", MaxAge: age,
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// SameOrigin refuses a changing request from a page of another origin.
func SameOrigin(base *url.URL) (echo.MiddlewareFunc, error) {
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, err
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return fault.New(fault.CrossOrigin, "This request came from another site. Open the control panel and do it there.").Because(err)
			}
			return next(c)
		}
	}, nil
}

// Script lets the program's own script send requests to the server.
func Script(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Content-Security-Policy", policy+"; connect-src 'self'")
		return next(c)
	}
}
