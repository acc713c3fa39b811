package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
)

// A SessionCookie carries the token of a session in the control panel. Over
// https no other host, path or script can set or read it, and no other site
// can send it with a form.
type SessionCookie struct {
	name   string
	secure bool
}

// NewSessionCookie returns the cookie for the base URL. Over plain http, which
// is for localhost alone, browsers refuse the prefix "__Host-" and the cookie
// does without it and without Secure.
func NewSessionCookie(base *url.URL) SessionCookie {
	if base.Scheme == "https" {
		return SessionCookie{"__Host-session", true}
	}
	return SessionCookie{"session", false}
}

// NewDeviceCookie returns the cookie that marks a device.
func NewDeviceCookie(base *url.URL) SessionCookie {
	c := NewSessionCookie(base)
	c.name = strings.TrimSuffix(c.name, "session") + "device"
	return c
}

// Keep gives the browser a value for a year.
func (s SessionCookie) Keep(c echo.Context, value string) { s.set(c, value, 365*24*60*60) }

// Token is the token that the request brings; empty if it brings none.
func (s SessionCookie) Token(c echo.Context) string {
	cookie, err := c.Cookie(s.name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// Set gives the browser a token. It forgets it when it is closed; how long it
// can be used is the server's business.
func (s SessionCookie) Set(c echo.Context, token string) { s.set(c, token, 0) }

// Clear takes the token from the browser.
func (s SessionCookie) Clear(c echo.Context) { s.set(c, "", -1) }

func (s SessionCookie) set(c echo.Context, token string, age int) {
	c.SetCookie(&http.Cookie{
		Name: s.name, Value: token, Path: "/", MaxAge: age,
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// SameOrigin refuses a request that changes something and comes from a page of
// another origin.
func SameOrigin(base *url.URL) (echo.MiddlewareFunc, error) {
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, err
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return fault.New(fault.CrossOrigin, "This came from a page of another site. Open the control panel and do it there.").Because(err)
			}
			return next(c)
		}
	}, nil
}

// Script lets the program's own script ask the server.
func Script(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Content-Security-Policy", policy+"; connect-src 'self'")
		return next(c)
	}
}
