package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// An eventPage is a page of the list of events.
type eventPage struct {
	Events []struct {
		ID, Type, Timestamp string
		Data                map[string]any
	}
	Last string
	Next string `json:"next_cursor"`
}

func eventsIn(t *testing.T, c servertest.Client, query string) (p eventPage) {
	t.Helper()
	servertest.Decode(t, c.Want(t, 200, "GET", "/events"+query, ""), &p)
	return p
}

// A follower reads a stream of events.
type follower struct {
	t     *testing.T
	lines *bufio.Scanner
	end   func()
}

func follow(t *testing.T, c servertest.Client, query string, header http.Header) *follower {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Server.URL+"/api/v1/events/stream"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if req.Header = header.Clone(); req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v %v", res, err)
	}
	t.Cleanup(func() { end(); res.Body.Close() })
	f := &follower{t, bufio.NewScanner(res.Body), end}
	if !f.lines.Scan() || !strings.HasPrefix(f.lines.Text(), ": ") { // it has begun
		t.Fatalf("%q", f.lines.Text())
	}
	return f
}

// next returns the ID and the data of the next event, or nothing if the stream
// has ended.
func (f *follower) next() (id string, m notify.Message) {
	f.t.Helper()
	var kind string
	for f.lines.Scan() {
		name, value, _ := strings.Cut(f.lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			if err := json.Unmarshal([]byte(value), &m); err != nil || string(m.Type) != kind {
				f.t.Fatalf("%v, %s in %s", err, kind, value)
			}
			return id, m
		}
	}
	return "", notify.Message{}
}

// TestEventStream follows events, disconnects and continues, using the query and the
// header, and compares them with the list and with webhook calls.
func TestEventStream(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, nil)
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		f := follow(t, c, "", nil)
		link := servertest.LinkIn(t, c.Want(t, 201, "POST", "/setup-links", `{"address":"jane@example.com","external_id":"mbx_7","max_downloads":1}`))
		first, m := f.next()
		if m.Type != "link.created" || m.Data.Link != link.ID || m.Data.External != "mbx_7" || m.Data.Actor.Kind != "key" {
			t.Errorf("%s %+v", first, m)
		}
		f.end()
		s.Content(s.Get(s.Ticket(link.Path(), "mail")).Body)
		c.Want(t, 200, "PATCH", "/setup-links/"+link.ID, `{"name":"Jane"}`) // no event
		c.Want(t, 200, "POST", "/setup-links/"+link.ID+"/revoke", "")
		c.Want(t, 201, "POST", "/keys", `{"name":"x","scopes":["keys:read"]}`)
		want := []string{"link.opened", "link.used", "link.downloaded", "link.revoked", "key.created"}
		for _, way := range []struct {
			query  string
			header http.Header
		}{{"?after=" + first, nil}, {"?after=0", http.Header{"Last-Event-Id": {first}}}} {
			f := follow(t, c, way.query, way.header)
			var got []string
			last := ""
			for range want {
				id, m := f.next()
				got, last = append(got, string(m.Type)), id
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v: %v", way, got)
			}
			if p := eventsIn(t, c, "?after="+last); len(p.Events) > 0 || p.Next != "" {
				t.Errorf("after the last: %+v", p)
			}
		}
		second := follow(t, c, "?after="+first, nil)
		opened, _ := second.next()
		second.end()
		if id, m := follow(t, c, "?after="+opened, nil).next(); m.Type != "link.used" || id != opened+".1" {
			t.Errorf("between two events of an action: %s %+v", id, m)
		}
		p := eventsIn(t, c, "?limit=2&after="+first)
		var listed []string
		for {
			for _, e := range p.Events {
				listed = append(listed, e.Type)
			}
			if p.Next == "" {
				break
			}
			p = eventsIn(t, c, "?limit=2&cursor="+p.Next)
		}
		if !slices.Equal(listed, want) {
			t.Errorf("listed: %v", listed)
		}
		if p := eventsIn(t, c, "?type=link.used,key.created&limit=500"); len(p.Events) != 3 { // one is the client's own key
			t.Errorf("%+v", p)
		}
		if id, _ := follow(t, c, "?seconds=1", nil).next(); id != "" {
			t.Errorf("%s in a stream that ends", id)
		}
	})
}

// TestEventStreamRefused checks that streams are refused to keys without permission,
// end when the key is revoked, and are limited in number.
func TestEventStreamRefused(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	all := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
	for key, want := range map[string]int{
		"mck_nonsense": 401,
		servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"actions:read"}}):                                    403,
		servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"webhooks:read"}, Domains: []string{"example.com"}}): 403,
	} {
		servertest.NewClient(s, key).Want(t, want, "GET", "/events/stream", "")
	}
	for _, query := range []string{"?after=x", "?after=99999", "?after=1.0", "?seconds=0", "?seconds=x", "?x=1", "?after=1&after=2"} {
		all.Want(t, 422, "GET", "/events/stream"+query, "")
		if !strings.Contains(query, "seconds") {
			all.Want(t, 422, "GET", "/events"+query, "")
		}
	}
	all.Want(t, 200, "HEAD", "/events/stream", "")
	reader := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"webhooks:read"}}))
	f := follow(t, reader, "", nil)
	var list struct{ Keys []struct{ ID string } }
	servertest.Decode(t, all.Want(t, 200, "GET", "/keys", ""), &list)
	all.Want(t, 200, "POST", "/keys/"+list.Keys[0].ID+"/revoke", "")
	for id, _ := f.next(); id != ""; id, _ = f.next() {
	}
	for range 20 {
		follow(t, all, "", nil)
	}
	if a := all.Want(t, 429, "GET", "/events/stream", ""); a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// TestEventTypes checks that the catalog has every type of event, with a text.
func TestEventTypes(t *testing.T) {
	database := storetest.SQLite(t)
	c := servertest.NewClient(servertest.New(t, database, nil), servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"webhooks:read"}}))
	var catalog struct {
		Types []struct {
			Type, Text string
			Streamed   bool
		} `json:"event_types"`
	}
	servertest.Decode(t, c.Want(t, 200, "GET", "/event-types", ""), &catalog)
	var got []string
	for _, k := range catalog.Types {
		if got = append(got, k.Type); !strings.HasSuffix(k.Text, ".") {
			t.Errorf("%s: %q isn't a sentence", k.Type, k.Text)
		}
	}
	want := []string{"test"}
	for _, k := range notify.Types() {
		want = append(want, string(k))
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
