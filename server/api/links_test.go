package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func stateOf(t *testing.T, c servertest.Client, id string) string {
	t.Helper()
	return servertest.LinkIn(t, c.Want(t, 200, "GET", "/setup-links/"+id, "")).State
}

// TestAPILinkStates follows the states of a link: viewing changes nothing, a ticket
// opens it, a download is counted, and then it's used.
func TestAPILinkStates(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"links:read", "links:write"}}))
		a := c.Want(t, 201, "POST", "/setup-links", `{"address":"Jane@example.com","name":"Jane","external_id":"mbx_1","expires_in":3600,"max_downloads":2}`)
		l := servertest.LinkIn(t, a)
		if !strings.HasPrefix(l.URL, "http://setup.example.com/s/") || l.QRURL != l.URL+"/qr.svg" || l.State != "waiting" || !l.ExpiresAt.Equal(clock.Now().Add(time.Hour).Truncate(time.Millisecond)) {
			t.Errorf("%s", a.Body)
		}
		stateOf(t, c, l.ID) // records the key's use
		before := storetest.Fingerprint(t, database)
		for _, agent := range []string{servertest.IPhone, "Slackbot-LinkExpanding 1.0", "WhatsApp/2.23"} {
			for _, method := range []string{"GET", "HEAD"} {
				if a := s.Do(method, l.Path(), http.Header{"User-Agent": {agent}}, ""); a.Status != 200 {
					t.Errorf("%s as %s: %d", method, agent, a.Status)
				}
			}
		}
		if got := stateOf(t, c, l.ID); got != "waiting" || storetest.Fingerprint(t, database) != before {
			t.Errorf("viewing changed something: %s", got)
		}
		first := s.Ticket(l.Path(), "mail")
		if got := stateOf(t, c, l.ID); got != "opened" {
			t.Error(got)
		}
		s.Content(s.Get(first).Body)
		if got := stateOf(t, c, l.ID); got != "downloaded" {
			t.Error(got)
		}
		s.Ticket(l.Path(), "mail")
		if got := stateOf(t, c, l.ID); got != "used" || s.Get(l.Path()).Status != 404 {
			t.Error(got)
		}
		once := servertest.LinkIn(t, c.Want(t, 201, "POST", "/setup-links", `{"address":"jane@example.com","max_downloads":1}`))
		s.Ticket(once.Path(), "mail")
		if a := s.Post(once.Path()+"/profile", "variant", "mail", "platform", "iphone"); a.Status != 404 {
			t.Errorf("a single-use link issued a second ticket: %d", a.Status)
		}
		clock.Move(time.Hour)
		if got := stateOf(t, c, l.ID); got != "expired" {
			t.Error(got)
		}
	})
}

// TestAPILinkRevoked checks that a revoked link and its tickets stop working at once:
// one link, a mailbox's, and a domain's.
func TestAPILinkRevoked(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"links:read", "links:write"}}))
		create := func(address string) servertest.APILink {
			return servertest.LinkIn(t, c.Want(t, 201, "POST", "/setup-links", `{"address":"`+address+`"}`))
		}
		one, two, three, other := create("jane@example.com"), create("JANE@example.com"), create("jane@example.com"), create("joe@example.com")
		ticket := s.Ticket(one.Path(), "mail")
		if got := servertest.LinkIn(t, c.Want(t, 200, "POST", "/setup-links/"+one.ID+"/revoke", "")); got.State != "revoked" {
			t.Error(got)
		}
		if got := s.Get(ticket).Status; got != 410 {
			t.Errorf("a ticket of a revoked link: %d", got)
		}
		c.Want(t, 200, "POST", "/setup-links/"+one.ID+"/revoke", "")
		if a := c.Want(t, 200, "POST", "/revoke-setup-links", `{"address":"Jane@EXAMPLE.com"}`); !bytes.Contains(a.Body, []byte(`"revoked":2`)) {
			t.Errorf("%s", a.Body)
		}
		for _, l := range []servertest.APILink{one, two, three} {
			if got := s.Get(l.Path()).Status; got != 404 {
				t.Errorf("the page of a revoked link: %d", got)
			}
		}
		if got := s.Get(other.Path()).Status; got != 200 {
			t.Errorf("another mailbox's link: %d", got)
		}
		c.Want(t, 200, "POST", "/revoke-setup-links", `{"domain":"example.com"}`)
		if got := s.Get(other.Path()).Status; got != 404 {
			t.Errorf("a link of the domain: %d", got)
		}
		for _, body := range []string{`{}`, `{"address":"a@example.com","domain":"example.com"}`, `{"address":"x"}`, `{"domain":".."}`} {
			c.Want(t, 422, "POST", "/revoke-setup-links", body)
		}
		c.Want(t, 404, "POST", "/revoke-setup-links", `{"domain":"nowhere.example"}`)
		dump := storetest.Dump(t, database)
		if n := strings.Count(dump, "link.revoke"); n < 3 {
			t.Errorf("%d actions", n)
		}
	})
}

