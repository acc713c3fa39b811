package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/api/openapi"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/web"
)

// Events has the events of all accounts.
type Events interface {
	// Events returns some of the account's events, starting after the position after. A
	// position beyond the end of the log is a fault of the field "after".
	Events(ctx context.Context, account string, after notify.Place, limit int) (notify.Part, error)
	// LastEvent returns the position of the account's last event.
	LastEvent(ctx context.Context, account string) (notify.Place, error)
}

// Settings of the event stream.
const (
	// streamLook is the interval to look for new events, and streamBeat the interval to
	// send a keep-alive and check the key's permission.
	streamLook = 500 * time.Millisecond
	streamBeat = 10 * time.Second
	// streamPart is the number of events sent at once.
	streamPart = 100
	// maxStreams is the maximum number of open streams per account and server.
	maxStreams = 20
)

// An Event is an event in the API.
type Event struct {
	ID        string            `json:"id" doc:"Position: the number of its action in the log. The second event of an action adds .1." example:"41"`
	Type      field.Event       `json:"type"`
	Timestamp field.Moment      `json:"timestamp" doc:"Time of the event."`
	Data      openapi.EventData `json:"data" doc:"The data that webhooks get."`
}

func eventOf(o notify.Occurrence) Event {
	m := o.Message()
	return Event{o.String(), field.Event(m.Type), field.At(m.Timestamp), dataOf(m.Data)}
}

func dataOf(d notify.Data) openapi.EventData {
	return openapi.EventData{
		Account: d.Account, Sequence: d.Sequence, Action: field.ActionName(d.Action), Outcome: string(d.Outcome), Actor: d.Actor, Target: d.Target,
		Link: d.Link, ExternalID: d.External, Changes: d.Changes, Note: d.Note,
	}
}

// An EventKind is a type of event.
type EventKind struct {
	Type     field.DeliveryEvent `json:"type"`
	Text     string              `json:"text" doc:"When it's sent." example:"A setup link was created."`
	Streamed bool                `json:"streamed" doc:"Whether it's in the list and the stream of events. Webhooks get all." example:"true"`
}

// An EventCatalog has all types of events.
type EventCatalog struct {
	Types []EventKind `json:"event_types" doc:"By name."`
}

