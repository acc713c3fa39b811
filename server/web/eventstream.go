package web

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// EventStreamType is the media type of server-sent events.
const EventStreamType = "text/event-stream"

// eventPause is how long sending an event may take.
const eventPause = 30 * time.Second

// An EventStream is a response of server-sent events. It has no time limit;
// each event has one.
type EventStream struct {
	c       echo.Context
	control *http.ResponseController
}

// NewEventStream begins the response to c. Errors must be found before.
func NewEventStream(c echo.Context) EventStream {
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, EventStreamType)
	header.Set(echo.HeaderCacheControl, "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would delay events
	s := EventStream{c, http.NewResponseController(c.Response())}
	_ = s.control.SetReadDeadline(time.Time{}) // without support for deadlines there is none
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
// function that releases it: an endless response must not keep a server from
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
