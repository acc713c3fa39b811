package web

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
)

// FaultOf returns the fault behind an error of a handler or of Echo.
func FaultOf(err error) *fault.Fault {
	he, ok := errors.AsType[*echo.HTTPError](err)
	if !ok {
		return fault.Of(err)
	}
	switch he.Code {
	case http.StatusNotFound:
		return fault.New(fault.NotFound, "There is no such page.")
	case http.StatusMethodNotAllowed:
		return fault.New(fault.MethodNotAllowed, "This page can't be used that way.")
	case http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "The request is too large.")
	case http.StatusUnsupportedMediaType:
		return fault.New(fault.UnsupportedMedia, "The request isn't a form.")
	}
	if he.Code >= 400 && he.Code < 500 {
		return fault.New(fault.FormMalformed, "The request can't be read.")
	}
	return fault.Of(err)
}

// ErrorHandler returns Echo's error handler: it logs errors that the client
// didn't cause and calls show for the response. If a response fails after it
// has begun, it is cut off. Otherwise the incomplete response would look
// complete.
func ErrorHandler(log *slog.Logger, show func(c echo.Context, f *fault.Fault) error) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		f := FaultOf(err)
		if Status(f.Code) >= http.StatusInternalServerError && c.Request().Context().Err() == nil {
			log.Error("request failed", "id", RequestID(c), "route", c.Path(), "code", f.Code, "error", err)
		} else {
			log.Debug("refused", "id", RequestID(c), "route", Route(c), "code", f.Code)
		}
		if c.Response().Committed {
			panic(http.ErrAbortHandler)
		}
		SetRetryAfter(c, f)
		if err := show(c, f); err != nil {
			log.Error("error page", "id", RequestID(c), "error", err)
			if !c.Response().Committed {
				http.Error(c.Response(), http.StatusText(Status(f.Code)), Status(f.Code))
			}
		}
	}
}

// SetRetryAfter tells the client how long to wait, in whole seconds, if f says
// so.
func SetRetryAfter(c echo.Context, f *fault.Fault) { RetryAfter(c.Response().Header(), f) }

// RetryAfter is SetRetryAfter for a header.
func RetryAfter(header http.Header, f *fault.Fault) {
	if f.RetryAfter > 0 {
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
}
