package web

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// EventStreamType is the media type of server-sent events.
const EventStreamType = "text/event-stream"

// eventPause is how long an event may take to be sent.
const eventPause = 30 * time.Second

// An EventStream is an answer of server-sent events. It may take as long as it
// goes on: each event has a time of its own.
type EventStream struct {
	c       echo.Context
	control *http.ResponseController
}

// NewEventStream begins the answer to c: what is wrong has to be known before.
func NewEventStream(c echo.Context) EventStream {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, EventStreamType)
	header.Set(echo.HeaderCacheControl, "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	s := EventStream{c, http.NewResponseController(c.Response())}
	_ = s.control.SetReadDeadline(time.Time{}) // where none can be set, none is
	return s
}

// Send sends events or comments, each of which ends with an empty line.
func (s EventStream) Send(text []byte) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(eventPause))
	if _, err := s.c.Response().Write(text); err != nil {
		return err
	}
	return s.control.Flush()
}

// Until returns a context that is done when ctx is or the server stops, and a
// function that lets go of it: no answer without an end keeps a server from
// stopping.
func Until(ctx context.Context, stopping <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
