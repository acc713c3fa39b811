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

// FaultOf is the fault behind whatever error a handler or Echo itself
// returned.
func FaultOf(err error) *fault.Fault {
	he, ok := errors.AsType[*echo.HTTPError](err)
	if !ok {
		return fault.Of(err)
	}
	switch he.Code {
	case http.StatusNotFound:
		return fault.New(fault.NotFound, "There is no such page.")
	case http.StatusMethodNotAllowed:
		return fault.New(fault.MethodNotAllowed, "This page cannot be used that way.")
	case http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "That is too large.")
	case http.StatusUnsupportedMediaType:
		return fault.New(fault.UnsupportedMedia, "That is not a form.")
	}
	if he.Code >= 400 && he.Code < 500 {
		return fault.New(fault.FormMalformed, "The request cannot be read.")
	}
	return fault.Of(err)
}

// ErrorHandler returns Echo's handler for errors: it logs what is not the
// client's doing and has show make the answer. An answer that fails after it has
// begun is cut off: ended like others, a part would pass for the whole.
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

// SetRetryAfter tells the client how long to wait, in whole seconds, if f
// knows.
func SetRetryAfter(c echo.Context, f *fault.Fault) { RetryAfter(c.Response().Header(), f) }

// RetryAfter is SetRetryAfter for a header.
func RetryAfter(header http.Header, f *fault.Fault) {
	if f.RetryAfter > 0 {
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
}
