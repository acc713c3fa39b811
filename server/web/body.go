package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
)

// ReadBody reads the body of c: at most limit bytes, of one of the media types.
func ReadBody(c echo.Context, limit int64, kinds ...string) ([]byte, error) {
	r := c.Request()
	kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || !slices.Contains(kinds, kind) {
		return nil, fault.New(fault.UnsupportedMedia, "Send the request as %s.", kinds[0])
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fault.New(fault.TooLarge, "A request may have up to %d bytes.", limit)
	}
	if err != nil {
		return nil, errMalformed()
	}
	return body, nil
}
