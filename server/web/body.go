package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
)

// ReadBody reads the body of c: at most limit bytes, with one of the media
// types.
func ReadBody(c echo.Context, limit int64, kinds ...string) ([]byte, error) {
	r := c.Request()
	kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || !slices.Contains(kinds, kind) {
		return nil, fault.New(fault.UnsupportedMedia, "Send the request as %s.", kinds[0])
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fault.New(fault.TooLarge, "Send a request of up to %d bytes.", limit)
	}
	if err != nil {
		return nil, errMalformed()
	}
	return body, nil
}

// MaxBody is the largest body in bytes that [ReadAhead] waits for.
const MaxBody = 64 << 10

// ReadAhead waits until the whole body of c has arrived, and leaves it to be
// read. It reports whether there was one: its sender may have lost its
// authority meanwhile, so the caller must check that again. It reads no more
// than MaxBody.
func ReadAhead(c echo.Context) (bool, error) {
	r := c.Request()
	if r.Body == nil || r.Body == http.NoBody {
		return false, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return false, errMalformed()
	}
	r.Body = readAhead{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	return true, nil
}

// A readAhead is a body of which a part has been read.
type readAhead struct {
	io.Reader
	io.Closer
}
