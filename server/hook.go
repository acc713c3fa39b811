package server

import (
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/push"
)

// hookPath is the path for NanoMDM's webhooks, followed by the installation's
// own part.
const hookPath = "/hooks/nanomdm/"

// receiveEvent handles calls of NanoMDM's webhook.
func (s *Server) receiveEvent(c echo.Context) error {
	req := c.Request()
	err := s.pushes.Hear(req.Context(), c.Param("hook"), req.Header.Get(push.SignatureHeader), func() ([]byte, error) {
		body, err := io.ReadAll(http.MaxBytesReader(c.Response(), req.Body, push.MaxEvent))
		if err != nil {
			return nil, fault.New(fault.TooLarge, "The event is too large or incomplete.")
		}
		return body, nil
	})
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
