package server

import (
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/push"
)

// hookPath is what the webhooks of NanoMDM call, with the last part of their own.
const hookPath = "/hooks/nanomdm/"

// hear takes what NanoMDM's webhook tells.
func (s *Server) hear(c echo.Context) error {
	req := c.Request()
	err := s.pushes.Hear(req.Context(), c.Param("hook"), req.Header.Get(push.SignatureHeader), func() ([]byte, error) {
		body, err := io.ReadAll(http.MaxBytesReader(c.Response(), req.Body, push.MaxEvent))
		if err != nil {
			return nil, fault.New(fault.TooLarge, "The event is too large, or it was cut off.")
		}
		return body, nil
	})
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