// TestAPILinkDomains checks that a key for one domain can't access links of others.
func TestAPILinkDomains(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		all := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		all.Want(t, 201, "POST", "/domains", `{"name":"example.org","imap":"imap.example.org","smtp":"smtp.example.org"}`)
		foreign := servertest.LinkIn(t, all.Want(t, 201, "POST", "/setup-links", `{"address":"joe@example.org"}`))
		own := servertest.LinkIn(t, all.Want(t, 201, "POST", "/setup-links", `{"address":"jane@example.com"}`))
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: []string{"links:read", "links:write"}, Domains: []string{"example.com"}}))
		c.Want(t, 403, "POST", "/setup-links", `{"address":"joe@example.org"}`)
		before := storetest.Fingerprint(t, database)
		c.Want(t, 404, "GET", "/setup-links/"+foreign.ID, "")
		c.Want(t, 404, "GET", "/setup-links/"+foreign.ID+"/qr.svg", "")
		c.Want(t, 404, "GET", "/setup-links/"+foreign.ID+"/qr.png", "")
		c.Want(t, 404, "POST", "/setup-links/"+foreign.ID+"/revoke", "")
		c.Want(t, 403, "POST", "/revoke-setup-links", `{"domain":"example.org"}`)
		c.Want(t, 403, "POST", "/revoke-setup-links", `{"address":"joe@example.org"}`)
		c.Want(t, 403, "GET", "/setup-links?domain=example.org", "")
		list := c.Want(t, 200, "GET", "/setup-links", "")
		if bytes.Contains(list.Body, []byte(foreign.ID)) || !bytes.Contains(list.Body, []byte(own.ID)) {
			t.Errorf("list: %s", list.Body)
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("something was saved")
		}
		qr := c.Want(t, 200, "GET", "/setup-links/"+own.ID+"/qr.svg", "")
		if qr.Header.Get("Content-Type") != "image/svg+xml" || !bytes.Equal(qr.Body, s.Get(own.Path()+"/qr.svg").Body) {
			t.Errorf("%s %.60s", qr.Header.Get("Content-Type"), qr.Body)
		}
	})
}

func TestAPILinkList(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		for i := range 5 {
			c.Want(t, 201, "POST", "/setup-links", `{"address":"jane`+string(rune('0'+i))+`@example.com","external_id":"mbx_`+string(rune('0'+i))+`"}`)
		}
		seen := map[string]bool{}
		for query := "?limit=2"; query != ""; {
			var page struct {
				Links []servertest.APILink `json:"setup_links"`
				Next  string               `json:"next_cursor"`
			}
			if err := json.Unmarshal(c.Want(t, 200, "GET", "/setup-links"+query, "").Body, &page); err != nil {
				t.Fatal(err)
			}
			for _, l := range page.Links {
				if seen[l.ID] {
					t.Error("a link is on two pages")
				}
				seen[l.ID] = true
			}
			if query = ""; page.Next != "" {
				query = "?limit=2&cursor=" + page.Next
			}
		}
		if len(seen) != 5 {
			t.Errorf("%d links", len(seen))
		}
		for query, want := range map[string]int{
			"?state=waiting,used": 5, "?state=used,revoked": 0, "?test=false": 5, "?test=true": 0, "?name=jane": 0, "?sort=expires_at&limit=2": 2,
			"?from=2020-01-01T00:00:00Z": 5, "?to=2020-01-01T00:00:00Z": 0, "?address=JANE1@example.com": 1, "?external_id=mbx_2": 1, "?state=waiting": 5, "?state=used": 0, "?domain=example.com&limit=500": 5} {
			if a := c.Want(t, 200, "GET", "/setup-links"+query, ""); bytes.Count(a.Body, []byte(`"qr_url"`)) != want {
				t.Errorf("%s: %s", query, a.Body)
			}
		}
		for _, query := range []string{"?cursor=x", "?cursor=1.key_1", "?cursor=1.lnk_%00", "?state=x", "?limit=0", "?address=x", "?state=used,x", "?state=,", "?test=1", "?sort=name", "?from=today", "?domain=..", "?external_id=%00"} {
			if a := c.Do("GET", "/setup-links"+query, ""); a.Status != 422 && a.Status != 400 {
				t.Errorf("%s: %d", query, a.Status)
			}
		}
	})
}

