package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A bulk is the response to a request for many links.
type bulk struct {
	Created, Refused int
	Results          []struct {
		Status int
		Link   *servertest.APILink `json:"setup_link"`
		// Problem is the reason if there is no link.
		Problem *struct {
			Status         int
			Code, Instance string
			Errors         []struct{ Pointer, Code string }
		}
	}
}

// manyLinks is the body of a request for n links.
func manyLinks(n int) string {
	var b strings.Builder
	b.WriteString(`{"setup_links":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"address":"p%d@example.com","name":"Person %d","external_id":"mbx_%d","max_downloads":2}`, i, i%26, i)
	}
	b.WriteString(`]}`)
	return b.String()
}

// TestBulkLinks sends a full request several times at once with one Idempotency-Key:
// each link is created once, with its own action, and the results are in request order.
func TestBulkLinks(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, servertest.Unhurried)
		key := servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"links:read", "links:write"}})
		c := servertest.NewClient(s, key)
		body := manyLinks(1000)
		answers := make([]servertest.Answer, 4)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = named(c, "night", "/setup-links/bulk", body) })
		}
		wg.Wait()
		var got bulk
		servertest.Decode(t, answers[0], &got)
		if answers[0].Status != 200 || got.Created != 1000 || got.Refused != 0 || len(got.Results) != 1000 {
			t.Fatalf("%d, %d created, %d refused: %.300s", answers[0].Status, got.Created, got.Refused, answers[0].Body)
		}
		for _, a := range answers {
			if string(a.Body) != string(answers[0].Body) {
				t.Errorf("two answers: %.200s, %.200s", answers[0].Body, a.Body)
			}
		}
		for i, r := range got.Results {
			if r.Status != 201 || r.Link == nil || r.Link.ExternalID != fmt.Sprintf("mbx_%d", i) {
				t.Fatalf("result %d: %+v", i, r)
			}
		}
		if a := s.Get(got.Results[999].Link.Path()); a.Status != 200 {
			t.Errorf("the last link: %d %s", a.Status, s.Log)
		}
		for query, want := range map[string]string{
			`SELECT COUNT(*) FROM links`: "1000",
			`SELECT COUNT(DISTINCT target_id) FROM actions WHERE name = 'link.create'`:       "1000",
			`SELECT COUNT(*) FROM actions WHERE name = 'link.create' AND actor_kind = 'key'`: "1000",
		} {
			if n := storetest.Column(t, database, query); n[0] != want {
				t.Errorf("%s: %s", query, n[0])
			}
		}
	})
}

// TestBulkLinksOrder creates links in one moment. The list has them in the order of the
// request.
func TestBulkLinksOrder(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"links:read", "links:write"}}))
		var got bulk
		servertest.Decode(t, c.Want(t, 200, "POST", "/setup-links/bulk", manyLinks(30)), &got)
		var list struct {
			Links []servertest.APILink `json:"setup_links"`
		}
		servertest.Decode(t, c.Want(t, 200, "GET", "/setup-links?limit=30&sort=created_at", ""), &list)
		for i, l := range list.Links {
			if l.ID != got.Results[i].Link.ID {
				t.Fatalf("link %d of the list isn't that of the request", i)
			}
		}
		if len(list.Links) != 30 {
			t.Errorf("%d links", len(list.Links))
		}
	})
}

// TestBulkLinksRefused mixes valid and invalid links. Each invalid one has its own
// error, with pointers relative to the link.
func TestBulkLinksRefused(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		all := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		all.Want(t, 201, "POST", "/domains", `{"name":"example.org","imap":"imap.example.org","smtp":"smtp.example.org"}`)
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"links:write"}, Domains: []string{"example.com"}}))
		rows := []struct{ body, want string }{
			{`{"address":"jane@example.com"}`, "201"},
			{`{"address":"jane"}`, "422 address_malformed /address address_malformed"},
			{`{"address":"joe@example.org"}`, "403 forbidden"},
			{`{"address":"x@nowhere.example"}`, "403 forbidden"},
			{`{"address":"jane@example.com","max_downloads":1000,"login":7}`, "422 invalid /login invalid /max_downloads invalid"},
			{`{"address":"jane@example.com","password":"hunter2"}`, "422 password_refused /password password_refused"},
			{`{"address":"jane@example.com","other":1}`, "422 invalid /other unknown_field"},
			{`{"address":"jane@example.com","address":"joe@example.com"}`, "422 invalid /address invalid"},
			{`7`, "422 invalid"},
			{`{"address":"jane@example.com","name":"http://evil.example","return_url":"https://evil.example"}`, "422 invalid /name invalid /return_url invalid"},
			{`{"address":"joe@example.com","expires_in":60}`, "201"},
		}
		var bodies []string
		for _, r := range rows {
			bodies = append(bodies, r.body)
		}
		var got bulk
		a := c.Want(t, 200, "POST", "/setup-links/bulk", `{"setup_links":[`+strings.Join(bodies, ",")+`]}`)
		servertest.Decode(t, a, &got)
		if got.Created != 2 || got.Refused != len(rows)-2 || len(got.Results) != len(rows) || strings.Contains(string(a.Body), "hunter2") {
			t.Fatalf("%s", a.Body)
		}
		for i, r := range got.Results {
			text := fmt.Sprint(r.Status)
			if p := r.Problem; p != nil {
				text += " " + p.Code
				for _, e := range p.Errors {
					text += " " + e.Pointer + " " + e.Code
				}
				if p.Instance != "urn:mobileconfig:"+a.Header.Get("Request-Id") || p.Status != r.Status {
					t.Errorf("%s: %+v", rows[i].body, p)
				}
			}
			if text != rows[i].want || (r.Link == nil) != (r.Problem != nil) {
				t.Errorf("%s: %s, want %s", rows[i].body, text, rows[i].want)
			}
		}
		before := storetest.Fingerprint(t, database)
		for body, want := range map[string]int{
			`{"setup_links":[]}`:        422,
			`{"setup_links":{}}`:        422,
			`{}`:                        422,
			`{"setup_links":[1],"x":1}`: 422,
			manyLinks(1001):             422,
			`{"setup_links":["` + strings.Repeat("x", 9<<20) + `"]}`: 413,
		} {
			if a := c.Do("POST", "/setup-links/bulk", body); a.Status != want {
				t.Errorf("%.60s: %d %.200s", body, a.Status, a.Body)
			}
		}
		if a := c.Want(t, 200, "POST", "/setup-links/bulk", `{"setup_links":[{"address":"x"}]}`); !strings.Contains(string(a.Body), `"refused":1`) {
			t.Errorf("%s", a.Body)
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("something was saved")
		}
		test := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"links:write"}, Test: true}))
		if a := test.Want(t, 200, "POST", "/setup-links/bulk", manyLinks(2)); strings.Count(string(a.Body), `"test":true`) != 2 {
			t.Errorf("%s", a.Body)
		}
		if a := s.Do("POST", "/api/v1/setup-links/bulk", http.Header{"Authorization": {"Bearer " + c.Key}, "Content-Type": {"text/csv"}}, "x"); a.Status != 415 {
			t.Errorf("CSV: %d", a.Status)
		}
	})
}
