package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
)

// policy is what a page may load: the program's own styles, pictures and
// scripts.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Headers sets headers on every response that keep a page from being framed,
// sniffed, indexed, cached, or made to load anything from elsewhere. With
// https it also requires https for a year.
func Headers(https bool) echo.MiddlewareFunc {
	fixed := map[string]string{
		"Content-Security-Policy":      policy,
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"X-Robots-Tag":                 "noindex, nofollow",
		"Cache-Control":                "no-store",
	}
	if https {
		fixed["Strict-Transport-Security"] = "max-age=31536000"
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			for name, value := range fixed {
				c.Response().Header().Set(name, value)
			}
			return next(c)
		}
	}
}

// Params refuses a path whose parameters contain control characters or invalid
// UTF-8, which no name or ID has. A database would fail with an error.
func Params(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		for _, value := range c.ParamValues() {
			if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
				return echo.ErrNotFound
			}
		}
		return next(c)
	}
}

// Log logs every request with its route, but not its URL, which may contain a
// token.
func Log(log *slog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			err := next(c)
			if err != nil && !c.Response().Committed {
				c.Error(err)
				err = nil
			}
			log.Info("request", "id", RequestID(c), "method", Method(c), "route", Route(c),
				"status", c.Response().Status, "ms", time.Since(start).Milliseconds())
			return err
		}
	}
}

// Route returns the pattern of the request's route, which contains nothing
// that a client wrote.
func Route(c echo.Context) string {
	if route := c.Path(); route != "" {
		return route
	}
	return "(none)"
}

// Method returns the request's method if it is a known one: a client can send
// any word.
func Method(c echo.Context) string {
	switch m := c.Request().Method; m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// Recover turns a panic of a handler into an internal error. It logs the
// stack, but not the panic value, which may contain input. It passes
// http.ErrAbortHandler on.
func Recover(log *slog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			defer func() {
				v := recover()
				if v == http.ErrAbortHandler {
					panic(v) // aborts the response, on purpose
				}
				if v != nil {
					log.Error("panic", "id", RequestID(c), "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
					err = fmt.Errorf("panic in %s", c.Path())
				}
			}()
			return next(c)
		}
	}
}