func TestAPILinkRefused(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		c.Want(t, 201, "POST", "/domains", `{"name":"plain.example","imap":"a.example","smtp":"b.example","return_hosts":["Panel.plain.example","panel.plain.example"]}`)
		c.Want(t, 201, "POST", "/domains", `{"name":"given.example","imap":"a.example","smtp":"b.example","login":"given"}`)
		c.Want(t, 201, "POST", "/domains", `{"name":"must.example","imap":"a.example","smtp":"b.example","policy":"required"}`)
		c.Want(t, 422, "PUT", "/domains/plain.example", `{"imap":"a.example","smtp":"b.example","return_hosts":["https://x.example"]}`)
		c.Do("GET", "/domains", "")
		before := storetest.Fingerprint(t, database)
		for body, want := range map[string]string{
			`{"address":"jane"}`:                                          "address_malformed",
			`{"address":"jane@foreign.example"}`:                          "address_foreign",
			`{"address":"$EMAIL@example.com"}`:                            "invalid",
			`{"address":"jane@example.com","login":"{{mail}}"}`:           "invalid",
			`{"address":"jane@example.com","password":"x"}`:               "password_refused",
			`{"address":"jane@example.com","expires_in":59}`:              "invalid",
			`{"address":"jane@example.com","expires_in":2592001}`:         "invalid",
			`{"address":"jane@example.com","max_downloads":0}`:            "invalid",
			`{"address":"jane@example.com","max_downloads":101}`:          "invalid",
			`{"address":"jane@example.com","locale":"../en"}`:             "invalid",
			`{"address":"jane@example.com","name":"a\u202eb"}`:            "invalid",
			`{"address":"jane@example.com","external_id":"a\nb"}`:         "invalid",
			`{"address":"jane@plain.example","variant":"secure"}`:         "variant_not_offered",
			`{"address":"jane@must.example","variant":"mail"}`:            "variant_not_offered",
			`{"address":"jane@given.example"}`:                            "login_needed",
			`{"address":"jane@example.com","return_url":"https://x.org"}`: "invalid",
		} {
			if code := servertest.CodeOf(t, c.Want(t, 422, "POST", "/setup-links", body)); code != want {
				t.Errorf("%s: %s, want %s", body, code, want)
			}
		}
		for _, url := range []string{"http://panel.plain.example/", "https://evil.example/", "https://panel.plain.example@evil.example/", "https://panel.plain.example:8443/",
			"https://panel.plain.example.evil.example/", "//panel.plain.example/", "javascript:alert(1)", `https://panel.plain.example\\@evil.example/`, "https://u:p@panel.plain.example/"} {
			c.Want(t, 422, "POST", "/setup-links", `{"address":"jane@plain.example","return_url":"`+url+`"}`)
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("something was saved")
		}
	})
}

// TestPageLeadsBack checks that the page links back as long as the domain allows it.
func TestPageLeadsBack(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		const domain = `{"imap":"imap.example.com","smtp":"smtp.example.com","policy":"offered","return_hosts":["panel.example.com"]}`
		c.Want(t, 200, "PUT", "/domains/example.com", domain)
		l := servertest.LinkIn(t, c.Want(t, 201, "POST", "/setup-links", `{"address":"jane@example.com","return_url":"https://panel.example.com/mail?a=1&b=2"}`))
		const back = `href="https://panel.example.com/mail?a=1&amp;b=2"`
		for _, agent := range []string{servertest.IPhone, "Macintosh Safari/", "Windows"} {
			if a := s.Do("GET", l.Path(), http.Header{"User-Agent": {agent}}, ""); !bytes.Contains(a.Body, []byte(back)) {
				t.Errorf("%s: no way back", agent)
			}
		}
		c.Want(t, 200, "PUT", "/domains/example.com", strings.Replace(domain, "panel.", "other.", 1))
		if a := s.Get(l.Path()); a.Status != 200 || bytes.Contains(a.Body, []byte("panel.example.com")) {
			t.Errorf("%d: leads back where it may not", a.Status)
		}
	})
}