func (a *API) events(h huma.API, e *echo.Echo) {
	register(a, h, operation("list-event-types", http.MethodGet, "/event-types", account.WebhooksRead, "List event types"), a.listEventTypes)
	register(a, h, operation("list-events", http.MethodGet, "/events", account.WebhooksRead, "List events"), a.listEvents)
	stream := operation("stream-events", http.MethodGet, "/events/stream", account.WebhooksRead, "Follow events")
	stream.Description += " Server-sent events. Each has an ID to continue from, its type as the event name, and as data the JSON that webhooks get."
	low, high := 1, 30
	id := func(name, in, doc string) *huma.Param {
		return &huma.Param{Name: name, In: in, Description: doc, Example: "41", Schema: &huma.Schema{Type: huma.TypeString, MinLength: &low, MaxLength: &high}}
	}
	least, most := 1.0, 3600.0
	stream.Parameters = []*huma.Param{
		id("after", "query", "ID of the last event you have. 0 starts with the first; absent starts now."),
		{Name: "seconds", In: "query", Description: "End after this many seconds. The default is to keep going.", Example: 1, Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most}},
		id("Last-Event-ID", "header", "The same. Browsers send it when they reconnect."),
	}
	stream.Responses = map[string]*huma.Response{"200": {
		Description: "The events. The response doesn't end. If it's interrupted, reconnect.",
		Content:     map[string]*huma.MediaType{web.EventStreamType: {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	h.OpenAPI().AddOperation(&stream)
	e.Match([]string{http.MethodGet, http.MethodHead}, stream.Path, func(c echo.Context) error {
		who, err := a.admit(c, scopeOf(&stream))
		if err == nil {
			err = who.read(h, &stream, c)
		}
		if err == nil {
			err = a.refusals(c.Request().Context(), who, nil)
		}
		if err == nil {
			err = a.streamEvents(c, who)
		}
		return err
	})
}

func (a *API) listEventTypes(context.Context, call, *struct{}) (*answer[EventCatalog], error) {
	out := &answer[EventCatalog]{}
	for _, k := range notify.Catalog() {
		out.Body.Types = append(out.Body.Types, EventKind{field.DeliveryEvent(k.Type), k.Text, k.Streamed})
	}
	return out, nil
}

type eventsQuery struct {
	After string        `query:"after" minLength:"1" maxLength:"30" doc:"ID of the last event you have. The default is to start with the first." example:"41"`
	Type  []field.Event `query:"type" maxItems:"50" doc:"Event types, separated by commas. The default is all." example:"[\"link.created\",\"link.downloaded\"]"`
	ListQuery
}

// An EventList is a page of events.
type EventList struct {
	Events []Event `json:"events" doc:"Oldest first. A page can be short or empty and still have a next one."`
	Last   string  `json:"last" doc:"End of this list. Send it as after to get later events." example:"41"`
	Page
}

// after returns the position where the list starts.
func (q *eventsQuery) after() (notify.Place, error) {
	switch {
	case q.Cursor != "":
		return notify.ParsePlace("cursor", q.Cursor)
	case q.After != "":
		return notify.ParsePlace("after", q.After)
	}
	return notify.Place{}, nil
}

func (q *eventsQuery) check(context.Context, *API, call) error {
	_, err := q.after()
	return err
}

func (a *API) listEvents(ctx context.Context, c call, in *eventsQuery) (*answer[EventList], error) {
	if err := c.permitAll(); err != nil {
		return nil, err
	}
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	part, err := a.Events.Events(ctx, c.key.Account, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &answer[EventList]{EventList{Events: []Event{}, Last: part.Next.String()}}
	for _, o := range part.Events {
		if len(in.Type) == 0 || slices.Contains(in.Type, field.Event(o.Type)) {
			out.Body.Events = append(out.Body.Events, eventOf(o))
		}
	}
	if part.More {
		out.Body.NextCursor = out.Body.Last
	}
	return out, nil
}

// streamAfter returns the position where a request's stream starts.
func (a *API) streamAfter(ctx context.Context, c echo.Context, who call) (notify.Place, error) {
	for _, given := range []struct{ field, text string }{
		{"Last-Event-ID", c.Request().Header.Get("Last-Event-ID")}, {"after", c.QueryParam("after")},
	} {
		if given.text != "" {
			return notify.ParsePlace(given.field, given.text)
		}
	}
	return a.Events.LastEvent(ctx, who.key.Account)
}

// streamEvents sends events until the client disconnects, the server stops, or the key
// loses its permission.
func (a *API) streamEvents(c echo.Context, who call) error {
	ctx := c.Request().Context()
	if err := who.permitAll(); err != nil {
		return err
	}
	after, err := a.streamAfter(ctx, c, who)
	if err != nil {
		return err
	}
	part, err := a.Events.Events(ctx, who.key.Account, after, streamPart)
	if err != nil {
		return err
	}
	end, err := a.streams.begin(who.key.Account)
	if err != nil {
		return err
	}
	defer end()
	to := web.NewEventStream(c)
	if c.Request().Method == http.MethodHead {
		return c.NoContent(http.StatusOK)
	}
	ctx, stop := web.Until(ctx, a.Stopping)
	defer stop()
	if seconds, err := strconv.Atoi(c.QueryParam("seconds")); err == nil {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
		defer cancel()
	}
	s := &stream{a, c, who, to}
	// The first ID is where to continue if the connection breaks before an event.
	if err := to.Send([]byte(": the events of " + who.key.Account + "\nid: " + after.String() + "\n\n")); err != nil {
		return nil
	}
	if err := s.run(ctx, part); err != nil && ctx.Err() == nil {
		a.Log.Info("stream of events ended", "key", who.key.ID, "error", err)
	}
	return nil
}

// A stream is a response in progress.
type stream struct {
	a   *API
	c   echo.Context
	who call
	to  web.EventStream
}

func (s *stream) run(ctx context.Context, part notify.Part) error {
	look, beat := time.NewTicker(streamLook), time.NewTicker(streamBeat)
	defer look.Stop()
	defer beat.Stop()
	for {
		if err := s.sendAll(part.Events); err != nil {
			return err
		}
		for wait := !part.More; wait; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-beat.C:
				if err := s.beat(ctx); err != nil {
					return err
				}
			case <-look.C:
				wait = false
			}
		}
		var err error
		if part, err = s.a.Events.Events(ctx, s.who.key.Account, part.Next, streamPart); err != nil {
			return err
		}
		if len(part.Events) > 0 {
			err = s.a.still(ctx, s.c, s.who)
		}
		if err != nil {
			return err
		}
	}
}

// still refuses to continue a response if its key has lost the permission.
func (a *API) still(ctx context.Context, c echo.Context, who call) error {
	key, err := a.Keys.Authenticate(ctx, tokenOf(c), web.ClientIP(c))
	if err == nil {
		err = key.Permit(account.Scope(who.by.Need))
	}
	if err == nil {
		err = call{key: key}.permitAll()
	}
	return err
}

// beat keeps the connection open, and ends it if the key can no longer read events.
func (s *stream) beat(ctx context.Context) error {
	if err := s.a.still(ctx, s.c, s.who); err != nil {
		return err
	}
	return s.to.Send([]byte(":\n\n"))
}

// sendAll sends events with the IDs to continue from.
func (s *stream) sendAll(all []notify.Occurrence) error {
	if len(all) == 0 {
		return nil
	}
	var text strings.Builder
	for _, o := range all {
		data, err := json.Marshal(o.Message())
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "id: %s\nevent: %s\ndata: %s\n\n", o, o.Type, data)
	}
	return s.to.Send([]byte(text.String()))
}

// streams counts open streams by account.
type streams struct {
	mu   sync.Mutex
	open map[string]int
}

// begin counts a stream until end is called. It returns a Limited fault if there are
// too many.
func (s *streams) begin(account string) (end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[account] >= maxStreams {
		f := fault.New(fault.Limited, "There are already %d open event streams. Close one first.", maxStreams)
		f.RetryAfter = streamBeat
		return nil, f
	}
	if s.open == nil {
		s.open = map[string]int{}
	}
	s.open[account]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[account]--; s.open[account] == 0 {
			delete(s.open, account)
		}
	}, nil
}