// TestLinkVariant checks that a link offers the variant it was created for.
func TestLinkVariant(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		for variant, other := range map[string]string{"mail": "secure", "secure": "mail"} {
			l := servertest.LinkIn(t, c.Want(t, 201, "POST", "/setup-links", `{"address":"jane@example.com","variant":"`+variant+`"}`))
			if a := s.Post(l.Path()+"/profile", "variant", other, "platform", "iphone", "agree", "yes"); a.Status != 422 {
				t.Errorf("a link for %s gave %s: %d", variant, other, a.Status)
			}
			s.Content(s.Get(s.Ticket(l.Path(), variant)).Body)
		}
	})
}

// named is do with an Idempotency-Key.
func named(c servertest.Client, name, path, body string) servertest.Answer {
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + c.Key}, "Idempotency-Key": {name}}
	return c.Server.Do("POST", "/api/v1"+path, header, body)
}

// TestIdempotencyKey repeats requests, on two servers and at once: each is done once,
// and its response is identical.
func TestIdempotencyKey(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		set := func(c *server.Config) { c.Now = clock.Now }
		first := servertest.NewClient(servertest.New(t, database, set), servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		second := servertest.NewClient(first.Server, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		const body = `{"address":"jane@example.com","name":"Jane"}`
		answers := make([]servertest.Answer, 12)
		var wg sync.WaitGroup
		servers := [2]servertest.Client{first, servertest.NewClient(servertest.New(t, database, set), first.Key)}
		for i := range answers {
			wg.Go(func() { answers[i] = named(servers[i%2], "one", "/setup-links", body) })
		}
		wg.Wait()
		replayed := 0
		for _, a := range answers {
			if a.Status != 201 || !bytes.Equal(a.Body, answers[0].Body) {
				t.Errorf("%d %s", a.Status, a.Body)
			}
			if a.Header.Get("Idempotent-Replayed") == "true" {
				replayed++
			}
		}
		if n := storetest.Column(t, database, `SELECT COUNT(*) FROM links`); n[0] != "1" || replayed != len(answers)-1 {
			t.Errorf("%s links, %d answers again", n[0], replayed)
		}
		l := servertest.LinkIn(t, answers[0])
		first.Want(t, 200, "POST", "/setup-links/"+l.ID+"/revoke", "")
		if a := named(first, "one", "/setup-links", ` { "name" : "Jane", "address":"jane@example.com" }`); !bytes.Equal(a.Body, answers[0].Body) {
			t.Errorf("after it was revoked: %s", a.Body)
		}
		if a := named(first, "one", "/setup-links", `{"address":"joe@example.com"}`); a.Status != 422 || servertest.CodeOf(t, a) != "idempotency_key_reused" {
			t.Errorf("another body: %d %s", a.Status, a.Body)
		}
		if a := named(first, "one", "/profiles", body); a.Status != 422 || servertest.CodeOf(t, a) != "idempotency_key_reused" {
			t.Errorf("another operation: %d %s", a.Status, a.Body)
		}
		if other := servertest.LinkIn(t, named(second, "one", "/setup-links", body)); other.ID == l.ID {
			t.Error("another key got the link")
		}
		profile := named(first, "two", "/profiles", body)
		again := named(servers[1], "two", "/profiles", body)
		if profile.Status != 200 || !bytes.Equal(profile.Body, again.Body) || profile.Header.Get("X-Profile-Sha256") != again.Header.Get("X-Profile-Sha256") ||
			profile.Header.Get("Content-Disposition") != again.Header.Get("Content-Disposition") {
			t.Error("a profile sent again differs")
		}
		if n := storetest.Column(t, database, `SELECT COUNT(*) FROM actions WHERE name = 'profile.issue'`); n[0] != "1" {
			t.Errorf("%s actions for one profile", n[0])
		}
		if a := named(first, "three", "/setup-links", `{"address":"x"}`); a.Status != 422 {
			t.Error(a.Status)
		}
		if a := named(first, "three", "/setup-links", body); a.Status != 201 {
			t.Errorf("after a refusal: %d", a.Status)
		}
		clock.Move(24 * time.Hour)
		if after := servertest.LinkIn(t, named(first, "one", "/setup-links", body)); after.ID == l.ID {
			t.Error("the answer is given after its time")
		}
	})
}
